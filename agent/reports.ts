// What an agent tells the cluster beside the lines: losses to `__tailrace_losses`, its status and the srcs it has
// finished to `__tailrace_agents`. Few and small, so each is a batch of its own. A loss counts as owed until the
// broker has it, and no checkpoint passes while anything is owed.
import type { Producer } from '../broker/client/producer.ts'
import { BatchBuilder } from '../broker/protocol/batch-builder.ts'
import { noHeaders } from '../broker/protocol/record-headers.ts'
import type { Clock } from '../runtime/clock.ts'
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
}

/** The ledger's key: the same loss reported twice is one entry. */
function lossKey(loss: Loss): string {
  return `${loss.source}:${loss.from}:${loss.to ?? ''}:${loss.reason}`
}

export class Reports {
  readonly #producer: Producer
  readonly #clock: Clock
  readonly #builder = new BatchBuilder(1_024)
  #owed = 0
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
    return this.#owed
  }

  lose(loss: Loss): void {
    const at = this.#clock.wallMs()
    const { source, from, to, reason, lines, detail } = loss
    const entry = { at, reason, source, from: `${from}`, to: to === null ? '' : `${to}`, lines, detail }
    this.#owed++
    this.#send(lossesTopic, lossKey(loss), entry, () => {
      this.#owed--
      if (this.#owed === 0) this.#onSettled()
    })
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
