// Lets the operator have partitions read on that were stopped because the broker had lost the end of their log. They go
// on where the log had been cut off: what lies there now was never counted. Safe while processes count: each notices.
import type { Connection } from './schema.ts'

export interface Resumed {
  readonly topic: string
  readonly partition: number
  readonly reason: string
  /** Where it stood, and where it goes on. */
  readonly from: number
  readonly to: number
}

/** All stopped partitions of a topic, or one of them. */
export function resumeSources(
  connection: Connection,
  topic: string,
  partition: number | null,
  nowMs: number,
): Resumed[] {
  const find = connection.prepare<[string, number | null, number | null], Resumed & { id: number }>(
    `SELECT id, topic, partition, stopped AS reason, next AS "from", coalesce(resume_at, next) AS "to" FROM sources
     WHERE job = 'live' AND topic = ? AND (? IS NULL OR partition = ?) AND stopped IS NOT NULL ORDER BY partition`,
  )
  const resume = connection.prepare(
    `UPDATE sources SET next = coalesce(resume_at, next), stopped = NULL, resume_at = NULL, epoch = epoch + 1
     WHERE id = ?`,
  )
  const dropLogEnds = connection.prepare('DELETE FROM log_ends WHERE source = ?')
  const enter = connection.prepare(
    `INSERT OR REPLACE INTO losses(key, at, reason, source, from_position, to_position, lines, detail)
     VALUES (?, ?, 'resumed', ?, ?, ?, NULL, ?)`,
  )
  return connection
    .transaction(() => {
      const found = find.all(topic, partition, partition)
      for (const { id, partition: number, from, to, reason } of found) {
        resume.run(id)
        dropLogEnds.run(id)
        const name = `${topic}-${number}`
        const detail = `stopped (${reason}), and read on by the operator from where the log had been cut off`
        enter.run(`${name}:resumed:${from}:${nowMs}`, nowMs, name, String(to), String(from), detail)
      }
      return found.map(({ topic: name, partition: number, reason, from, to }) => ({
        topic: name,
        partition: number,
        reason,
        from,
        to,
      }))
    })
    .immediate()
}

/** `logs` or `logs-3`; a topic may itself end in a number, so the caller says which topics there are. */
export function parsePartition(
  text: string,
  isTopic: (name: string) => boolean,
): { readonly topic: string; readonly partition: number | null } {
  const match = /^(.+)-(\d+)$/.exec(text)
  if (match && !isTopic(text)) return { topic: match[1]!, partition: Number(match[2]) }
  return { topic: text, partition: null }
}
