// The rows of the partitions that are read, and how far: `next` is the truth. Every change asks for what it builds on:
// the offset, and the epoch that was read with it. Statements only; transactions are the caller's.
import type { PartitionFold } from '../fold/fold-state.ts'
import type { Connection } from './schema.ts'
import type { Run } from './series-directory.ts'
import { FencedError } from './slots.ts'

export interface SourceRow {
  readonly id: number
  readonly topic: string
  readonly partition: number
  readonly topicId: string | null
  readonly next: number
  readonly watermarkMs: number
  /** Why this partition is not read any more, null while it is. */
  readonly stopped: string | null
  readonly epoch: number
}

interface Stored {
  readonly id: number
  readonly topic_id: string | null
  readonly next: number
  readonly watermark: number | null
  readonly stopped: string | null
  readonly epoch: number
}

export class Sources {
  readonly #run: Run
  readonly #job: string
  readonly #statements
  /** By id: the name, and the epoch that what is in memory belongs to. */
  readonly #known = new Map<number, { readonly name: string; readonly epoch: number }>()

  constructor(connection: Connection, run: Run, job: string) {
    this.#run = run
    this.#job = job
    this.#statements = {
      insert: connection.prepare(
        'INSERT OR IGNORE INTO sources(job, topic, partition, topic_id, next) VALUES (?, ?, ?, ?, ?)',
      ),
      find: connection.prepare<[string, string, number], Stored>(
        `SELECT id, topic_id, next, watermark, stopped, epoch FROM sources
         WHERE job = ? AND topic = ? AND partition = ?`,
      ),
      advance: connection.prepare(
        `UPDATE sources SET next = ?, high_watermark = ?, watermark = ?, updated_at = ?
         WHERE id = ? AND next = ? AND epoch = ?`,
      ),
      stop: connection.prepare(
        'UPDATE sources SET stopped = ?, resume_at = ?, epoch = epoch + 1 WHERE id = ? AND epoch = ?',
      ),
      restart: connection.prepare(
        `UPDATE sources SET topic_id = ?, next = ?, stopped = NULL, resume_at = NULL, epoch = epoch + 1
         WHERE id = ? AND epoch = ?`,
      ),
      dropLogEnds: connection.prepare('DELETE FROM log_ends WHERE source = ?'),
    }
  }

  insert(topic: string, partition: number, topicId: string | null, firstOffset: number): void {
    this.#statements.insert.run(this.#job, topic, partition, topicId, firstOffset)
  }

  /** What is folded from here on belongs to the epoch that this finds. */
  find(topic: string, partition: number): SourceRow | null {
    const row = this.#statements.find.get(this.#job, topic, partition)
    if (!row) return null
    const { id, topic_id, next, watermark, stopped, epoch } = row
    this.#known.set(id, { name: `${topic}-${partition}`, epoch })
    const watermarkMs = watermark ?? Number.NEGATIVE_INFINITY
    return { id, topic, partition, topicId: topic_id, next, watermarkMs, stopped, epoch }
  }

  nameOf(id: number): string {
    return this.#known.get(id)?.name ?? String(id)
  }

  advance(
    { id, topic, partition, start, next, highWatermark, watermarkMs }: PartitionFold,
    nowMs: number,
  ): void {
    const watermark = Number.isFinite(watermarkMs) ? watermarkMs : null
    const epoch = this.#known.get(id)?.epoch ?? -1
    const { advance } = this.#statements
    if (this.#run(advance, next, highWatermark, watermark, nowMs, id, start, epoch) !== 1) {
      throw new FencedError(
        `Cannot commit ${topic}-${partition} from offset ${start}: it is no longer the next one`,
      )
    }
  }

  stop(source: SourceRow, reason: string, resumeAt: number): void {
    this.#changed(source, this.#run(this.#statements.stop, reason, resumeAt, source.id, source.epoch))
  }

  restart(source: SourceRow, topicId: string, firstOffset: number): void {
    const { id, epoch } = source
    this.#changed(source, this.#run(this.#statements.restart, topicId, firstOffset, id, epoch))
    // The ends of another log.
    this.#run(this.#statements.dropLogEnds, id)
  }

  forget(): void {
    this.#known.clear()
  }

  #changed({ topic, partition }: SourceRow, rows: number): void {
    if (rows !== 1)
      throw new FencedError(`Cannot change ${topic}-${partition}: another process has changed it`)
  }
}
