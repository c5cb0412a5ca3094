// What a rebuild reads and leaves in the live store: how far the count is, what it dropped, and how the rebuild fares.
import type { Connection } from '../store/schema.ts'

export interface LiveSource {
  readonly id: number
  readonly topic: string
  readonly partition: number
  readonly topicId: string | null
  /** The live count has read up to here. */
  readonly next: number
  /** Another one: the offsets of before mean nothing. */
  readonly epoch: number
  /** Ranges of offsets that were dropped as seen: first, last, first, last. */
  readonly dropped: readonly number[]
}

export interface RebuildProgress {
  readonly state: 'reading' | 'done' | 'stopped' | 'failed'
  readonly pid: number
  readonly startedAt: number
  readonly updatedAt: number
  /** Records read, and how many the live count has read of the same log. */
  readonly read: number
  readonly of: number
  readonly detail?: string
}

const progressKey = 'rebuild'

/** Partitions that are counted; those that stand still cannot be caught up with. In one state of the store. */
export function readLive(connection: Connection, topics: readonly string[]): LiveSource[] {
  const read = () => {
    const rows = connection
      .prepare<[], Omit<LiveSource, 'dropped'> & { readonly stopped: string | null }>(
        `SELECT id, topic, "partition", topic_id AS topicId, next, epoch, stopped FROM main.sources
         WHERE job = 'live' ORDER BY id`,
      )
      .all()
    const dropped = connection.prepare<[number], { first: number; last: number }>(
      'SELECT first, last FROM main.dropped WHERE source = ? ORDER BY first',
    )
    return rows
      .filter(({ topic, stopped }) => topics.includes(topic) && stopped === null)
      .map(({ stopped: _, ...row }) => ({
        ...row,
        dropped: dropped.all(row.id).flatMap(({ first, last }) => [first, last]),
      }))
  }
  return connection.inTransaction ? read() : connection.transaction(read)()
}

export function saveProgress(connection: Connection, progress: RebuildProgress): void {
  connection
    .prepare('INSERT OR REPLACE INTO main.meta(key, value) VALUES (?, ?)')
    .run(progressKey, JSON.stringify(progress))
}

/** Null when there never was one. */
export function readProgress(connection: Connection): RebuildProgress | null {
  const text = connection.prepare('SELECT value FROM main.meta WHERE key = ?').pluck().get(progressKey)
  return typeof text === 'string' ? (JSON.parse(text) as RebuildProgress) : null
}

/** Rows of the meta table that both stores must agree on. */
export function metaOf(connection: Connection, key: string): string | null {
  return (connection.prepare('SELECT value FROM main.meta WHERE key = ?').pluck().get(key) as string) ?? null
}
