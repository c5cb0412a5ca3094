// The last sample of each counter, per partition: what the next one is compared with. Written in the transaction of
// the offsets; rows of series that have been silent for a week go.
import type { LastSample } from '../fold/increase.ts'
import type { Connection } from './schema.ts'
import type { Run } from './series-directory.ts'

const silentMs = 7 * 86_400_000
const commitsBetweenPrunes = 500

export class CounterRows {
  readonly #run: Run
  readonly #find
  readonly #save
  readonly #prune
  #commits = 0

  constructor(connection: Connection, run: Run) {
    this.#run = run
    this.#find = connection.prepare<[number, string], { at: number; value: number }>(
      'SELECT at, value FROM counters WHERE source = ? AND series = ?',
    )
    this.#save = connection.prepare(
      'INSERT OR REPLACE INTO counters(source, series, at, value) VALUES (?, ?, ?, ?)',
    )
    this.#prune = connection.prepare('DELETE FROM counters WHERE at < ?')
  }

  last(source: number, series: string): LastSample | null {
    const row = this.#find.get(source, series)
    return row ? { atMs: row.at, value: row.value } : null
  }

  save(source: number, series: string, { atMs, value }: LastSample): void {
    this.#run(this.#save, source, series, atMs, value)
  }

  /** `horizonMs` is the newest event time of the flush. */
  prune(horizonMs: number): void {
    if (++this.#commits % commitsBetweenPrunes !== 0 || !Number.isFinite(horizonMs)) return
    this.#run(this.#prune, Math.floor(horizonMs) - silentMs)
  }
}
