// One replica in the simulator: the real core (replica.ts, fencing.ts) with a log in memory, what waits for it, and
// the follower's loop of fetch, write, flush. It stands where partition.ts and follower.ts stand in a broker.
import type { PartitionMeta } from '../../broker/controller/cluster-state.ts'
import type { ErrorName } from '../../broker/protocol/errors.ts'
import {
  clientError,
  epochError,
  followerError,
  mayPromise,
  produceError,
} from '../../broker/replication/fencing.ts'
import type { IsrOutcome, IsrProposal } from '../../broker/replication/peers.ts'
import {
  newReplica,
  type Replica,
  type ReplicaEffect,
  type ReplicaEvent,
  step,
} from '../../broker/replication/replica.ts'
import type { LogEntry, MemoryLog } from './memory-log.ts'

export interface ReplicaHost {
  readonly brokerId: number
  readonly lagTimeMaxMs: number
  readonly fetchRecords: number
  nowMs(): number
  brokerEpoch(): number
  isLeaseHeld(): boolean
  after(delayMs: number, what: string, run: () => void): void
  flush(log: MemoryLog, done: (end: number) => void): void
  ask(leader: number, index: number, request: FetchRequest, answered: (answer: FetchAnswer) => void): void
  propose(shell: ReplicaShell, proposal: IsrProposal): void
  observe(shell: ReplicaShell, effect: ReplicaEffect | { readonly type: 'led' | 'changed' }): void
  alarm(text: string): void
}

export interface FetchRequest {
  readonly brokerId: number
  readonly brokerEpoch: number
  readonly leaderEpoch: number
  readonly fetchOffset: number
  readonly lastFetchedEpoch: number
}

export type FetchAnswer =
  | { readonly type: 'error'; readonly error: ErrorName }
  | { readonly type: 'diverging'; readonly epoch: number; readonly endOffset: number }
  | { readonly type: 'records'; readonly entries: readonly LogEntry[]; readonly highWatermark: number }

export interface RoleFacts {
  readonly meta: PartitionMeta
  readonly minIsr: number
  readonly countsFlushedBytes: boolean
  readonly brokerEpochs: ReadonlyMap<number, number>
}

export type Told = (error: ErrorName, offset: number) => void

const fetchTimeoutMs = 400
const fetchWaitMs = 60
const retryMs = 50
const attendanceMs = 1_500

export class ReplicaShell {
  readonly topicId: string
  readonly index: number
  readonly log: MemoryLog
  readonly replica: Replica
  readonly host: ReplicaHost
  #waiting: { readonly end: number; readonly told: Told }[] = []
  #parked: (() => void)[] = []
  #isFlushing = false
  #round = 0
  /** Leader: when each follower last fetched in this epoch. */
  readonly #attendedMs = new Map<number, number>()
  /** Follower: what the answer that is being flushed said of the watermark. */
  #heard: { readonly leaderEpoch: number; readonly highWatermark: number; readonly upTo: number } | null =
    null

  constructor(topicId: string, index: number, log: MemoryLog, host: ReplicaHost) {
    this.topicId = topicId
    this.index = index
    this.log = log
    this.host = host
    this.replica = newReplica(host.brokerId, log.highWatermark, host.lagTimeMaxMs)
  }

  /** What the store says of this partition, as far as this broker has heard. */
  apply(facts: RoleFacts): void {
    const { meta, minIsr, countsFlushedBytes, brokerEpochs } = facts
    const { replica, log } = this
    const { leader, leaderEpoch, partitionEpoch, replicas, isr } = meta
    const stored = { partitionEpoch, replicas, isr, minIsr: Math.min(minIsr, replicas.length), brokerEpochs }
    const ends = { logEndOffset: log.end, durableEnd: log.durableEnd }
    const isHeld = replica.role !== 'offline'
    if (leaderEpoch < replica.leaderEpoch) return
    if (leaderEpoch === replica.leaderEpoch && (isHeld || leader === this.host.brokerId)) {
      if (isHeld) this.step({ type: 'updated', ...stored })
      return
    }
    if (leader === this.host.brokerId) {
      // Granted to an earlier life of this broker: the controller will grant a new one.
      if (meta.leaderBrokerEpoch !== this.host.brokerEpoch()) return
      this.#attendedMs.clear()
      this.step({ type: 'lead', leaderEpoch, countsFlushedBytes, ...stored, ...ends })
      this.host.observe(this, { type: 'led' })
    } else {
      this.step({ type: 'follow', leader, leaderEpoch, countsFlushedBytes, ...stored, ...ends })
      this.#flush()
      this.#nextRound()
    }
  }

  stop(): void {
    this.#round++
    this.#heard = null
    this.step({ type: 'stop', error: 'notLeaderOrFollower' })
  }

  /** Whether all the others in sync have fetched from it lately, so that none of them had been elected. */
  isAttended(): boolean {
    const { replica, host } = this
    const others = replica.isr.filter(id => id !== host.brokerId)
    const isHere = (id: number) => host.nowMs() - (this.#attendedMs.get(id) ?? -Infinity) <= attendanceMs
    return others.length > 0 && others.every(isHere)
  }

  tick(): void {
    this.step({ type: 'tick' })
    this.#release()
    this.#flush()
  }

  isrSettled({ leaderEpoch, partitionEpoch: proposedFrom }: IsrProposal, result: IsrOutcome): void {
    if (result.outcome === 'unknown') return
    const { outcome, partitionEpoch, isr } = result
    const type = outcome === 'applied' ? 'isrApplied' : 'isrRefused'
    this.step({ type, leaderEpoch, proposedFrom, partitionEpoch, isr })
  }

  /** Whoever asks hears of it when it is in every in-sync log. */
  append(wish: Omit<LogEntry, 'epoch'>, told: Told): void {
    const refusal = produceError(this.replica, -1, this.#mayPromise)
    if (refusal !== 'none') {
      told(refusal, -1)
      return
    }
    const appended = this.log.append({ epoch: this.replica.leaderEpoch, ...wish })
    if (!appended.ok) {
      told('outOfOrderSequenceNumber', -1)
      return
    }
    this.#waiting.push({ end: appended.offset + 1, told: error => told(error, appended.offset) })
    if (appended.isDuplicate) this.#release()
    else {
      this.step({ type: 'appended', logEndOffset: this.log.end })
      this.#wake()
    }
    this.#flush()
  }

  awaitCommitted(told: (error: ErrorName) => void): void {
    if (this.replica.role !== 'leader') {
      told('notLeaderOrFollower')
      return
    }
    this.#waiting.push({ end: this.log.end, told })
    this.#release()
  }

  /** Records below the watermark, for a consumer; null when this is not the leader. */
  read(offset: number, records: number): readonly LogEntry[] | null {
    if (clientError(this.replica, -1, this.#mayPromise) !== 'none') return null
    return this.log.entries.slice(offset, Math.min(offset + records, this.replica.highWatermark))
  }

  /** A follower's fetch. */
  serve(request: FetchRequest, answered: (answer: FetchAnswer) => void): void {
    if (this.#look(request, answered, false)) return
    let isOver = false
    const attempt = (isLast: boolean) => {
      isOver ||= this.#look(request, answered, isLast)
      if (!isOver) this.#parked.push(() => attempt(false))
    }
    this.#parked.push(() => attempt(false))
    this.host.after(fetchWaitMs, 'fetch has waited', () => {
      if (!isOver) attempt(true)
      isOver = true
    })
  }

  step(event: ReplicaEvent): void {
    const effects: ReplicaEffect[] = []
    step(this.replica, event, this.host.nowMs(), effects)
    for (const effect of effects) this.#carryOut(effect)
    this.host.observe(this, { type: 'changed' })
  }

  #look(request: FetchRequest, answered: (answer: FetchAnswer) => void, isLast: boolean): boolean {
    const { replica, log } = this
    const { brokerId, brokerEpoch, leaderEpoch, fetchOffset, lastFetchedEpoch } = request
    const fault = epochError(replica, leaderEpoch)
    const error = fault === 'none' ? followerError(replica, brokerId, brokerEpoch) : fault
    if (error !== 'none') {
      answered({ type: 'error', error })
      return true
    }
    const end = this.#epochEnd(lastFetchedEpoch)
    if (lastFetchedEpoch >= 0 && (end.epoch < lastFetchedEpoch || end.endOffset < fetchOffset)) {
      answered({ type: 'diverging', ...end })
      return true
    }
    if (fetchOffset > log.end) {
      answered({ type: 'diverging', epoch: log.latestEpoch, endOffset: log.end })
      return true
    }
    const before = replica.highWatermark
    this.#attendedMs.set(brokerId, this.host.nowMs())
    this.step({ type: 'fetched', brokerId, brokerEpoch, leaderEpoch, fetchOffset })
    const entries = log.entries.slice(fetchOffset, fetchOffset + this.host.fetchRecords)
    const { highWatermark } = replica
    if (entries.length === 0 && highWatermark === before && !isLast) return false
    answered({ type: 'records', entries, highWatermark })
    return true
  }

  /** The epoch we lead in exists before its first record does, and ends the one before it. */
  #epochEnd(epoch: number): { readonly epoch: number; readonly endOffset: number } {
    const { log, replica } = this
    if (epoch <= replica.leaderEpoch && epoch > log.latestEpoch) {
      const known = epoch === replica.leaderEpoch || log.latestEpoch < 0 ? epoch : log.latestEpoch
      return { epoch: known, endOffset: log.end }
    }
    return log.endOffsetForEpoch(epoch)
  }

  #carryOut(effect: ReplicaEffect): void {
    if (effect.type === 'highWatermark') {
      this.log.highWatermark = effect.offset
      this.host.observe(this, effect)
      this.#release()
      this.#wake()
      return
    }
    this.host.observe(this, effect)
    if (effect.type === 'proposeIsr') this.host.propose(this, effect)
    else if (effect.type === 'underMinIsr') this.#fail('notEnoughReplicasAfterAppend')
    else if (effect.type === 'stopped') {
      this.#fail(effect.error)
      this.#wake()
    }
  }

  get #mayPromise(): boolean {
    return mayPromise(this.replica, this.host.isLeaseHeld(), this.host.nowMs())
  }

  #release(): void {
    if (!this.#mayPromise) return
    const due = this.#waiting.filter(({ end }) => end <= this.replica.highWatermark)
    this.#waiting = this.#waiting.filter(({ end }) => end > this.replica.highWatermark)
    for (const { end, told } of due) told('none', end - 1)
  }

  #fail(error: ErrorName): void {
    for (const { told } of this.#waiting.splice(0)) told(error, -1)
  }

  #wake(): void {
    for (const attempt of this.#parked.splice(0)) attempt()
  }

  #flush(): void {
    if (this.#isFlushing || this.log.durableEnd >= this.log.end) return
    this.#isFlushing = true
    const { log } = this
    const { truncations } = log
    this.host.flush(log, end => {
      this.#isFlushing = false
      // What was cut meanwhile is not what was flushed.
      if (log.truncations === truncations) log.flushed(end)
      this.step({ type: 'flushed', durableEnd: log.durableEnd })
      if (log.durableEnd < log.end) this.#flush()
      else if (this.replica.role === 'follower') this.#settleRound()
    })
  }

  #nextRound(delayMs = 0): void {
    const round = ++this.#round
    this.#heard = null
    this.host.after(delayMs, `fetches ${this.index}`, () => this.#fetch(round))
  }

  #fetch(round: number): void {
    const { replica, log, host } = this
    if (round !== this.#round || replica.role !== 'follower' || replica.leader < 0) return
    // A fetch offset is a vote: nothing is asked for before everything is flushed.
    if (log.durableEnd < log.end) {
      this.#nextRound(retryMs)
      return
    }
    const { leader, leaderEpoch } = replica
    const fetchOffset = log.end
    const request = {
      brokerId: host.brokerId,
      brokerEpoch: host.brokerEpoch(),
      leaderEpoch,
      fetchOffset,
      lastFetchedEpoch: log.latestEpoch,
    }
    host.ask(leader, this.index, request, answer => {
      const isOurs = round === this.#round && replica.leaderEpoch === leaderEpoch && replica.leader === leader
      if (isOurs && replica.role === 'follower' && log.end === fetchOffset && this.#heard === null)
        this.#take(answer)
    })
    host.after(fetchTimeoutMs, `fetch ${this.index} timed out`, () => {
      if (round === this.#round && this.#heard === null) this.#nextRound()
    })
  }

  #take(answer: FetchAnswer): void {
    const { log, replica } = this
    if (answer.type === 'error') {
      this.#nextRound(retryMs)
      return
    }
    if (answer.type === 'diverging') {
      const own = log.endOffsetForEpoch(answer.epoch)
      const cutAt = Math.min(answer.endOffset, own.endOffset < 0 ? log.end : own.endOffset)
      log.truncateTo(Math.max(0, cutAt))
      this.step({ type: 'truncated', logEndOffset: log.end, durableEnd: log.durableEnd })
      this.#nextRound()
      return
    }
    const { leaderEpoch } = replica
    if (!log.appendFetched(answer.entries, leaderEpoch)) {
      this.host.alarm('a leader sent batches of an epoch that is not its own')
      this.#nextRound(retryMs)
      return
    }
    if (answer.entries.length > 0) this.step({ type: 'appended', logEndOffset: log.end })
    this.#heard = { leaderEpoch, highWatermark: answer.highWatermark, upTo: log.end }
    if (log.durableEnd < log.end) this.#flush()
    else this.#settleRound()
  }

  #settleRound(): void {
    const heard = this.#heard
    if (!heard || this.log.durableEnd < heard.upTo) return
    this.step({ type: 'answered', leaderEpoch: heard.leaderEpoch, leaderHighWatermark: heard.highWatermark })
    this.#nextRound(1)
  }
}
