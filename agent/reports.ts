// What an agent tells the cluster beside the lines: losses to `__tailrace_losses`, its status and the srcs it has
// finished to `__tailrace_agents`. Few and small, so each is a batch of its own. A loss counts as owed until the
// broker has it, and no checkpoint passes while anything is owed. What waits is bounded: losses beyond it are added up
// by source and reason, and beyond that by reason alone; none is left out.
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
  #flying = 0
  /** Sources and reasons of which an entry is on its way: what comes in the meantime is one entry more. */
  readonly #flyingOf = new Set<string>()
  readonly #sums = new Map<string, Loss>()
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
    return this.#flying + this.#sums.size
  }

  lose(loss: Loss): void {
    const isFree = this.#flying < losses.flyingMax && !this.#flyingOf.has(ownKey(loss))
    if (isFree) this.#report(loss)
    else this.#addUp(loss)
  }

  #addUp(loss: Loss): void {
    const own = ownKey(loss)
    const key = this.#sums.has(own) || this.#sums.size < losses.sumsMax ? own : loss.reason
    const sum = this.#sums.get(key)
    this.#sums.set(key, sum ? added(sum, loss, key === own) : loss)
  }

  #report(loss: Loss): void {
    const at = this.#clock.wallMs()
    const { source, from, to, reason, lines, detail } = loss
    const entry = { at, reason, source, from: `${from}`, to: to === null ? '' : `${to}`, lines, detail }
    const own = ownKey(loss)
    this.#flying++
    this.#flyingOf.add(own)
    this.#send(lossesTopic, lossKey(loss), entry, () => {
      this.#flying--
      this.#flyingOf.delete(own)
      const next = this.#nextSum()
      if (next) {
        this.#sums.delete(next[0])
        this.#report(next[1])
      } else if (this.#flying === 0) this.#onSettled()
    })
  }

  /** The oldest of which nothing is on its way. */
  #nextSum(): [string, Loss] | undefined {
    for (const sum of this.#sums) if (!this.#flyingOf.has(ownKey(sum[1]))) return sum
    return undefined
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
