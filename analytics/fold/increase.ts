// Counters that only rise: by how much, over restarts of what they count in. The last value of each series is kept with
// the offsets it came from, per partition, so that a crash neither loses nor repeats an increase. Pure.
import type { FoldState, PartitionFold } from './fold-state.ts'

export interface LastSample {
  readonly atMs: number
  readonly value: number
}

/** Names as counters have them: Prometheus's endings, and the same with dots. */
const counterName = /(?:[._]total|_count|_sum|_bucket)$/

/** `name` may carry labels: `requests_total{code="200"}`. A sample's own word for what it is goes first. */
export function isCounter(name: string, type: string): boolean {
  if (type !== '') return type === 'counter' || type === 'histogram'
  const brace = name.indexOf('{')
  return counterName.test(brace < 0 ? name : name.slice(0, brace))
}

/**
 * What a sample adds to its series: nothing for the first, the value itself after a fall (it began again at zero), and
 * nothing for one that is older than the last, whose rise has been counted already.
 */
export function increaseOf(
  state: FoldState,
  partition: PartitionFold,
  series: number,
  atMs: number,
  value: number,
): number {
  if (!(value >= 0)) return 0
  let last = partition.samples.get(series)
  last ??= state.committed.lastSample?.(partition.id, state.values.text(series)) ?? undefined
  if (last !== undefined && atMs < last.atMs) {
    partition.samples.set(series, last)
    return 0
  }
  partition.samples.set(series, { atMs, value })
  partition.movedSamples.add(series)
  if (last === undefined) return 0
  return value < last.value ? value : value - last.value
}
