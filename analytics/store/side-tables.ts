// The rows beside the statistics that commit with them: the loss ledger and what agents say of themselves.
import type { PendingLoss } from '../fold/pending.ts'
import type { Connection } from './schema.ts'
import type { Run } from './series-directory.ts'

/** One entry of the loss ledger, ours or one that came by the `__tailrace_losses` topic. */
export interface LedgerRow {
  readonly key: string
  readonly at: number
  readonly reason: string
  readonly source: string
  readonly from: string
  readonly to: string
  readonly lines: number | null
  readonly detail: string
}

export interface StatusRow {
  readonly agentId: string
  readonly lastSeen: number
  /** The agent's own JSON, checked by whoever read it. */
  readonly status: string
}

export class SideTables {
  readonly #run: Run
  readonly #extend
  readonly #replace
  readonly #status

  constructor(connection: Connection, run: Run) {
    this.#run = run
    this.#extend = connection.prepare(
      `INSERT INTO losses(key, at, reason, source, from_position, to_position, lines, detail)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT(key) DO UPDATE SET at = excluded.at, to_position = excluded.to_position,
         lines = lines + excluded.lines, detail = excluded.detail`,
    )
    this.#replace = connection.prepare(
      `INSERT OR REPLACE INTO losses(key, at, reason, source, from_position, to_position, lines, detail)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#status = connection.prepare(
      'INSERT OR REPLACE INTO agents(agent_id, last_seen, status) VALUES (?, ?, ?)',
    )
  }

  /** Additive, like the counts: one entry per partition, reason and day grows. */
  losses(losses: Iterable<PendingLoss>, nowMs: number): void {
    for (const loss of losses) {
      const source = `${loss.topic}-${loss.partition}`
      const key = `${source}:${loss.reason}:${loss.dayMs}`
      const range = [String(loss.fromOffset), String(loss.toOffset)] as const
      const lines = loss.known ? loss.lines : null
      this.#run(this.#extend, key, nowMs, loss.reason, source, ...range, lines, loss.detail)
    }
  }

  ledger(rows: readonly LedgerRow[]): void {
    for (const row of rows) {
      this.#run(
        this.#replace,
        row.key,
        row.at,
        row.reason,
        row.source,
        row.from,
        row.to,
        row.lines,
        row.detail,
      )
    }
  }

  agents(rows: readonly StatusRow[]): void {
    for (const { agentId, lastSeen, status } of rows) this.#run(this.#status, agentId, lastSeen, status)
  }
}
