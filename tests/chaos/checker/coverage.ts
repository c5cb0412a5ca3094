// Whether a history says anything: a run in which little was written, or in which no fault moved a leader, proves
// nothing and must not count as a pass. Pure.
import type { HistoryEvent, Key } from './history.ts'
import type { Facts } from './key-log.ts'

export interface CoverageWanted {
  readonly okSendsMin: number
  /** Faults, by their number in the catalogue, each of which must have changed a leader or its epoch. */
  readonly faults: readonly string[]
  /** Faults that must have been injected, whatever came of them. */
  readonly injected?: readonly string[]
}

/** Of one class of fault; what comes about before the next fault is its doing. */
export interface FaultFacts {
  readonly times: number
  /** Of leader or of its epoch. */
  readonly leaderChanges: number
  /** The longest time in which nothing was acknowledged to a key. */
  readonly silenceMs: number
}

export interface Coverage {
  readonly okSends: number
  readonly okPolls: number
  readonly values: number
  readonly reads: number
  /** Operations by what they were and how they ended, `send ok`. */
  readonly operations: ReadonlyMap<string, number>
  readonly faults: ReadonlyMap<string, FaultFacts>
  readonly leaderChanges: number
  /** In words; empty when the history suffices. */
  readonly missing: readonly string[]
}

export function coverageOf(
  history: readonly HistoryEvent[],
  { operations: all, logs }: Facts,
  wanted: CoverageWanted,
): Coverage {
  const operations = new Map<string, number>()
  const polled = new Set<Key>()
  let values = 0
  let reads = 0
  let okSends = 0
  for (const { f, type, actions } of all) {
    const name = f === 'crash' ? f : `${f} ${type}`
    operations.set(name, (operations.get(name) ?? 0) + 1)
    for (const action of actions) {
      if (action.f === 'send') {
        values++
        if (type === 'ok') okSends++
        continue
      }
      for (const key in action.reads) {
        reads += action.reads[key]!.length
        if (type === 'ok' && action.reads[key]!.length > 0) polled.add(key)
      }
    }
  }
  const faults = faultsIn(history)
  const missing: string[] = []
  if (okSends < wanted.okSendsMin) missing.push(`${okSends} values acknowledged, not ${wanted.okSendsMin}`)
  for (const key of logs.keys()) if (!polled.has(key)) missing.push(`nothing was read of ${key}`)
  for (const fault of new Set([...wanted.faults, ...(wanted.injected ?? [])])) {
    const seen = faults.get(fault)
    if (!seen) missing.push(`no ${fault} was injected`)
    else if (!wanted.faults.includes(fault)) continue
    else if (seen.leaderChanges === 0) missing.push(`no ${fault} changed a leader`)
  }
  let leaderChanges = 0
  for (const event of history) if (event.f === 'leader') leaderChanges++
  const okPolls = operations.get('poll ok') ?? 0
  return { okSends, okPolls, values, reads, operations, faults, leaderChanges, missing }
}

function faultsIn(history: readonly HistoryEvent[]): Map<string, FaultFacts> {
  const faults = new Map<string, { times: number; leaderChanges: number; silenceMs: number }>()
  const acknowledgedNs = new Map<Key, number>()
  let current: { times: number; leaderChanges: number; silenceMs: number } | undefined
  for (const event of history) {
    if (event.f === 'fault') {
      current = faults.get(event.fault) ?? { times: 0, leaderChanges: 0, silenceMs: 0 }
      faults.set(event.fault, current)
      current.times++
    } else if (event.f === 'leader' && current) current.leaderChanges++
    else if (event.f === 'send' && event.type === 'ok') {
      for (const action of event.actions) {
        if (action.f !== 'send') continue
        const silenceMs = (event.timeNs - (acknowledgedNs.get(action.key) ?? event.timeNs)) / 1e6
        if (current) current.silenceMs = Math.max(current.silenceMs, silenceMs)
        acknowledgedNs.set(action.key, event.timeNs)
      }
    }
  }
  return faults
}
