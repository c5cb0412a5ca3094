// Stored sketches that are still being added to: loaded on demand, changed in memory, written back whole. What is in
// here beyond the last commit is worth nothing once a transaction fails: forget() and read again.
import { Distribution } from '../sketches/distribution.ts'
import { HyperLogLog } from '../sketches/hyperloglog.ts'
import type { Connection } from './schema.ts'
import type { Run } from './series-directory.ts'

interface Entry {
  readonly step: number
  readonly series: number
  readonly bucket: number
  readonly sketch: Distribution | HyperLogLog
  isDirty: boolean
  usedIn: number
}

/** Sketches kept between flushes: about 2 KB each. */
const entriesMax = 20_000
/** An entry that this many flushes did not touch goes first. */
const flushesKept = 25

export class SketchCache {
  /** The slot whose share this is; nothing may be held when it changes. */
  part = 0
  readonly #entries = new Map<number, Map<number, Entry>>()
  readonly #dirty: Entry[] = []
  #size = 0
  #flush = 0
  readonly #load
  readonly #save
  readonly #run: Run

  constructor(connection: Connection, run: Run) {
    this.#run = run
    this.#load = connection.prepare<[number, number, number, number], { data: Buffer }>(
      'SELECT data FROM sketches WHERE step = ? AND series = ? AND bucket = ? AND part = ?',
    )
    this.#save = connection.prepare(
      'INSERT OR REPLACE INTO sketches(step, series, bucket, part, data) VALUES (?, ?, ?, ?, ?)',
    )
  }

  distribution(step: number, series: number, bucket: number): Distribution {
    return this.#entry(step, series, bucket, false).sketch as Distribution
  }

  distinct(step: number, series: number, bucket: number): HyperLogLog {
    return this.#entry(step, series, bucket, true).sketch as HyperLogLog
  }

  /** Writes what has changed. */
  save(): void {
    for (const entry of this.#dirty) {
      this.#run(this.#save, entry.step, entry.series, entry.bucket, this.part, entry.sketch.toBytes())
      entry.isDirty = false
    }
    this.#dirty.length = 0
    this.#flush++
    if (this.#size > entriesMax) this.#evict()
  }

  forget(): void {
    this.#entries.clear()
    this.#dirty.length = 0
    this.#size = 0
  }

  /** For changing: the entry counts as dirty from here on. */
  #entry(step: number, series: number, bucket: number, isDistinct: boolean): Entry {
    let ofSeries = this.#entries.get(series)
    if (!ofSeries) {
      ofSeries = new Map()
      this.#entries.set(series, ofSeries)
    }
    // Steps are at most 86,400 and buckets below 2^34: both fit into one exact number.
    const key = bucket * 131_072 + step
    let entry = ofSeries.get(key)
    if (!entry) {
      const row = this.#load.get(step, series, bucket, this.part)
      const sketch = isDistinct
        ? row
          ? HyperLogLog.fromBytes(row.data)
          : new HyperLogLog()
        : row
          ? Distribution.fromBytes(row.data)
          : new Distribution()
      entry = { step, series, bucket, sketch, isDirty: false, usedIn: this.#flush }
      ofSeries.set(key, entry)
      this.#size++
    }
    entry.usedIn = this.#flush
    if (!entry.isDirty) {
      entry.isDirty = true
      this.#dirty.push(entry)
    }
    return entry
  }

  #evict(): void {
    for (const [series, ofSeries] of this.#entries) {
      for (const [key, entry] of ofSeries) {
        if (this.#flush - entry.usedIn <= flushesKept && this.#size <= entriesMax * 2) continue
        ofSeries.delete(key)
        this.#size--
      }
      if (ofSeries.size === 0) this.#entries.delete(series)
    }
  }
}
