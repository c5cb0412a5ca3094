// What an agent tells the cluster beside the lines: losses to `__tailrace_losses`, its status and the srcs it has
// finished to `__tailrace_agents`. Few and small, so each is a batch of its own. A loss counts as owed until the
// broker has it, and a checkpoint that passes it holds it. Of one source and reason there is an entry a second: what
// comes in between is added up. What waits is bounded too: beyond it sums are by reason alone; none is left out.
import type { Producer } from '../broker/client/producer.ts'
import { BatchBuilder } from '../broker/protocol/batch-builder.ts'
import { noHeaders } from '../broker/protocol/record-headers.ts'
import type { Clock } from '../runtime/clock.ts'
import type { FileStatus } from './file-statuses.ts'
import type { Loss } from './tracker.ts'

export const lossesTopic = '__tailrace_losses'
export const agentsTopic = '__tailrace_agents'

/** As `AgentStatus` of the HTTP contract, without what only the reader knows. */
export interface StatusReport {
  readonly agentId: string
  readonly host: string
  readonly version: string
  readonly files: number
  readonly linesPerSecond: number
  readonly bytesBehind: number
  readonly errors: readonly string[]
  readonly bytesPerSecond: number
  /** Of the file that is longest behind. */
  readonly behindMs: number
  /** By filters and sampling, since the start. */
  readonly linesLeftOut: number
  /** The busiest, and those with errors. */
  readonly fileStatuses: readonly FileStatus[]
}

/** The ledger's key: the same loss reported twice is one entry. */
function lossKey(loss: Loss): string {
  return `${loss.source}:${loss.from}:${loss.to ?? ''}:${loss.reason}`
}

function ownKey(loss: Loss): string {
  return `${loss.source} ${loss.reason}`
}

/** Entries on their way, and sums that wait until there is room for them. */
const losses = { flyingMax: 500, sumsMax: 500 } as const
/** Between two entries of one source and reason: a file of nothing but long lines shall not flood the ledger. */
const entryPeriodMs = 1_000

/** Two losses of one reason as one entry: from the first to the last, with as many lines as both. */
function added(sum: Loss, loss: Loss, isOneSource: boolean): Loss {
  const { reason } = loss
  const lines = sum.lines === null || loss.lines === null ? null : sum.lines + loss.lines
  const [, before = '1', first = sum.detail] =
    /^(\d+) entries in one; the first: (.*)$/s.exec(sum.detail) ?? []
  const said = `${Number(before) + 1} entries in one; the first: ${first}`
  if (!isOneSource) return { source: sum.source, from: sum.from, to: null, reason, lines, detail: said }
  const to = sum.to === null || loss.to === null ? null : Math.max(sum.to, loss.to)
  return { source: sum.source, from: Math.min(sum.from, loss.from), to, reason, lines, detail: said }
}

export class Reports {
  readonly #producer: Producer
  readonly #clock: Clock
  readonly #builder = new BatchBuilder(1_024)
  /** By source and reason, of which one entry is on its way at a time. */
  readonly #flying = new Map<string, Loss>()
  readonly #sums = new Map<string, Loss>()
  /** By source and reason, the oldest first: until when there is no other entry. */
  readonly #restUntilMs = new Map<string, number>()
  #timer: NodeJS.Timeout | null = null
  #isHurried = false
  #statusUnderWay = false
  readonly #onSettled: () => void

  /** `onSettled` is called when nothing is owed any more. */
  constructor(producer: Producer, clock: Clock, onSettled: () => void) {
    this.#producer = producer
    this.#clock = clock
    this.#onSettled = onSettled
  }

  /** Losses that the broker has not acknowledged. */
  get owed(): number {
    return this.#flying.size + this.#sums.size
  }

  /** These, as a checkpoint that passes them must hold them. */
  get owedLosses(): Loss[] {
    return [...this.#flying.values(), ...this.#sums.values()]
  }

  lose(loss: Loss): void {
    this.#forgetRested()
    if (this.#isFree(loss)) this.#report(loss)
    else this.#addUp(loss)
  }

  /** From now on nothing waits for its time. */
  hurry(): void {
    this.#isHurried = true
    this.#reportSums()
  }

  close(): void {
    if (this.#timer) clearTimeout(this.#timer)
  }

  #isFree(loss: Loss): boolean {
    const own = ownKey(loss)
    const isResting = !this.#isHurried && this.#restUntilMs.has(own)
    return this.#flying.size < losses.flyingMax && !this.#flying.has(own) && !isResting
  }

  #forgetRested(): void {
    const now = this.#clock.monotonicMs()
    for (const [own, untilMs] of this.#restUntilMs) {
      if (untilMs > now) return
      this.#restUntilMs.delete(own)
    }
  }

  #addUp(loss: Loss): void {
    const own = ownKey(loss)
    const key = this.#sums.has(own) || this.#sums.size < losses.sumsMax ? own : loss.reason
    const sum = this.#sums.get(key)
    this.#sums.set(key, sum ? added(sum, loss, key === own) : loss)
    this.#reportInTime()
  }

  #report(loss: Loss): void {
    const at = this.#clock.wallMs()
    const { source, from, to, reason, lines, detail } = loss
    const entry = { at, reason, source, from: `${from}`, to: to === null ? '' : `${to}`, lines, detail }
    const own = ownKey(loss)
    this.#flying.set(own, loss)
    this.#restUntilMs.delete(own)
    this.#restUntilMs.set(own, this.#clock.monotonicMs() + entryPeriodMs)
    this.#send(lossesTopic, lossKey(loss), entry, () => {
      this.#flying.delete(own)
      this.#reportSums()
      if (this.owed === 0) this.#onSettled()
    })
  }

  /** Those whose time has come. */
  #reportSums(): void {
    this.#forgetRested()
    for (const [key, sum] of this.#sums) {
      if (this.#flying.size >= losses.flyingMax) return
      if (!this.#isFree(sum)) continue
      this.#sums.delete(key)
      this.#report(sum)
    }
    this.#reportInTime()
  }

  #reportInTime(): void {
    const [first] = this.#restUntilMs.values()
    if (this.#timer || first === undefined || this.#sums.size === 0) return
    const delayMs = Math.max(1, first - this.#clock.monotonicMs())
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#reportSums()
    }, delayMs)
  }

  /** Skipped while the last one is still on its way: an old status helps nobody. */
  status(report: StatusReport): void {
    if (this.#statusUnderWay) return
    this.#statusUnderWay = true
    this.#send(agentsTopic, report.agentId, report, () => {
      this.#statusUnderWay = false
    })
  }

  /** Nothing of this src at or beyond `end` was ever sent, and nothing of it will be sent again. */
  finished(src: string, end: number, acknowledged: () => void): void {
    this.#send(agentsTopic, `finished:${src}`, { finished: src, end: `${end}` }, acknowledged)
  }

  #send(topic: string, key: string, value: unknown, acknowledged: () => void): void {
    const bytes = Buffer.from(JSON.stringify(value), 'utf8')
    this.#builder.append(Buffer.from(key, 'utf8'), bytes, noHeaders, this.#clock.wallMs())
    const batch = this.#builder.build({ codec: 'none' })
    // A refusal here is a broker that will not keep such a topic: the report is given up, the lines are not.
    this.#producer.send(topic, 0, batch, acknowledged)
  }
}
