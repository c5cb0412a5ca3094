// Series by what they are, in memory over the `series` table: one lookup per cell and flush. Everything in it is
// forgotten when a transaction fails, because the rows it knew may never have been committed.
import { type DimensionName, otherValue } from '../windows/catalogue.ts'
import type { Connection } from './schema.ts'

interface Known {
  readonly id: number
  lastDay: number
}

/** Past so many all are looked up anew; a row is found by its index. */
const knownMax = 100_000

/** Runs a statement; tests hook in here to fail between any two. */
export type Run = (
  statement: { run(...values: unknown[]): { changes: number } },
  ...values: unknown[]
) => number

export class SeriesDirectory {
  /** By metric, dimensions and value one after the other: a lookup joins no text. */
  readonly #known = new Map<string, Map<string, Map<string, Known>>>()
  #size = 0
  readonly #find
  readonly #insert
  readonly #touch
  readonly #run: Run

  constructor(connection: Connection, run: Run) {
    this.#run = run
    this.#find = connection.prepare<[string, string, string], { id: number; last_day: number }>(
      'SELECT id, last_day FROM series WHERE metric = ? AND dims = ? AND labels = ?',
    )
    this.#insert = connection.prepare(
      'INSERT INTO series(metric, dims, labels, last_day) VALUES (?, ?, ?, ?)',
    )
    this.#touch = connection.prepare('UPDATE series SET last_day = max(last_day, ?) WHERE id = ?')
  }

  /** The id of a series, made if it is new; `daySeconds` is the day that gets a row now. */
  idOf(metric: string, dims: string, value: string, daySeconds: number): number {
    const ofDims = this.#ofDims(metric, dims)
    let known = ofDims.get(value)
    if (!known) {
      const labels = labelsOf(dims, value)
      let row = this.#find.get(metric, dims, labels)
      if (!row) {
        this.#run(this.#insert, metric, dims, labels, daySeconds)
        row = this.#find.get(metric, dims, labels)!
      }
      known = { id: row.id, lastDay: row.last_day }
      if (this.#size >= knownMax) this.forget()
      this.#ofDims(metric, dims).set(value, known)
      this.#size++
    }
    if (daySeconds > known.lastDay) {
      if (this.#run(this.#touch, daySeconds, known.id) !== 1) {
        // It had no rows for years, and retention took it.
        if (this.#ofDims(metric, dims).delete(value)) this.#size--
        return this.idOf(metric, dims, value, daySeconds)
      }
      known.lastDay = daySeconds
    }
    return known.id
  }

  #ofDims(metric: string, dims: string): Map<string, Known> {
    let ofMetric = this.#known.get(metric)
    if (!ofMetric) {
      ofMetric = new Map()
      this.#known.set(metric, ofMetric)
    }
    let ofDims = ofMetric.get(dims)
    if (!ofDims) {
      ofDims = new Map()
      ofMetric.set(dims, ofDims)
    }
    return ofDims
  }

  forget(): void {
    this.#known.clear()
    this.#size = 0
  }
}

/** `host,name` with `web-1\0cpu` → {"host":"web-1","name":"cpu"}; the empty set has no labels. */
export function labelsOf(dims: string, value: string): string {
  if (dims === '') return '{}'
  const names = dims.split(',')
  // Only of several names: a hostile path may hold a zero byte itself.
  const parts = names.length === 1 ? [value] : value.split('\0')
  const values = value === otherValue ? names.map(() => otherValue) : parts
  return JSON.stringify(Object.fromEntries(names.map((name, index) => [name, values[index] ?? ''])))
}

/** The other direction: what the fold calls the value. */
export function seriesValue(dims: string, labels: string): string {
  const parsed = JSON.parse(labels) as Record<DimensionName, string>
  const values = dims.split(',').map(name => parsed[name as DimensionName])
  return values.every(value => value === otherValue) ? otherValue : values.join('\0')
}
