// C11: how far behind polls are in time. A poll that begins when the next record has long been known to exist lags by
// that long, counted from when its process was given the key: who comes late and reads from the start is not behind
// by all that was written before. A measure, not a rule: after a fault is healed it must come down. Pure.
import type { Key, Operation } from './history.ts'
import type { Facts, KeyLog } from './key-log.ts'
import { readsByKey } from './order.ts'

export interface Lag {
  readonly worstMs: number
  readonly key: Key
  /** Of the poll, in the history. */
  readonly at: number
}

export function worstLag({ operations, logs }: Facts): Lag {
  const knownNs = new Map([...logs.values()].map(log => [log.key, knownByNs(log)]))
  /** Process → key → index of what it will be handed next. */
  const next = new Map<number, Map<Key, number>>()
  /** Process → key → since when it has it. */
  const given = new Map<number, Map<Key, number>>()
  const grouped = new Set<number>()
  let worst: Lag = { worstMs: 0, key: '', at: -1 }
  for (const operation of operations) {
    if (operation.f === 'crash') {
      next.delete(operation.process)
      given.delete(operation.process)
    }
    if (operation.f === 'subscribe') grouped.add(operation.process)
    else if (operation.f === 'assign') keepAssigned(next, given, operation)
    else if (operation.f === 'poll' && operation.type === 'ok' && !grouped.has(operation.process)) {
      const positions = next.get(operation.process) ?? new Map<Key, number>()
      next.set(operation.process, positions)
      for (const [key, reads] of readsByKey(operation)) {
        positions.set(key, logs.get(key)!.indexOfOffset(reads.at(-1)![0])! + 1)
      }
      for (const [key, position] of positions) {
        const knownSince = knownNs.get(key)![position] ?? Number.POSITIVE_INFINITY
        const since = Math.max(knownSince, given.get(operation.process)?.get(key) ?? 0)
        const lagMs = (operation.invokedNs - since) / 1e6
        if (lagMs > worst.worstMs) worst = { worstMs: lagMs, key, at: operation.completedAt }
      }
    }
  }
  return worst
}

function keepAssigned(
  next: Map<number, Map<Key, number>>,
  given: Map<number, Map<Key, number>>,
  operation: Operation,
): void {
  if (operation.type === 'fail') return
  const before = given.get(operation.process)
  given.set(
    operation.process,
    new Map(operation.keys.map(key => [key, before?.get(key) ?? operation.completedNs])),
  )
  const positions = next.get(operation.process) ?? new Map<Key, number>()
  for (const key of positions.keys()) if (!operation.keys.includes(key)) positions.delete(key)
}

/** Index → when it, or anything behind it, was first known to exist: what stands behind proves what is before. */
function knownByNs(log: KeyLog): Float64Array {
  const known = new Float64Array(log.offsets.length)
  let earliest = Number.POSITIVE_INFINITY
  for (let index = known.length - 1; index >= 0; index--) {
    earliest = Math.min(earliest, log.knownNs.get(log.offsets[index]!)!)
    known[index] = earliest
  }
  return known
}
