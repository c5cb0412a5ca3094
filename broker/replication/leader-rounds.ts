// The rounds with one leader: ask, write, flush, ask again. Everything is driven by callbacks of one connection and
// of the logs' flushes; nothing is allocated for a partition but its row. A reply counts only for the epoch and the
// offset it was asked for: a partition that was moved, cut or handed to another leader meanwhile ignores it.
import { Connection } from '../client/connection.ts'
import { apis } from '../protocol/apis.ts'
import { noBytes } from '../protocol/bytes.ts'
import { type ErrorName, errorName } from '../protocol/errors.ts'
import type { FetchResponse } from '../protocol/messages/01-fetch.ts'
import type { FollowerOptions } from './follower.ts'
import type { Partition } from './partition.ts'
import { RoundMemory } from './round-memory.ts'
import { type CatchUpThrottle, orderOfRound } from './throttle.ts'

export interface LeaderOptions extends FollowerOptions {
  readonly leader: number
  readonly host: string
  readonly port: number
  /** Shared by the rounds with all leaders; null: no limit. Those in sync are never held back by it. */
  readonly throttle: CatchUpThrottle | null
}

type FetchedPartition = FetchResponse['responses'][number]['partitions'][number]

/** One followed partition. */
interface Row {
  readonly partition: Partition
  leaderEpoch: number
  /** Asked for in the round under way; -1 when it is not part of it. */
  askedOffset: number
  askedEpoch: number
  /** Not in sync when it was asked for: what comes counts against the throttle. */
  isBehind: boolean
  notBeforeMs: number
}

interface TopicWish {
  readonly topic: string
  readonly topicId: string
  readonly partitions: ReturnType<typeof wishOf>[]
}

/** Short, because a partition that is new to this leader waits for the round under way. */
const defaultMaxWaitMs = 250
const answerBytesMax = 4 * 1024 * 1024
const partitionBytesMax = 2 * 1024 * 1024
/** Beyond the wait. A leader that is paused for longer has lost its lease. */
const requestPatienceMs = 5_000
const connectTimeoutMs = 2_000
const backoffMs = 100
const backoffMaxMs = 1_000

export class LeaderRounds {
  readonly #options: LeaderOptions
  readonly #rows = new Map<Partition, Row>()
  /** Topic id → rows by partition index. */
  readonly #byTopic = new Map<string, Row[]>()
  /** Written in this round and not yet flushed. */
  readonly #flushing = new Set<Partition>()
  readonly #memory = new RoundMemory()
  #connection: Connection | null = null
  #isConnecting = false
  #isAsking = false
  #timer: NodeJS.Timeout | null = null
  #timerDueMs = Infinity
  #failures = 0
  #turn = 0
  #closed = false

  constructor(options: LeaderOptions) {
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#rows.size === 0
  }

  add(partition: Partition, leaderEpoch: number): void {
    const row = this.#rows.get(partition)
    if (row) {
      row.leaderEpoch = leaderEpoch
      row.notBeforeMs = 0
    } else {
      const added: Row = {
        partition,
        leaderEpoch,
        askedOffset: -1,
        askedEpoch: -1,
        isBehind: false,
        notBeforeMs: 0,
      }
      this.#rows.set(partition, added)
      const ofTopic = this.#byTopic.get(partition.topicId) ?? []
      ofTopic[partition.index] = added
      this.#byTopic.set(partition.topicId, ofTopic)
    }
    // A little later, so that partitions that come together are asked for together.
    this.#wake(1)
  }

  remove(partition: Partition): void {
    this.#rows.delete(partition)
    delete this.#byTopic.get(partition.topicId)?.[partition.index]
    if (this.#flushing.delete(partition)) this.#wake(0)
  }

  durable(partition: Partition): void {
    if (isDurable(partition)) this.#flushing.delete(partition)
    if (this.#flushing.size === 0) this.#begin()
  }

  close(): void {
    this.#closed = true
    if (this.#timer) clearTimeout(this.#timer)
    this.#connection?.close()
    this.#rows.clear()
  }

  #wake(delayMs: number): void {
    const dueMs = this.#options.clock.monotonicMs() + delayMs
    if (this.#closed || dueMs >= this.#timerDueMs) return
    if (this.#timer) clearTimeout(this.#timer)
    this.#timerDueMs = dueMs
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#timerDueMs = Infinity
      this.#begin()
    }, delayMs)
  }

  /** Begins a round, if none is under way and there is anything to ask for. */
  #begin(): void {
    if (this.#closed || this.#isAsking || this.#flushing.size > 0 || this.#rows.size === 0) return
    if (this.#connection === null || !this.#connection.isOpen) {
      this.#connect()
      return
    }
    const topics = this.#wishes()
    if (topics.length === 0) return
    const { brokerId, brokerEpoch } = this.#options
    const maxWaitMs = this.#maxWaitMs()
    const body = {
      replicaId: brokerId,
      replicaState: { replicaId: brokerId, replicaEpoch: brokerEpoch() },
      maxWaitMs,
      minBytes: 1,
      maxBytes: answerBytesMax,
      topics,
    }
    this.#isAsking = true
    this.#connection.send(apis.fetch, body, maxWaitMs + requestPatienceMs, (error, answer) => {
      this.#isAsking = false
      if (this.#closed) return
      if (error || !answer) this.#failed(error ?? new Error('no answer'))
      else this.#take(answer)
    })
  }

  /** No longer than until those who are behind may be asked for again. */
  #maxWaitMs(): number {
    const { maxWaitMs = defaultMaxWaitMs, throttle, clock } = this.#options
    return Math.min(maxWaitMs, throttle?.waitMs(clock.monotonicMs()) || maxWaitMs)
  }

  /** Rows that may be asked for, in the order in which they are served. */
  #wishes() {
    const { brokerId, throttle, clock } = this.#options
    const nowMs = clock.monotonicMs()
    const waitMs = throttle?.waitMs(nowMs) ?? 0
    const inSync: Row[] = []
    const behind: Row[] = []
    let nextMs = Infinity
    for (const row of this.#rows.values()) {
      row.askedOffset = -1
      // A disk that is still busy with an earlier role's bytes: durable() comes back to it.
      if (!isDurable(row.partition)) continue
      row.isBehind = !row.partition.replica.isr.includes(brokerId)
      const fromMs = row.isBehind && waitMs > 0 ? nowMs + waitMs : row.notBeforeMs
      if (fromMs <= nowMs) (row.isBehind ? behind : inSync).push(row)
      else nextMs = Math.min(nextMs, fromMs)
    }
    const rows = orderOfRound(inSync, behind, this.#turn++)
    if (rows.length === 0 && nextMs < Infinity) this.#wake(nextMs - nowMs)
    const topics = new Map<string, TopicWish>()
    for (const row of rows) {
      const { topic, topicId } = row.partition
      let wish = topics.get(topicId)
      if (!wish) {
        wish = { topic, topicId, partitions: [] }
        topics.set(topicId, wish)
      }
      wish.partitions.push(wishOf(row))
    }
    return [...topics.values()]
  }

  #connect(): void {
    if (this.#isConnecting) return
    this.#isConnecting = true
    const { host, port, brokerId, credentials } = this.#options
    const clientId = `broker-${brokerId}-follower`
    Connection.open({ host, port, clientId, connectTimeoutMs, lending: this.#memory, ...credentials }).then(
      connection => {
        this.#isConnecting = false
        if (this.#closed) connection.close()
        else {
          this.#connection = connection
          this.#begin()
        }
      },
      (error: Error) => {
        this.#isConnecting = false
        this.#failed(error)
      },
    )
  }

  #failed(error: Error): void {
    if (this.#closed) return
    this.#failures++
    const { log, leader } = this.#options
    if (this.#failures === 1 || this.#failures % 50 === 0) {
      log.warn('cannot fetch from a leader, trying again', { leader, failures: this.#failures, error })
    }
    this.#wake(Math.min(backoffMaxMs, backoffMs * 2 ** Math.min(this.#failures - 1, 10)))
  }

  #take(answer: FetchResponse): void {
    if (answer.errorCode !== 0) {
      this.#failed(new Error(errorName(answer.errorCode)))
      return
    }
    this.#failures = 0
    for (const topic of answer.responses) {
      for (const fetched of topic.partitions) {
        const row = this.#byTopic.get(topic.topicId)?.[fetched.partitionIndex]
        if (row) this.#takeOne(row, fetched)
      }
    }
    if (this.#flushing.size === 0) this.#begin()
  }

  #takeOne(row: Row, fetched: FetchedPartition): void {
    const { partition, askedOffset, askedEpoch } = row
    row.askedOffset = -1
    const isAsAsked = askedOffset === partition.log.logEndOffset && askedEpoch === row.leaderEpoch
    if (!isAsAsked || !partition.follows(askedEpoch)) return
    const error = errorName(fetched.errorCode)
    if (error !== 'none') this.#refused(row, error, fetched.logStartOffset)
    else if (fetched.divergingEpoch.epoch >= 0 || fetched.divergingEpoch.endOffset >= 0) {
      const isShorter = partition.cutDiverging(fetched.divergingEpoch)
      if (!isShorter)
        this.#backOff(row, 'unknownServerError', 'the leader sees another history and names no end')
    } else {
      const records = fetched.records ?? noBytes
      if (row.isBehind) this.#options.throttle?.took(records.length, this.#options.clock.monotonicMs())
      const result = partition.takeFetched(records, askedOffset, askedEpoch)
      if (!result.ok) this.#backOff(row, result.error, result.message)
      partition.answered(askedEpoch, fetched.highWatermark, fetched.logStartOffset)
    }
    if (!isDurable(partition)) this.#flushing.add(partition)
  }

  #refused(row: Row, error: ErrorName, leaderStartOffset: number): void {
    // The leader has deleted what would come next, and said so in our epoch: begin again where it begins.
    const isBelow = error === 'offsetOutOfRange' && row.partition.beginAgain(leaderStartOffset)
    if (!isBelow) this.#backOff(row, error, '')
  }

  #backOff(row: Row, error: ErrorName, message: string): void {
    const { clock, log, leader, doubtLeader } = this.#options
    const { topic, index } = row.partition
    row.notBeforeMs = clock.monotonicMs() + backoffMs
    this.#wake(backoffMs)
    log.debug('a fetch was refused', { topic, partition: index, leader, error, message })
    doubtLeader(row.partition)
  }
}

/** A vote may be cast for what is written only where the topic counts written bytes. */
function isDurable({ log, replica }: Partition): boolean {
  return !replica.countsFlushedBytes || log.durableEnd === log.logEndOffset
}

function wishOf(row: Row) {
  const { log, index } = row.partition
  row.askedOffset = log.logEndOffset
  row.askedEpoch = row.leaderEpoch
  return {
    partition: index,
    currentLeaderEpoch: row.leaderEpoch,
    fetchOffset: log.logEndOffset,
    lastFetchedEpoch: log.latestEpoch,
    logStartOffset: log.logStartOffset,
    partitionMaxBytes: partitionBytesMax,
  }
}
