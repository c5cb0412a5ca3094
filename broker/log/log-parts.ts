// What a log is made of, and who hears from it. Types only.
import type { LogFields } from '../../runtime/log.ts'
import type { BatchCursor } from './batch-cursor.ts'
import type { Disk } from './disk.ts'
import type { FlushQueue } from './group-commit.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { LogConfig } from './log-config.ts'
import type { PartitionLog } from './partition-log.ts'
import type { ProducerState } from './producer-state.ts'
import type { Quarantine } from './quarantine.ts'
import type { Reserve } from './reserve.ts'
import type { Segment } from './segment.ts'

/** Whoever owns the logs hears here how flushes ended. */
export interface LogListener {
  /** Called from the event loop, never from within `append` or `requestFlush`. */
  onDurable(log: PartitionLog, durableEnd: number): void
  /** The disk failed a write or a flush. Called once for a directory: every later append and flush in it fails. */
  onFailed(log: PartitionLog, error: Error): void
  /** Something a person should know, once. */
  onNotice?(message: string, fields: LogFields): void
}

/** What the data directory hands to each of its logs. */
export interface LogParts {
  readonly disk: Disk
  readonly cursor: BatchCursor
  readonly flushQueue: FlushQueue
  readonly reserve: Reserve
  readonly listener: LogListener
  readonly directory: string
  readonly topic: string
  readonly partition: number
  readonly topicId: string
  readonly config: LogConfig
  /** Its indexes and snapshot are complete as they lie there. */
  readonly isComplete: boolean
  readonly segments: Segment[]
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly epochs: LeaderEpochs
  readonly producers: ProducerState
  readonly quarantine: Quarantine
}
