// Which of the values that came after a day's limit become frequent enough for a series of their own: Space-Saving over
// those without one (Metwally et al. 2005), in bounded memory. What is counted before stays in `__other__`. Pure; lost
// with the process, which only makes a value wait again.

/** Values watched at once; one that lines bring more often than one in so many is among them for certain. */
const watchedMax = 256
/** So many lines of one value, for certain, bring it in at first; twice as many after each `doublesAfter` values. */
const firstThreshold = 16
const doublesAfter = 50
/** A day's values of a set beyond its limit, at the most: what a flood of lines can make of memory and rows. */
export const lateValuesMax = 1000

interface Watched {
  lines: number
  /** Of these, so many may have been another value's. */
  error: number
}

export class LateValues {
  readonly #watched = new Map<number, Watched>()

  /** A line of a value without a series, of which `late` have come in so far: does it get one now? */
  admits(value: number, late: number): boolean {
    if (late >= lateValuesMax) return false
    const watched = this.#watched.get(value) ?? this.#watch(value)
    watched.lines++
    if (watched.lines - watched.error < firstThreshold * 2 ** Math.floor(late / doublesAfter)) return false
    this.#watched.delete(value)
    return true
  }

  /** The rarest one makes room, and leaves its count behind as what may not be the newcomer's. */
  #watch(value: number): Watched {
    let error = 0
    if (this.#watched.size >= watchedMax) {
      let rarest = -1
      error = Number.POSITIVE_INFINITY
      for (const [other, { lines }] of this.#watched) {
        if (lines >= error) continue
        error = lines
        rarest = other
        // Nothing is rarer than what came once.
        if (lines === 1) break
      }
      this.#watched.delete(rarest)
    }
    const watched = { lines: error, error }
    this.#watched.set(value, watched)
    return watched
  }
}
