// The numbers that decide what a visit is and how much of a visitor is kept. Data only.

const minuteMs = 60_000
const hourMs = 60 * minuteMs
export const dayMs = 24 * hourMs

/** So long without an event, and the next one begins a new visit. */
export const visitGapMs = 30 * minuteMs
/** A visit that would last so long is cut: the event at or after this begins a new one. */
export const visitCapMs = 24 * hourMs
/** PostHog's limit: a visit that lasts so long is no bounce. */
export const quickLookMs = 10_000

/** Steps (pageviews and events) kept per visitor; past this the oldest are frozen down to `stepsKept`. */
export const stepsMax = 200
export const stepsKept = 150
/** An event so far behind the newest of its partition cannot be put into order any more. */
export const stepsAgeMs = 30 * dayMs
/** Of days on which a visitor was active, and of weeks. */
export const daysKept = 64
export const weeksKept = 60
/** Rows of the retention matrix; a visitor away for longer is forgotten in between. */
export const retentionWeeksMax = 26
/** A visitor who was away so long is forgotten, and new when coming back. */
export const visitorAgeDays = 26 * 7
/** Visitors kept per partition; more are counted as untracked. */
export const visitorsMax = 100_000
/** Pages, event names and origins kept in the dictionary; the rest share `__other__`. */
export const namesMax = 50_000
export const nameAgeDays = 70

/** What a step was. */
export const stepFlags = {
  page: 1,
  /** Something the visitor did beside looking: ends a bounce for Plausible. */
  interactive: 2,
  /** Ends a bounce for PostHog. */
  autocapture: 4,
} as const

/** Upper bounds of the bins that visit durations are counted in, in seconds. */
export const durationBounds = [
  0, 1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 420, 600, 900, 1200, 1800, 2700, 3600, 7200, 14_400,
  28_800, 86_400,
] as const
