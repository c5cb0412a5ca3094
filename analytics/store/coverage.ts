// What a rebuild will ask of each commit: from which offset on a quarter of an hour was counted, and which records were
// dropped as seen. A partition is held to have counted in every quarter that its commit touched: too low an offset only
// makes a rebuild keep more. Statements of the writing connection, inside the caller's transaction.
import type { PartitionFold } from '../fold/fold-state.ts'
import type { Connection } from './schema.ts'
import type { Run } from './series-directory.ts'

export const quarterSeconds = 900
/** Quarters remembered per partition as noted; a replay walks them in order. */
const rememberedMax = 1000
/** Rows behind the edge that one commit deletes. */
const rowsPerCommit = 200

export class Coverage {
  readonly #run: Run
  readonly #statements
  readonly #noted = new Map<number, Set<number>>()
  readonly #logStarts = new Map<number, number>()

  constructor(connection: Connection, run: Run) {
    this.#run = run
    this.#statements = {
      cover: connection.prepare('INSERT OR IGNORE INTO covers(bucket, source, first) VALUES (?, ?, ?)'),
      drop: connection.prepare('INSERT OR REPLACE INTO dropped(source, first, last) VALUES (?, ?, ?)'),
      pruneCovers: connection.prepare('DELETE FROM covers WHERE bucket < ? LIMIT ?'),
      pruneDropped: connection.prepare('DELETE FROM dropped WHERE source = ? AND last < ?'),
    }
  }

  /** `quarters`: buckets of 15 minutes (seconds) that this commit touches; `edge`: before it none are kept. */
  note(partitions: readonly PartitionFold[], quarters: ReadonlySet<number>, edge: number | undefined): void {
    for (const partition of partitions) {
      const { id, topic, start, dropped, logStart } = partition
      // Of our own topics nothing is in the statistics.
      if (topic.startsWith('__')) continue
      for (const quarter of quarters) this.#cover(quarter, id, start)
      for (let index = 0; index < dropped.length; index += 2) {
        this.#run(this.#statements.drop, id, dropped[index]!, dropped[index + 1]!)
      }
      if (logStart <= (this.#logStarts.get(id) ?? 0)) continue
      // Retention has passed them: nobody will read them again.
      this.#run(this.#statements.pruneDropped, id, logStart)
      this.#logStarts.set(id, logStart)
    }
    if (edge !== undefined) this.#run(this.#statements.pruneCovers, edge, rowsPerCommit)
  }

  /** What was noted may not have been committed. */
  forget(): void {
    this.#noted.clear()
    this.#logStarts.clear()
  }

  #cover(quarter: number, source: number, offset: number): void {
    let noted = this.#noted.get(source)
    if (!noted || noted.size > rememberedMax) this.#noted.set(source, (noted = new Set()))
    if (noted.has(quarter)) return
    this.#run(this.#statements.cover, quarter, source, offset)
    noted.add(quarter)
  }
}
