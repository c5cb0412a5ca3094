// Brings what could not be counted to `<topic>.dlq`, whole and with the reason, at least once: the store keeps each
// record until the topic has it. The topic is made when it is first needed. A broker that refuses costs nothing but
// the copy: the count goes on, and it is tried again later, a little at a time.
import type { Cluster } from '../../broker/client/cluster.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { errorName } from '../../broker/protocol/errors.ts'
import { encodeHeaders } from '../../broker/protocol/record-headers.ts'
import type { Log } from '../../runtime/log.ts'
import type { DeadLetters, WaitingLetter } from '../store/dead-letters.ts'

/** Of one turn: so many a second at most, whatever comes in. */
const lettersPerTurn = 200
const bytesPerTurn = 900_000
export const turnMs = 1000
const retryMs = 30_000
/** A tenth of a second each, until a new topic has a leader. */
const leaderTries = 100

export class DeadLetterSender {
  readonly #cluster: Cluster
  readonly #letters: DeadLetters
  /** Rows of the partitions that this process reads. */
  readonly #sources: () => readonly number[]
  readonly #log: Log
  readonly #builder = new BatchBuilder()
  #isSending = false
  #turnsToWait = 0
  #failures = 0
  #lastError = ''
  sent = 0

  constructor(cluster: Cluster, letters: DeadLetters, sources: () => readonly number[], log: Log) {
    this.#cluster = cluster
    this.#letters = letters
    this.#sources = sources
    this.#log = log
  }

  /** Call once a second. Never throws; resolves true if something was sent. */
  async turn(): Promise<boolean> {
    if (this.#isSending || this.#turnsToWait-- > 0) return false
    this.#turnsToWait = 0
    this.#isSending = true
    try {
      return await this.#sendSome()
    } catch (error) {
      this.#turnsToWait = retryMs / turnMs
      this.#told((error as Error).message)
      return false
    } finally {
      this.#isSending = false
    }
  }

  /** A broker that restarts is no news: what fails a second time is, once for each reason. */
  #told(error: string): void {
    this.#failures++
    if (this.#failures === 1 || error === this.#lastError) return
    this.#lastError = error
    this.#log.warn('what could not be counted waits for its topic', { error })
  }

  async #sendSome(): Promise<boolean> {
    const [first, ...rest] = this.#letters.waiting(this.#sources(), lettersPerTurn)
    if (!first) return false
    const letters = [first]
    let bytes = first.value?.length ?? 0
    for (const letter of rest) {
      bytes += letter.value?.length ?? 0
      if (letter.topic !== first.topic || bytes > bytesPerTurn) break
      letters.push(letter)
    }
    await this.#produce(`${first.topic}.dlq`, letters)
    this.#failures = 0
    this.#lastError = ''
    for (const letter of letters) this.#letters.drop(letter)
    this.sent += letters.length
    return true
  }

  async #produce(name: string, letters: readonly WaitingLetter[]): Promise<void> {
    if (this.#cluster.leaderOf(name, 0) < 0) await this.#find(name)
    const connection = await this.#cluster.connectionTo(this.#cluster.leaderOf(name, 0))
    const answer = await connection.request(apis.produce, {
      acks: -1,
      timeoutMs: 10_000,
      topicData: [
        {
          name,
          topicId: this.#cluster.topic(name)!.id,
          partitionData: [{ index: 0, records: this.#batch(letters) }],
        },
      ],
    })
    const code = answer.responses[0]?.partitionResponses[0]?.errorCode ?? 0
    if (code === 0) return
    void this.#cluster.refresh([name]).catch(() => undefined)
    throw new Error(`Cannot write to ${name}: ${errorName(code)}`)
  }

  async #find(name: string): Promise<void> {
    await this.#cluster.refresh([name])
    if (this.#cluster.leaderOf(name, 0) >= 0) return
    await this.#make(name)
    for (let attempt = 0; attempt < leaderTries && this.#cluster.leaderOf(name, 0) < 0; attempt++) {
      await new Promise(resolve => setTimeout(resolve, 100))
      await this.#cluster.refresh([name])
    }
    if (this.#cluster.leaderOf(name, 0) < 0) throw new Error(`Cannot write to ${name}: nobody leads it`)
  }

  /** By the controller, which may have changed since we last heard. */
  async #make(name: string): Promise<void> {
    const topics = [{ name, numPartitions: 1, replicationFactor: -1 }]
    for (let attempt = 0; ; attempt++) {
      const connection = await this.#cluster
        .connectionTo(this.#cluster.controllerId)
        .catch(() => this.#cluster.anyConnection())
      const { topics: made } = await connection.request(apis.createTopics, { topics, timeoutMs: 10_000 })
      const error = errorName(made[0]?.errorCode ?? 0)
      if (error === 'none' || error === 'topicAlreadyExists') return
      if (error !== 'notController' || attempt === 2)
        throw new Error(`Cannot make the topic ${name}: ${error}`)
      await this.#cluster.refresh([name])
    }
  }

  #batch(letters: readonly WaitingLetter[]): Buffer {
    for (const { topic, partition, offset, reason, at, key, value } of letters) {
      const headers = encodeHeaders([
        ['topic', topic],
        ['partition', String(partition)],
        ['offset', String(offset)],
        ['reason', reason],
      ])
      this.#builder.append(key, value ?? Buffer.alloc(0), headers, at)
    }
    return this.#builder.build({ codec: 'none' })
  }
}
