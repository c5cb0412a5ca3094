// What keeps a line from counting twice, and how it is let go: delivery rules 19 and 21 to 23. A row goes when no copy
// of its src's records can come any more; what comes all the same is counted, and the ledger says so. All statements
// on the writing connection; time is handed in.
import type { Connection } from './schema.ts'
import type { Run } from './series-directory.ts'
import type { LedgerRow } from './side-tables.ts'

export const dayMs = 86_400_000
/** Days from which a finished src is taken to have no copies on their way; longer than any request lives. */
const socketDays = 2
/** How long it is remembered that a src is finished, and how long an agent may be silent. */
const rememberedDays = 30
/** Ends of the log are known for this many days, which is enough for every question about the last 30 we were up. */
const endsKept = 40

/** A src that counts although its row is gone. */
interface Return {
  readonly source: number
  readonly src: string
  readonly reason: 'possibly-twice: forked' | 'possibly-twice: resumed'
}

export class DedupRows {
  readonly #connection: Connection
  readonly #run: Run
  readonly #statements
  #returns: Return[] = []

  constructor(connection: Connection, run: Run) {
    this.#connection = connection
    this.#run = run
    this.#statements = prepareStatements(connection)
  }

  /** Of a src in a partition; -1 before the first. What comes back after its row has gone is noted for the commit. */
  lastPosition(source: number, src: string): number {
    const row = this.#statements.find.get(source, src)
    if (row && row.retired_at === null) return row.position
    const retiredDay = this.#retirableDay(source)
    const declared = this.#statements.finished.get(src)?.day
    if (row || (declared !== undefined && retiredDay !== null && declared <= retiredDay)) {
      this.#returns.push({ source, src, reason: 'possibly-twice: forked' })
    } else if (this.#statements.tombstone.get(source, agentOf(src))) {
      this.#returns.push({ source, src, reason: 'possibly-twice: resumed' })
    }
    return -1
  }

  save(source: number, src: string, position: number, nowMs: number): void {
    this.#run(this.#statements.save, source, src, position, dayOf(nowMs))
  }

  /** Within the commit: the entries for what came back, and the tombstones that have served. */
  settleReturns(nameOf: (source: number) => string, nowMs: number): LedgerRow[] {
    return this.#returns.map(({ source, src, reason }) => {
      if (reason === 'possibly-twice: resumed')
        this.#run(this.#statements.dropTombstone, source, agentOf(src))
      const subject = reason === 'possibly-twice: resumed' ? agentOf(src) : src
      return {
        key: `${nameOf(source)}:${subject}:${reason}${reason === 'possibly-twice: resumed' ? `:${dayOf(nowMs)}` : ''}`,
        at: nowMs,
        reason,
        source: subject,
        from: '',
        to: '',
        lines: null,
        detail:
          reason === 'possibly-twice: resumed'
            ? `this agent came back after a month of silence, in ${nameOf(source)}: what it sends again counts again`
            : `records of a src that was declared finished came in ${nameOf(source)}: two agents speak under it`,
      }
    })
  }

  /** After a commit, and after one that failed. */
  forgetReturns(): void {
    this.#returns = []
  }

  declareFinished(src: string, nowMs: number): void {
    this.#run(this.#statements.declare, src, dayOf(nowMs))
  }

  /** Within a commit: where a partition's log ends today, at the first look of the day. */
  noteLogEnd(source: number, logEnd: number, nowMs: number): void {
    this.#run(this.#statements.noteEnd, source, dayOf(nowMs), logEnd)
  }

  /**
   * Lets go what rules 21 to 23 let go in these partitions; true if any row that counted is gone, so that nothing of
   * it may be believed from memory. In a transaction of its own, guarded by the caller.
   */
  retire(sources: readonly number[], nowMs: number): boolean {
    const day = dayOf(nowMs)
    let gone = 0
    for (const source of sources) {
      const retirable = this.#retirableDay(source)
      if (retirable !== null) gone += this.#run(this.#statements.retire, nowMs, source, retirable)
      this.#run(this.#statements.dropRetired, source, nowMs - rememberedDays * dayMs)
      gone += this.#dropSilent(source, day)
      this.#run(this.#statements.dropEnds, source, day - endsKept)
    }
    this.#dropFinished(day)
    return gone > 0
  }

  /** The newest day of which every finished src is past its last possible copy in this partition. */
  #retirableDay(source: number): number | null {
    const read = this.#statements.endRead.get(source)?.day ?? null
    return read === null ? null : read - socketDays
  }

  /** Silence is counted in days on which this partition was read to its end, so our own absence is none of theirs. */
  #dropSilent(source: number, day: number): number {
    const since = this.#statements.monthOfReading.get(source, rememberedDays)?.day
    if (since === undefined) return 0
    let gone = 0
    for (const { agent_id } of this.#statements.silent.all(source, since)) {
      this.#run(this.#statements.bury, source, agent_id, day)
      gone += this.#run(this.#statements.dropAgent, source, `${agent_id}.`, `${agent_id}/`)
    }
    return gone
  }

  /** Once every partition that is read has retired it, and a month has passed. */
  #dropFinished(day: number): void {
    const slowest = this.#connection
      .prepare<[], { day: number | null }>(
        `SELECT min(coalesce(
           (SELECT max(e.day) FROM log_ends e WHERE e.source = s.id AND e.log_end <= s.next), 0)) AS day
         FROM sources s WHERE s.stopped IS NULL`,
      )
      .get()?.day
    const before = Math.min((slowest ?? 0) - socketDays, day - socketDays - rememberedDays)
    // Where a partition is never read again, as of a topic that is gone, three months are enough.
    this.#run(this.#statements.dropFinished, Math.max(before, day - 3 * rememberedDays))
  }
}

export function dayOf(ms: number): number {
  return Math.floor(ms / dayMs)
}

function agentOf(src: string): string {
  const dot = src.indexOf('.')
  return dot < 0 ? src : src.slice(0, dot)
}

function prepareStatements(connection: Connection) {
  return {
    find: connection.prepare<[number, string], { position: number; retired_at: number | null }>(
      'SELECT position, retired_at FROM dedup WHERE source = ? AND src = ?',
    ),
    save: connection.prepare(
      `INSERT INTO dedup(source, src, position, day) VALUES (?, ?, ?, ?)
       ON CONFLICT(source, src) DO UPDATE SET position = excluded.position, day = excluded.day, retired_at = NULL`,
    ),
    finished: connection.prepare<[string], { day: number }>('SELECT day FROM finished WHERE src = ?'),
    declare: connection.prepare('INSERT OR IGNORE INTO finished(src, day) VALUES (?, ?)'),
    tombstone: connection.prepare<[number, string], { day: number }>(
      'SELECT day FROM tombstones WHERE source = ? AND agent_id = ?',
    ),
    dropTombstone: connection.prepare('DELETE FROM tombstones WHERE source = ? AND agent_id = ?'),
    noteEnd: connection.prepare('INSERT OR IGNORE INTO log_ends(source, day, log_end) VALUES (?, ?, ?)'),
    endRead: connection.prepare<[number], { day: number | null }>(
      `SELECT max(e.day) AS day FROM log_ends e JOIN sources s ON s.id = e.source
       WHERE e.source = ? AND e.log_end <= s.next`,
    ),
    retire: connection.prepare(
      `UPDATE dedup SET retired_at = ? WHERE source = ? AND retired_at IS NULL
       AND src IN (SELECT src FROM finished WHERE day <= ?)`,
    ),
    dropRetired: connection.prepare('DELETE FROM dedup WHERE source = ? AND retired_at < ?'),
    // The day before which a month of days lies on which this partition was read to that day's end.
    monthOfReading: connection.prepare<[number, number], { day: number }>(
      `SELECT e.day FROM log_ends e JOIN sources s ON s.id = e.source
       WHERE e.source = ? AND e.log_end <= s.next ORDER BY e.day DESC LIMIT 1 OFFSET ?`,
    ),
    silent: connection.prepare<[number, number], { agent_id: string }>(
      `SELECT substr(src, 1, instr(src, '.') - 1) AS agent_id FROM dedup
       WHERE source = ? AND retired_at IS NULL AND instr(src, '.') > 1 GROUP BY 1 HAVING max(day) < ?`,
    ),
    bury: connection.prepare('INSERT OR IGNORE INTO tombstones(source, agent_id, day) VALUES (?, ?, ?)'),
    dropAgent: connection.prepare('DELETE FROM dedup WHERE source = ? AND src >= ? AND src < ?'),
    dropEnds: connection.prepare('DELETE FROM log_ends WHERE source = ? AND day < ?'),
    dropFinished: connection.prepare('DELETE FROM finished WHERE day <= ?'),
  }
}
