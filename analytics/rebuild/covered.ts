// Which buckets a rebuild may replace: those to which nothing has counted that the log holds no more. Pure.
import { daySeconds, type StepSeconds, steps } from '../windows/steps.ts'
import type { ZoneDays } from '../windows/zone-days.ts'

/** Seconds, the end excluded. */
export interface Range {
  readonly from: number
  readonly to: number
}

export interface Covering {
  /** Start of 15 minutes, in seconds. */
  readonly bucket: number
  readonly source: number
  /** The lowest offset that may have counted there; -1 if it cannot be read again. */
  readonly first: number
}

export interface Question {
  readonly covers: readonly Covering[]
  /** By source: the offset at which the rebuild began to read. Sources that it does not read are not in it. */
  readonly starts: ReadonlyMap<number, number>
  /** Before these times nothing is kept, and nobody knows what was counted. */
  readonly edges: ReadonlyMap<StepSeconds, number>
  /** Nothing before this is to be replaced. */
  readonly fromSeconds: number
  readonly days: ZoneDays
}

const quarterSeconds = 900
/** After every bucket there can be. */
export const endOfTime = 2 ** 40

export function coveredRanges({
  covers,
  starts,
  edges,
  fromSeconds,
  days,
}: Question): Map<StepSeconds, Range[]> {
  const begin = quarterAfter(Math.max(fromSeconds, edges.get(quarterSeconds) ?? 0, 0))
  const quarters = gapsBetween(begin, holesOf(covers, starts, begin))
  const ranges = new Map<StepSeconds, Range[]>()
  for (const { seconds } of steps) {
    const edge = edges.get(seconds) ?? 0
    const whole = seconds === daySeconds ? quarters.map(range => wholeDays(range, days)) : quarters
    const kept = whole.map(({ from, to }) => ({ from: Math.max(from, edge), to }))
    ranges.set(
      seconds,
      kept.filter(({ from, to }) => from < to),
    )
  }
  return ranges
}

/** True if every line that ever counted is read again. */
export function isAllCovered({ covers, starts }: Pick<Question, 'covers' | 'starts'>): boolean {
  return [...starts.values()].every(start => start === 0) && holesOf(covers, starts, 0).length === 0
}

/** Quarters that hold something from below where the rebuild began, ascending. */
function holesOf(covers: readonly Covering[], starts: ReadonlyMap<number, number>, begin: number): number[] {
  const holes = new Set<number>()
  for (const { bucket, source, first } of covers) {
    const start = starts.get(source)
    if (bucket >= begin && (start === undefined || first < start)) holes.add(bucket)
  }
  return [...holes].sort((a, b) => a - b)
}

function gapsBetween(begin: number, holes: readonly number[]): Range[] {
  const ranges: Range[] = []
  let from = begin
  for (const hole of holes) {
    if (hole > from) ranges.push({ from, to: hole })
    from = hole + quarterSeconds
  }
  ranges.push({ from, to: endOfTime })
  return ranges
}

function wholeDays({ from, to }: Range, days: ZoneDays): Range {
  const start = days.startOf(from * 1000) / 1000
  return {
    from: start === from ? from : days.endOf(from * 1000) / 1000,
    to: to === endOfTime ? to : days.startOf(to * 1000) / 1000,
  }
}

function quarterAfter(seconds: number): number {
  return Math.ceil(seconds / quarterSeconds) * quarterSeconds
}
