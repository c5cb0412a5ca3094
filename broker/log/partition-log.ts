// One partition's log: a directory of segments in Kafka's format, appended to, flushed for everyone who waits at
// once, read by byte range, cut at either end. Touches only its directory, through the Disk. Reads no clock.
//
//   logStartOffset        highWatermark       durableEnd        logEndOffset
//        |---- readable --------|                 |                  |
//        |---- fsynced, with its directory entry -|--- page cache ---|
import assert from 'node:assert/strict'
import type { ErrorName } from '../protocol/errors.ts'
import { batchView, stampBatch, validateProducerBatch } from '../protocol/record-batch.ts'
import type { BatchCursor } from './batch-cursor.ts'
import { type Disk, readFully } from './disk.ts'
import { DurablePoint } from './durable-point.ts'
import { appendFetched, type FetchedSink } from './fetched-batches.ts'
import { type CommitSource, GroupCommit } from './group-commit.ts'
import { KeptEpochs } from './kept-epochs.ts'
import type { LogConfig } from './log-config.ts'
import type { LogListener, LogParts } from './log-parts.ts'
import { findMaxTimestamp, findTimestamp, maxTimestampAt, readRange } from './log-reader.ts'
import {
  type AppendResult,
  appended,
  type Corruption,
  type FollowResult,
  type ReadResult,
  type Refusal,
  refused,
  type TimestampedOffset,
} from './log-results.ts'
import { checkSequence, producerOf, recordSequence } from './producer-batches.ts'
import type { ProducerState } from './producer-state.ts'
import { markSuspect, type Quarantine } from './quarantine.ts'
import { loadProducers, writeProducerSnapshot } from './recovered-state.ts'
import type { Reserve } from './reserve.ts'
import { CorruptLogError } from './segment.ts'
import { SegmentList } from './segment-list.ts'

export type { AppendResult, Corruption, FollowResult, LogConfig, LogListener, ReadResult, TimestampedOffset }

export class PartitionLog {
  readonly topic: string
  readonly partition: number
  /** The path `<data directory>/<topic>-<partition>`. */
  readonly directory: string
  /** 22 characters of base64url, from partition.metadata. */
  readonly topicId: string
  /** Room for the owner's replica, so that `onDurable` needs no map. */
  owner: unknown = null
  /** The topic's own settings; may be replaced at any time. */
  config: LogConfig

  readonly #disk: Disk
  readonly #cursor: BatchCursor
  readonly #listener: LogListener
  readonly #segments: SegmentList
  readonly #commit: GroupCommit
  readonly #producers: ProducerState
  readonly #quarantine: Quarantine
  readonly #durablePoint: DurablePoint
  readonly #epochs: KeptEpochs
  readonly #reserve: Reserve
  #logStartOffset: number
  #logEndOffset: number
  #highWatermark: number
  /** Where the log ended when all its files were complete; -1 if they were not at open. */
  readonly #finishedEnd: number
  #failure: Error | null = null

  constructor(parts: LogParts) {
    this.topic = parts.topic
    this.partition = parts.partition
    this.topicId = parts.topicId
    this.config = parts.config
    this.#disk = parts.disk
    this.#cursor = parts.cursor
    this.#listener = parts.listener
    this.directory = parts.directory
    this.#segments = new SegmentList(parts, () => this.#epochs.save())
    this.#producers = parts.producers
    this.#quarantine = parts.quarantine
    this.#epochs = new KeptEpochs(parts.disk, parts.directory, parts.reserve, parts.epochs)
    this.#reserve = parts.reserve
    this.#logStartOffset = parts.logStartOffset
    this.#logEndOffset = this.#segments.active.nextOffset
    this.#finishedEnd = parts.isComplete ? this.#logEndOffset : -1
    this.#highWatermark = Math.min(Math.max(parts.highWatermark, this.#logStartOffset), this.#logEndOffset)
    this.#durablePoint = new DurablePoint(parts.disk, parts.directory)
    this.#commit = new GroupCommit(parts.disk, parts.flushQueue, this.#commitSource(), this.#logEndOffset)
  }

  /** The first offset that may be read. */
  get logStartOffset(): number {
    return this.#logStartOffset
  }

  /** The offset the next record will get. */
  get logEndOffset(): number {
    return this.#logEndOffset
  }

  /** Everything below is on the medium, with its directory entry. */
  get durableEnd(): number {
    return this.#commit.durableEnd
  }

  /** Kept for the owner, who alone moves it: bounds retention and is checkpointed. */
  get highWatermark(): number {
    return this.#highWatermark
  }

  set highWatermark(offset: number) {
    assert(offset >= 0 && offset <= this.#logEndOffset, 'the high watermark lies within the log')
    this.#highWatermark = offset
  }

  get sizeBytes(): number {
    return this.#segments.sizeBytes
  }

  get segmentList(): SegmentList {
    return this.#segments
  }

  /** Not null once the disk failed: nothing more is appended or flushed, reads go on. */
  get failure(): Error | null {
    return this.#failure
  }

  /** The epoch of the newest batch, -1 if there is none. */
  get latestEpoch(): number {
    return this.#epochs.latest
  }

  /** Losses not yet in the ledger. */
  get corruptions(): readonly Corruption[] {
    return this.#quarantine.corruptions
  }

  /** The loss is in the ledger: it will not be offered again. */
  reported(corruption: Corruption): void {
    this.#quarantine.reported(corruption)
  }

  /**
   * Appends one producer's batch as the leader of `leaderEpoch`. Checks it (validateProducerBatch; its size is the
   * caller's business), recognises a retry, writes base offset and epoch into `batch` itself, and that to the page
   * cache. Durable once `durableEnd > lastOffset`: call `requestFlush` and wait for `onDurable`.
   */
  append(batch: Buffer, leaderEpoch: number, nowMs: number, produceVersion = 13): AppendResult {
    if (this.#failure) return refused('kafkaStorageError', this.#failure.message)
    const invalid = validateProducerBatch(batch, produceVersion)
    if (invalid !== 'none') return refused(invalid, 'Cannot append: not one sound record batch')
    if (batch.length > this.config.segmentBytes) {
      return refused('recordListTooLarge', `Cannot append: ${batch.length} bytes are more than a segment`)
    }
    const offsetDelta = batchView.lastOffsetDelta(batch, 0)
    const check = checkSequence(this.#producers, batch)
    if (check === 'duplicate') {
      const { duplicateLastOffset } = this.#producers
      const timeMs = maxTimestampAt(this.#segments.all, this.#cursor, duplicateLastOffset)
      return appended(duplicateLastOffset - offsetDelta, offsetDelta, true, timeMs)
    }
    if (check !== 'append') return refused(check, `Cannot append: ${producerOf(batch)}`)
    const baseOffset = this.#logEndOffset
    const logAppendTimeMs = this.config.usesLogAppendTime ? nowMs : -1
    stampBatch(batch, baseOffset, leaderEpoch, logAppendTimeMs)
    return this.#write(batch, nowMs) ?? appended(baseOffset, offsetDelta, false, logAppendTimeMs)
  }

  /**
   * Appends what a leader answered to a fetch at `fetchOffset` in epoch `fetchedEpoch`, offsets and epochs as they
   * are; a batch that is cut off at the end is left. What came before a refused batch stays: see `logEndOffset`.
   */
  appendFetched(batches: Buffer, fetchOffset: number, fetchedEpoch: number, nowMs: number): FollowResult {
    if (this.#failure) return refused('kafkaStorageError', this.#failure.message)
    if (fetchOffset !== this.#logEndOffset) {
      return refused('offsetOutOfRange', `Cannot append: fetched ${fetchOffset}, at ${this.#logEndOffset}`)
    }
    return appendFetched(this.#fetchedSink, batches, fetchedEpoch, nowMs)
  }

  /** Asks for everything appended so far to become durable. One flush runs at a time; who asks meanwhile is next. */
  requestFlush(): void {
    this.#commit.request()
  }

  /**
   * Whole batches, beginning with the one that contains `offset`: at most `maxBytes`, and only such as lie wholly
   * below `limitOffset` (the high watermark for consumers, the log's end for followers). With `atLeastOneBatch` the
   * first one comes even if it is larger. One answer comes from one file: `retain` it while a send is in flight.
   */
  read(offset: number, maxBytes: number, limitOffset: number, atLeastOneBatch: boolean): ReadResult {
    if (offset < this.#logStartOffset || offset > this.#logEndOffset)
      return { ok: false, error: 'offsetOutOfRange' }
    try {
      return readRange(this.#segments.all, this.#cursor, offset, maxBytes, limitOffset, atLeastOneBatch)
    } catch (error) {
      if (!(error instanceof CorruptLogError)) return { ok: false, error: 'kafkaStorageError' }
      this.doubt(error)
      return { ok: false, error: 'corruptMessage' }
    }
  }

  /** The disk gives back something else than was written: the next start reads all of it and repairs what it can. */
  doubt(error: Error): void {
    if (this.#failure) return
    markSuspect(this.#disk, this.directory)
    this.fail(error)
  }

  /** The bytes of a range in a buffer of their own. */
  copy(range: ReadResult): Buffer {
    if (!range.ok || !range.file) return Buffer.alloc(0)
    const bytes = Buffer.allocUnsafe(range.length)
    const count = readFully(this.#disk, range.file.fd, bytes, 0, range.length, range.position)
    assert.equal(count, range.length, 'a range lies within its file')
    return bytes
  }

  /** The first record as late as `timestamp`, below `limitOffset`. */
  offsetForTimestamp(timestamp: number, limitOffset: number): TimestampedOffset | null {
    return findTimestamp(this.#segments.all, this.#cursor, timestamp, this.#logStartOffset, limitOffset)
  }

  /** The record with the largest timestamp, if it is below `limitOffset`. */
  offsetOfMaxTimestamp(limitOffset: number): TimestampedOffset | null {
    return findMaxTimestamp(this.#segments.all, this.#cursor, this.#logStartOffset, limitOffset)
  }

  /** The epoch under which the record at `offset` was written, -1 if unknown. */
  epochOf(offset: number): number {
    return this.#epochs.epochOf(offset)
  }

  /** OffsetForLeaderEpoch: { -1, -1 } for an epoch not known here; the latest one ends at the log's end. */
  endOffsetForEpoch(epoch: number): { readonly epoch: number; readonly endOffset: number } {
    return this.#epochs.endOffsetFor(epoch, this.#logEndOffset)
  }

  /** DeleteRecords: moves the log's start up to `offset`, at most to the high watermark. */
  deleteRecordsBefore(offset: number): ErrorName {
    if (offset > this.#highWatermark) return 'offsetOutOfRange'
    this.#moveStart(offset)
    return 'none'
  }

  /** Drops every batch that reaches `offset` or beyond: a follower that must follow another history. Blocks. */
  truncateTo(offset: number, nowMs: number): void {
    if (offset >= this.#logEndOffset) return
    assert(offset >= this.#logStartOffset)
    // Below the durable point recovery would call the missing batches damage: first the promise goes, then they.
    this.#durablePoint.lower(Math.min(this.#segments.baseOffsetOf(offset), this.durableEnd))
    const removed = this.#segments.cutTo(offset, this.#cursor, this.config)
    this.#disk.syncDirectory(this.directory)
    this.#logEndOffset = this.#segments.active.nextOffset
    this.#highWatermark = Math.min(this.#highWatermark, this.#logEndOffset)
    this.#commit.truncated(this.#logEndOffset, removed)
    this.#durablePoint.write(this.durableEnd)
    this.#epochs.truncateFromEnd(this.#logEndOffset)
    loadProducers(this.#disk, this.directory, this.#segments.all, this.#cursor, this.#producers, nowMs)
    this.#quarantine.discardAbove(this.#logEndOffset)
  }

  /** Drops everything and goes on at `offset`: a follower whose leader no longer has what would come next. Blocks. */
  restartAt(offset: number, nowMs: number): void {
    this.truncateTo(this.#logStartOffset, nowMs)
    this.#durablePoint.lower(0)
    const removed = this.#segments.restart(offset, nowMs)
    this.#disk.syncDirectory(this.directory)
    this.#commit.truncated(Math.min(offset, this.#logEndOffset), removed)
    this.#logStartOffset = offset
    this.#logEndOffset = offset
    this.#highWatermark = offset
    this.#epochs.truncateFromEnd(0)
    this.#producers.clear()
  }

  /** Segments wholly below are on the medium with their indexes: where recovery may begin. */
  get recoveryPoint(): number {
    return Math.min(this.#segments.recoveryPoint, this.durableEnd)
  }

  /** Takes expired segments out of the log. Their files stay until `discard`, which needs the new start on record. */
  retire(nowMs: number): void {
    const count = this.#segments.expired(this.config, this.#logStartOffset, this.#highWatermark, nowMs)
    if (count === 0) return
    if (count === this.#segments.all.length) this.#roll(nowMs)
    this.#segments.retire(count)
    this.#moveStart(this.#segments.firstOffset)
  }

  /** Lets the files of retired segments go, and those of earlier ones whose time has come. */
  discard(nowMs: number, recordedStart: number, delayMs = this.config.fileDeleteDelayMs): void {
    this.#segments.discard(nowMs, recordedStart, delayMs)
    this.#quarantine.discardBelow(this.#logStartOffset)
  }

  /** The last batches of every idempotent producer that is remembered. */
  producerBatches(): ReturnType<ProducerState['batches']> {
    return this.#producers.batches()
  }

  /** Now and then: forgotten producers, idle descriptors, indexes to be flushed. */
  maintain(nowMs: number): void {
    this.#producers.expire(nowMs - this.config.producerExpirationMs)
    this.#segments.restIdle()
    if (!this.#failure) this.#segments.settleOne(this.durableEnd, error => this.fail(error))
  }

  /** Whether anything was appended that a clean start would have to scan for. */
  get needsFinish(): boolean {
    return this.#logEndOffset !== this.#finishedEnd
  }

  /** Writes what a clean start relies on. Everything must be durable already. Returns the files to flush. */
  finish(): string[] {
    assert.equal(this.durableEnd, this.#logEndOffset, 'a log ends with nothing left to flush')
    if (!this.needsFinish) return []
    this.#segments.active.seal()
    const indexes = this.#segments.unsettledIndexes()
    return [this.#writeSnapshot(), this.#durablePoint.path, ...this.#epochs.finish(), ...indexes]
  }

  /** Lets go of every file, of those still being sent when their sends end. Nothing is flushed any more. */
  close(): void {
    this.#failure ??= new Error(`Cannot use the log of ${this.topic}-${this.partition}: it is closed`)
    this.#commit.fail()
    this.#segments.close()
    this.#durablePoint.close()
  }

  /** The disk of this log, or another in the same directory, failed. */
  fail(error: Error): void {
    if (this.#failure) return
    this.#failure = error
    this.#commit.fail()
    this.#listener.onFailed(this, error)
  }

  /** Null if the batch, which bears its offsets and epoch, is in the page cache; else nothing of it is. */
  #write(batch: Buffer, nowMs: number): Refusal | null {
    const full = this.#reserve.refusal(this.topic)
    if (full) return full
    const { config } = this
    const baseOffset = batchView.baseOffset(batch, 0)
    const lastOffset = batchView.lastOffset(batch, 0)
    try {
      if (baseOffset > this.#logEndOffset) this.#quarantine.noteGap(this.#logEndOffset, baseOffset)
      this.#epochs.begin(batchView.leaderEpoch(batch, 0), baseOffset)
      if (this.#segments.isDueToRoll(batch.length, lastOffset, config, nowMs)) this.#roll(nowMs)
      this.#segments.active.append(batch, config.indexIntervalBytes, nowMs)
      this.#logEndOffset = lastOffset + 1
      recordSequence(this.#producers, batch, 0, nowMs)
      return null
    } catch (error) {
      // A full disk passes; any other error, or bytes that cannot be taken back, mean the end of this directory.
      const { message } = error as Error
      if (!this.#segments.takeBack() || !this.#reserve.survives(error as Error)) this.fail(error as Error)
      return refused('kafkaStorageError', message)
    }
  }

  #roll(nowMs: number): void {
    this.#writeSnapshot()
    this.#segments.roll(this.#logEndOffset, nowMs)
    this.#commit.directoryIsDirty = true
  }

  #writeSnapshot(): string {
    const needed = this.#segments.all.map(segment => segment.baseOffset)
    return writeProducerSnapshot(this.#disk, this.directory, this.#logEndOffset, this.#producers, needed)
  }

  #moveStart(offset: number): void {
    if (offset <= this.#logStartOffset) return
    this.#logStartOffset = offset
    this.#epochs.truncateFromStart(offset)
  }

  readonly #fetchedSink: FetchedSink = { log: this, write: (batch, nowMs) => this.#write(batch, nowMs) }

  #commitSource(): CommitSource {
    const log = this
    return {
      get logEndOffset() {
        return log.#logEndOffset
      },
      get activeFile() {
        return log.#segments.active.file
      },
      directory: this.directory,
      takeSealedFiles: () => this.#segments.takeSealedFiles(),
      onCommitted: durableEnd => {
        this.#durablePoint.note(durableEnd)
        this.#listener.onDurable(this, durableEnd)
      },
      onCommitFailed: error => this.fail(error),
    }
  }
}
