// One metric's newest buckets in typed arrays, outside React: writing is an upsert by bucket time, so replays,
// conflated and late values are safe; reading fills columns a chart can draw. Pure memory, nothing else.

/** Where a bucket has no value. Kept out of the columns handed to charts, which want null. */
const nothing = Number.NaN

export class SeriesRing {
  readonly stepMs: number
  readonly capacity: number
  /** Grows with every change, so that a reader knows whether it has drawn this already. */
  version = 0
  readonly #times: Float64Array
  readonly #columns = new Map<string, Float64Array>()
  #firstMs = Number.POSITIVE_INFINITY
  #lastMs = Number.NEGATIVE_INFINITY

  constructor(stepMs: number, capacity: number) {
    this.stepMs = stepMs
    this.capacity = capacity
    this.#times = new Float64Array(capacity).fill(nothing)
  }

  /** The first and last bucket that ever held a value since `clear`, infinite when none did. */
  get firstMs(): number {
    return this.#firstMs
  }

  get lastMs(): number {
    return this.#lastMs
  }

  clear(): void {
    this.#times.fill(nothing)
    for (const column of this.#columns.values()) column.fill(nothing)
    this.#firstMs = Number.POSITIVE_INFINITY
    this.#lastMs = Number.NEGATIVE_INFINITY
    this.version += 1
  }

  upsert(times: readonly number[], values: Readonly<Record<string, readonly (number | null)[]>>): void {
    for (const [key, points] of Object.entries(values)) {
      const column = this.#column(key)
      for (let index = 0; index < times.length; index += 1) {
        const slot = this.#claim(times[index]!)
        if (slot < 0) continue
        const value = points[index] ?? nothing
        column[slot] = value
        if (!Number.isNaN(value)) this.#extend(times[index]!)
      }
    }
    this.version += 1
  }

  /** The value of a bucket, NaN where there is none. */
  at(key: string, timeMs: number): number {
    const slot = this.#slot(timeMs)
    return this.#times[slot] === timeMs ? (this.#columns.get(key)?.[slot] ?? nothing) : nothing
  }

  #column(key: string): Float64Array {
    let column = this.#columns.get(key)
    if (!column) {
      column = new Float64Array(this.capacity).fill(nothing)
      this.#columns.set(key, column)
    }
    return column
  }

  /** The slot for a bucket, emptied if an older one lived there; -1 when a newer one does. */
  #claim(timeMs: number): number {
    const slot = this.#slot(timeMs)
    const held = this.#times[slot]!
    if (held > timeMs) return -1
    if (held !== timeMs) {
      this.#times[slot] = timeMs
      for (const column of this.#columns.values()) column[slot] = nothing
    }
    return slot
  }

  #slot(timeMs: number): number {
    const bucket = Math.floor(timeMs / this.stepMs)
    return ((bucket % this.capacity) + this.capacity) % this.capacity
  }

  #extend(timeMs: number): void {
    if (timeMs < this.#firstMs) this.#firstMs = timeMs
    if (timeMs > this.#lastMs) this.#lastMs = timeMs
  }
}
