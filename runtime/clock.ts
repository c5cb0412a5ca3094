// Time as something handed in. Cores never read a clock; shells take a Clock so that tests can drive it.

/** Two clocks that must not be mixed: wall time may jump, monotonic time only grows. Both in milliseconds. */
export interface Clock {
  /** Milliseconds since the Unix epoch; for timestamps that people or records carry. */
  wallMs(): number
  /** Milliseconds since an arbitrary start; for time-outs, ages and rates. */
  monotonicMs(): number
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
}
