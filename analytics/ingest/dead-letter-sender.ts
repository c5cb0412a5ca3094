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

export class DeadLetterSender {
  readonly #cluster: Cluster
  readonly #letters: DeadLetters
  /** Rows of the partitions that this process reads. */
  readonly #sources: () => readonly number[]
  readonly #log: Log
  readonly #builder = new BatchBuilder()
  #isSending = false
  #turnsToWait = 0
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
      this.#log.warn('what could not be counted waits for its topic', { error: (error as Error).message })
      return false
    } finally {
      this.#isSending = false
    }
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
    const connection = await this.#cluster.anyConnection()
    const controller = await this.#cluster.connectionTo(this.#cluster.controllerId).catch(() => connection)
    const topics = [{ name, numPartitions: 1, replicationFactor: -1 }]
    const { topics: made } = await controller.request(apis.createTopics, { topics, timeoutMs: 10_000 })
    const error = errorName(made[0]?.errorCode ?? 0)
    if (error !== 'none' && error !== 'topicAlreadyExists')
      throw new Error(`Cannot make the topic ${name}: ${error}`)
    for (let attempt = 0; attempt < 20 && this.#cluster.leaderOf(name, 0) < 0; attempt++) {
      await new Promise(resolve => setTimeout(resolve, 100))
      await this.#cluster.refresh([name])
    }
    if (this.#cluster.leaderOf(name, 0) < 0) throw new Error(`Cannot write to ${name}: nobody leads it`)
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
