// C11: how far behind polls are in time. A poll that begins when the next record has long been known to exist, and
// does not hand it out, lags by that long. A measure, not a rule: after a fault is healed it must come down. Pure.
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
  const grouped = new Set<number>()
  let worst: Lag = { worstMs: 0, key: '', at: -1 }
  for (const operation of operations) {
    if (operation.f === 'crash') next.delete(operation.process)
    else if (operation.f === 'subscribe') grouped.add(operation.process)
    else if (operation.f === 'assign') keepAssigned(next, operation)
    else if (operation.f === 'poll' && operation.type === 'ok' && !grouped.has(operation.process)) {
      const positions = next.get(operation.process) ?? new Map<Key, number>()
      next.set(operation.process, positions)
      for (const [key, reads] of readsByKey(operation)) {
        positions.set(key, logs.get(key)!.indexOfOffset(reads.at(-1)![0])! + 1)
      }
      for (const [key, position] of positions) {
        const since = knownNs.get(key)![position] ?? Number.POSITIVE_INFINITY
        const lagMs = (operation.invokedNs - since) / 1e6
        if (lagMs > worst.worstMs) worst = { worstMs: lagMs, key, at: operation.completedAt }
      }
    }
  }
  return worst
}

function keepAssigned(next: Map<number, Map<Key, number>>, operation: Operation): void {
  const positions = next.get(operation.process)
  if (!positions || operation.type === 'fail') return
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
