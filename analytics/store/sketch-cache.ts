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
  /** As counted at its last save. */
  bytesHeld: number
  isDirty: boolean
  usedIn: number
}

/** What sketches kept between flushes may take, by their own account. Those of a flush itself are not bounded by it. */
const bytesMax = 48 * 1024 * 1024
/** An entry that this many flushes did not touch goes first. */
const flushesKept = 25

const newDistribution = () => new Distribution()
const newDistinct = () => new HyperLogLog()

export class SketchCache {
  /** The slot whose share this is; nothing may be held when it changes. */
  part = 0
  readonly #entries = new Map<number, Map<number, Entry>>()
  readonly #dirty: Entry[] = []
  #bytes = 0
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
    return this.#entry(step, series, bucket, newDistribution).sketch as Distribution
  }

  distinct(step: number, series: number, bucket: number): HyperLogLog {
    return this.#entry(step, series, bucket, newDistinct).sketch as HyperLogLog
  }

  /** For the many: never exact, small while there are few. */
  sparseDistinct(step: number, series: number, bucket: number): HyperLogLog {
    return this.#entry(step, series, bucket, HyperLogLog.sparse).sketch as HyperLogLog
  }

  /** Writes what has changed, in the order in which it lies in the table. */
  save(): void {
    this.#dirty.sort((a, b) => a.step - b.step || a.series - b.series || a.bucket - b.bucket)
    for (const entry of this.#dirty) {
      const { bytesHeld } = entry.sketch
      this.#bytes += bytesHeld - entry.bytesHeld
      entry.bytesHeld = bytesHeld
      this.#run(this.#save, entry.step, entry.series, entry.bucket, this.part, entry.sketch.toBytes())
      entry.isDirty = false
    }
    this.#dirty.length = 0
    this.#flush++
    if (this.#bytes > bytesMax) this.#evict()
  }

  /** What is held, for /metrics. */
  get bytesHeld(): number {
    return this.#bytes
  }

  forget(): void {
    this.#entries.clear()
    this.#dirty.length = 0
    this.#bytes = 0
  }

  /** For changing: the entry counts as dirty from here on. */
  #entry(step: number, series: number, bucket: number, make: () => Entry['sketch']): Entry {
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
      const sketch = row ? stored(row.data, make) : make()
      entry = { step, series, bucket, sketch, bytesHeld: 0, isDirty: false, usedIn: this.#flush }
      ofSeries.set(key, entry)
    }
    entry.usedIn = this.#flush
    if (!entry.isDirty) {
      entry.isDirty = true
      this.#dirty.push(entry)
    }
    return entry
  }

  /** The longest unused first, down to three quarters, so that this is not done at every flush. */
  #evict(): void {
    for (const keep of [flushesKept, 5, 1, 0]) {
      for (const [series, ofSeries] of this.#entries) {
        for (const [key, entry] of ofSeries) {
          if (this.#flush - entry.usedIn <= keep) continue
          ofSeries.delete(key)
          this.#bytes -= entry.bytesHeld
        }
        if (ofSeries.size === 0) this.#entries.delete(series)
      }
      if (this.#bytes <= bytesMax * 0.75) return
    }
  }
}

function stored(data: Buffer, make: () => Entry['sketch']): Entry['sketch'] {
  return make === newDistribution ? Distribution.fromBytes(data) : HyperLogLog.fromBytes(data)
}
