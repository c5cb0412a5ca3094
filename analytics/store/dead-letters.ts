// Records that could not be counted, kept in the transaction that passes them until the topic for them has them.
// Bounded: beyond the bound they are only in the ledger, as they all are. Statements on the writing connection.
import type { Connection } from './schema.ts'
import type { Run } from './series-directory.ts'

export interface DeadLetter {
  /** Row of the partition. */
  readonly source: number
  readonly offset: number
  readonly reason: string
  readonly at: number
  readonly key: Buffer | null
  /** As it was in the log; of a batch that cannot be read, the batch. */
  readonly value: Buffer | null
}

export interface WaitingLetter extends DeadLetter {
  readonly topic: string
  readonly partition: number
}

/** Waiting ones together. */
const waitingMax = 2_000

export class DeadLetters {
  readonly #run: Run
  readonly #statements

  constructor(connection: Connection, run: Run) {
    this.#run = run
    this.#statements = {
      count: connection.prepare<[], { n: number }>('SELECT count(*) AS n FROM dead_letters'),
      put: connection.prepare(
        `INSERT OR IGNORE INTO dead_letters(source, record_offset, reason, at, record_key, value)
         VALUES (?, ?, ?, ?, ?, ?)`,
      ),
      oldest: connection.prepare<[string, number], WaitingLetter>(
        `SELECT d.source, s.topic, s.partition, d.record_offset AS "offset", d.reason, d.at, d.record_key AS "key",
           d.value FROM json_each(?) j JOIN dead_letters d ON d.source = j.value JOIN sources s ON s.id = d.source
         ORDER BY d.source, d.record_offset LIMIT ?`,
      ),
      drop: connection.prepare(
        'DELETE FROM dead_letters WHERE source = ? AND record_offset = ? AND reason = ?',
      ),
    }
  }

  /** Within a commit. */
  put(letters: readonly DeadLetter[]): void {
    if (letters.length === 0) return
    const room = waitingMax - this.#statements.count.get()!.n
    for (const { source, offset, reason, at, key, value } of letters.slice(0, Math.max(room, 0)))
      this.#run(this.#statements.put, source, offset, reason, at, key, value)
  }

  /** Of these partitions. */
  waiting(sources: readonly number[], limit: number): WaitingLetter[] {
    return this.#statements.oldest.all(JSON.stringify(sources), limit)
  }

  /** The topic has it. */
  drop({ source, offset, reason }: DeadLetter): void {
    this.#statements.drop.run(source, offset, reason)
  }
}
