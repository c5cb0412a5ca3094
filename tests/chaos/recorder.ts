// Writes down what clients do, as it happens: the one list of events that the checker judges, and what is known so far
// of each key, from which the workload chooses what to read next. No I/O; the clock is the process's monotonic one.
import {
  type Action,
  type Completion,
  type HistoryEvent,
  type Key,
  nobody,
  type Read,
} from './checker/history.ts'

export interface DataOutcome {
  readonly type: Completion
  readonly actions: readonly Action[]
  readonly rebalanced?: readonly Key[]
  readonly error?: string | undefined
}

export class Recorder {
  readonly events: HistoryEvent[] = []
  /** What no client may ever see, in words: a record of another key, a broken checksum. */
  readonly anomalies: string[] = []
  #process = 0

  newProcess(): number {
    return this.#process++
  }

  /** Runs one operation between its invocation and its completion. */
  async during(
    process: number,
    f: 'send' | 'poll',
    actions: readonly Action[],
    act: () => Promise<DataOutcome>,
  ): Promise<DataOutcome> {
    this.events.push({ type: 'invoke', f, process, timeNs: now(), actions })
    const outcome = await act()
    const error = outcome.error === undefined ? {} : { error: outcome.error }
    const rebalanced = outcome.rebalanced === undefined ? {} : { rebalanced: outcome.rebalanced }
    const { type, actions: done } = outcome
    this.events.push({ type, f, process, timeNs: now(), actions: done, ...rebalanced, ...error })
    return outcome
  }

  placed(process: number, f: 'assign' | 'subscribe', keys: readonly Key[]): void {
    this.events.push({ type: 'invoke', f, process, timeNs: now(), keys })
    this.events.push({ type: 'ok', f, process, timeNs: now(), keys })
  }

  crashed(process: number): void {
    this.events.push({ type: 'info', f: 'crash', process, timeNs: now() })
  }

  fault(fault: string, what: string): void {
    this.events.push({ type: 'info', f: 'fault', process: nobody, timeNs: now(), fault, what })
  }

  /** The last fault has turned out to be impossible just then: it counts as a calm window. */
  notInjected(): void {
    const at = this.events.findLastIndex(({ f }) => f === 'fault')
    const event = this.events[at]
    if (event?.f === 'fault') this.events[at] = { ...event, fault: 'calm' }
  }

  leader(key: Key, leader: number, epoch: number): void {
    this.events.push({ type: 'info', f: 'leader', process: nobody, timeNs: now(), key, leader, epoch })
  }

  finalReads(): void {
    this.events.push({ type: 'info', f: 'final', process: nobody, timeNs: now() })
  }
}

/** What has been sent and polled of each key so far. */
export class KeyLedger {
  readonly keys: readonly Key[]
  /** Values of sends that were acknowledged. */
  acknowledged = 0
  #value = 0
  readonly #sent = new Map<Key, number>()
  readonly #polled = new Map<Key, number>()

  constructor(topic: string, partitions: number) {
    this.keys = Array.from({ length: partitions }, (_, partition) => `${topic}/${partition}`)
  }

  newValues(count: number): number[] {
    return Array.from({ length: count }, () => ++this.#value)
  }

  sent(key: Key, offset: number): void {
    this.acknowledged++
    this.#sent.set(key, Math.max(this.#sent.get(key) ?? -1, offset))
  }

  polled(key: Key, reads: readonly Read[]): void {
    const last = reads.at(-1)
    if (last) this.#polled.set(key, Math.max(this.#polled.get(key) ?? -1, last[0]))
  }

  /** The highest offset that anybody knows of; -1 when nobody knows of any. */
  highest(key: Key): number {
    return Math.max(this.#sent.get(key) ?? -1, this.#polled.get(key) ?? -1)
  }

  hasUnpolled(key: Key): boolean {
    return (this.#sent.get(key) ?? -1) > (this.#polled.get(key) ?? -1)
  }
}

function now(): number {
  return Math.round(performance.now() * 1e6)
}
