// The base buckets: their widths, how long each is kept, and which of them answers a question. Pure.
// Wider windows are sums of these at reading; nothing is assigned to overlapping windows.

const secondMs = 1000
const minuteMs = 60 * secondMs
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

export type StepSeconds = 1 | 10 | 60 | 900 | 86_400

export interface Step {
  /** Width as it is stored and named. The last step is a calendar day of the site's zone, 23 to 25 hours. */
  readonly seconds: StepSeconds
  readonly ms: number
  readonly retentionMs: number
}

/** From fine to coarse; each starts where one of the step before it starts. */
export const steps = [
  { seconds: 1, ms: secondMs, retentionMs: 15 * minuteMs },
  { seconds: 10, ms: 10 * secondMs, retentionMs: 2 * hourMs },
  // A day more than a week: an alert compares with the same minutes of last week.
  { seconds: 60, ms: minuteMs, retentionMs: 8 * dayMs },
  { seconds: 900, ms: 15 * minuteMs, retentionMs: 90 * dayMs },
  { seconds: 86_400, ms: dayMs, retentionMs: 5 * 366 * dayMs },
] as const satisfies readonly Step[]

export const daySeconds = 86_400

/** How far ahead of its record's timestamp an event may claim to be. */
export const futureAllowanceMs = 5 * minuteMs

/** Later than this behind the watermark a line is called late (and counted all the same). */
export const latenessMs = minuteMs

/** Start of the fixed-width bucket that holds `timeMs`. Not for days: see ZoneDays. */
export function bucketStart(timeMs: number, widthMs: number): number {
  return Math.floor(timeMs / widthMs) * widthMs
}

/** A window should be made of about this many buckets: enough to slide smoothly, few enough to merge quickly. */
const bucketsWanted = 28

/**
 * The coarsest step that still cuts a window finely enough and whose buckets begin where the window does;
 * `finest` is the finest step the series is stored in.
 */
export function stepForWindow(windowMs: number, finest: StepSeconds): Step {
  const usable = steps.filter(step => step.seconds >= finest && step.seconds !== daySeconds)
  const fitting = usable.filter(step => windowMs / step.ms >= bucketsWanted && windowMs % step.ms === 0)
  if (windowMs >= bucketsWanted * dayMs && windowMs % dayMs === 0) return steps.at(-1)!
  return fitting.at(-1) ?? usable[0]!
}
