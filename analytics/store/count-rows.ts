// Adds deltas to the rows of `counts`, many rows a statement: a statement of its own for each row costs twice as much,
// most of it in getting there. Inside the caller's transaction.
import type { CountDeltas } from './rollup.ts'
import type { Connection } from './schema.ts'
import type { Run } from './series-directory.ts'

/** Rows a statement. More of them gain nothing: by then SQLite's own work is what is left. */
const rowsMax = 64

export class CountRows {
  readonly #run: Run
  readonly #many
  readonly #one
  /** Reused: step, series, bucket, n, and again. */
  readonly #values = new Array<number>(rowsMax * 4).fill(0)

  constructor(connection: Connection, run: Run) {
    this.#run = run
    this.#many = prepareAdding(connection, rowsMax)
    this.#one = prepareAdding(connection, 1)
  }

  add(deltas: CountDeltas): void {
    const values = this.#values
    let filled = 0
    for (const [step, byBucket] of deltas) {
      for (const { series, bucket, n } of inOrder(byBucket)) {
        values[filled] = step
        values[filled + 1] = series
        values[filled + 2] = bucket
        values[filled + 3] = n
        filled += 4
        if (filled < values.length) continue
        this.#run(this.#many, values)
        filled = 0
      }
    }
    for (let at = 0; at < filled; at += 4) {
      this.#run(this.#one, values[at], values[at + 1], values[at + 2], values[at + 3])
    }
  }
}

interface Row {
  readonly series: number
  readonly bucket: number
  readonly n: number
}

/** As they lie in the table, so that rows of one page are written one after the other. */
function inOrder(byBucket: ReadonlyMap<number, ReadonlyMap<number, number>>): readonly Row[] {
  const rows: Row[] = []
  for (const [bucket, bySeries] of byBucket)
    for (const [series, n] of bySeries) rows.push({ series, bucket, n })
  return rows.sort((a, b) => a.series - b.series || a.bucket - b.bucket)
}

function prepareAdding(connection: Connection, rows: number) {
  const places = new Array(rows).fill('(?, ?, ?, ?)').join(', ')
  return connection.prepare(
    `INSERT INTO counts(step, series, bucket, n) VALUES ${places}
     ON CONFLICT(step, series, bucket) DO UPDATE SET n = n + excluded.n`,
  )
}
