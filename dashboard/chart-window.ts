// From rings to the columns of a chart: which buckets the window shows, where nothing counted is a zero and where
// it is a gap, and the sentence that says the same to someone who cannot see the drawing. Pure.
import { niceCeiling } from './format.ts'
import type { SeriesRing } from './series-ring.ts'

export interface ChartLine {
  readonly ring: SeriesRing
  readonly key: string
  /** Bucket value → drawn value: counts become rates per second. */
  readonly scale: number
  /** A counter's missing bucket is a zero once the log before it is folded; a quantile's is a gap. */
  readonly counts: boolean
}

/** Seconds, then one column per line: the shape uPlot draws. */
export type Columns = [number[], ...(number | null)[][]]

export interface ChartWindow {
  readonly fromMs: number
  /** The start of the last bucket shown. */
  readonly toMs: number
}

/** A bucket is drawn when it has been over for this long: the open one would always seem to fall. */
export const settleMs = 1000

/** A young log fills the chart from its first line on, once there is this much of it to see. */
const bucketsMin = 40

/**
 * The window that ends with the last settled bucket and reaches back `points` buckets, or to the first value there is.
 * It moves by whole buckets, so lines do not shimmer.
 */
export function windowEndingAt(nowMs: number, stepMs: number, points: number, firstMs: number): ChartWindow {
  const toMs = Math.floor((nowMs - settleMs) / stepMs) * stepMs - stepMs
  const farthest = toMs - (points - 1) * stepMs
  // Before the first value nothing is known to begin with, and the axis shows the whole stretch.
  if (firstMs > toMs) return { fromMs: farthest, toMs }
  const nearest = toMs - (Math.min(points, bucketsMin) - 1) * stepMs
  return { fromMs: Math.max(farthest, Math.min(nearest, firstMs)), toMs }
}

/**
 * Fills the columns anew, reusing their arrays. `foldedUntilMs` is the time at which every line of the log was counted:
 * a counter without a bucket that was over by then stood at zero.
 */
export function fillColumns(
  columns: Columns,
  lines: readonly ChartLine[],
  window: ChartWindow,
  stepMs: number,
  foldedUntilMs: number,
): void {
  const count = Math.max(0, Math.round((window.toMs - window.fromMs) / stepMs) + 1)
  const xs = columns[0]
  xs.length = count
  for (let index = 0; index < count; index += 1) xs[index] = (window.fromMs + index * stepMs) / 1000
  let firstMs = Number.POSITIVE_INFINITY
  let lastMs = Number.NEGATIVE_INFINITY
  for (const { ring } of lines) {
    firstMs = Math.min(firstMs, ring.firstMs)
    lastMs = Math.max(lastMs, ring.lastMs)
  }
  const knownMs = Math.max(lastMs, foldedUntilMs - settleMs - stepMs)
  lines.forEach((line, at) => {
    const ys = columns[at + 1] as (number | null)[]
    ys.length = count
    for (let index = 0; index < count; index += 1) {
      const timeMs = window.fromMs + index * stepMs
      const value = line.ring.at(line.key, timeMs)
      if (!Number.isNaN(value)) ys[index] = value * line.scale
      else ys[index] = line.counts && timeMs >= firstMs && timeMs <= knownMs ? 0 : null
    }
  })
}

export function emptyColumns(lines: number): Columns {
  return [[], ...Array.from({ length: lines }, () => [])]
}

export function hasPoints(columns: Columns): boolean {
  return columns.some((column, index) => index > 0 && column.some(value => value !== null))
}

/** The top of the axis: a round number at or above everything drawn. */
export function axisTop(columns: Columns): number {
  let top = 0
  for (let at = 1; at < columns.length; at += 1)
    for (const value of columns[at]!) if (value !== null && value > top) top = value
  return niceCeiling(top)
}

export function lastPoint(column: readonly (number | null)[]): number | null {
  for (let index = column.length - 1; index >= 0; index -= 1) {
    const value = column[index]
    if (value !== null && value !== undefined) return value
  }
  return null
}

/** "requests now 842/s, lowest 640/s, highest 1.20k/s" for each line. */
export function summarise(
  columns: Columns,
  labels: readonly string[],
  format: (value: number) => string,
): string {
  const sentences = labels.map((label, at) => {
    const values = (columns[at + 1] ?? []).filter(value => value !== null) as number[]
    if (values.length === 0) return `${label}: no data`
    const now = values[values.length - 1]!
    return `${label} now ${format(now)}, lowest ${format(Math.min(...values))}, highest ${format(Math.max(...values))}`
  })
  return `${sentences.join('; ')}.`
}

/** So few values are points as well as a line, so that two of them do not look like a stroke of nothing. */
const fewValues = 12

/** Which values are drawn as points: all of few, and any that stands between two gaps and has no line to be seen by. */
export function pointsOf(values: ArrayLike<number | null | undefined>): number[] | null {
  const known: number[] = []
  for (let at = 0; at < values.length; at += 1) if (values[at] != null) known.push(at)
  const points =
    known.length <= fewValues ? known : known.filter(at => values[at - 1] == null && values[at + 1] == null)
  return points.length === 0 ? null : points
}
