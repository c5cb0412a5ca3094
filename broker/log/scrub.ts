// Reads sealed segments again, a little at a time, as long as the process lives: damage that nobody's read has met is
// found while other replicas are there to repair it. It also writes sidecars where there are none. Changes nothing
// else; a log with damage is told to doubt itself.
import { validateBatch } from '../protocol/record-batch.ts'
import { BatchCursor } from './batch-cursor.ts'
import type { Disk } from './disk.ts'
import type { PartitionLog } from './partition-log.ts'
import { isContentOf, isPlacedAt, readSeal, SegmentSum, writeSeal } from './seal.ts'
import { CorruptLogError, type Segment } from './segment.ts'

/** Between the ends of two passes over everything. */
const restMs = 24 * 3_600_000

export class Scrub {
  readonly #disk: Disk
  readonly #logs: () => Iterable<PartitionLog>
  readonly #cursor: BatchCursor
  /** What is still to be read in this pass. */
  #waiting: { readonly log: PartitionLog; readonly segment: Segment }[] = []
  /** Read in this pass, or being read. */
  #seen = new WeakSet<Segment>()
  #position = 0
  #sum = new SegmentSum()
  #restFromMs = Number.NEGATIVE_INFINITY

  constructor(disk: Disk, logs: () => Iterable<PartitionLog>) {
    this.#disk = disk
    this.#logs = logs
    this.#cursor = new BatchCursor(disk)
  }

  /** Reads on, about so many bytes: whole batches, and of one segment only. */
  step(bytes: number, nowMs: number): void {
    if (this.#waiting.length === 0) this.#look(nowMs)
    const next = this.#waiting[0]
    if (!next) return
    const { log, segment } = next
    // A sidecar written now would be found beside what takes the segment's place.
    if (log.failure || log.segmentList.isSwapping || !sealedOf(log).includes(segment)) this.#turnToNext()
    else this.#read(log, segment, bytes)
  }

  /** A pass takes new segments in as they are sealed; the next one begins with all of them, after a rest. */
  #look(nowMs: number): void {
    const restedMs = nowMs - this.#restFromMs
    // A clock that was set back must not stop it.
    if (restedMs >= restMs || restedMs < 0) {
      this.#seen = new WeakSet()
      this.#restFromMs = nowMs
    }
    for (const log of this.#logs()) {
      for (const segment of sealedOf(log)) {
        if (segment.nextOffset > log.durableEnd || this.#seen.has(segment)) continue
        this.#seen.add(segment)
        this.#waiting.push({ log, segment })
      }
    }
  }

  #turnToNext(): void {
    this.#waiting.shift()
    this.#position = 0
    this.#sum = new SegmentSum()
  }

  #read(log: PartitionLog, segment: Segment, bytes: number): void {
    const { file, sizeBytes } = segment
    const limit = Math.min(this.#position + bytes, sizeBytes)
    this.#cursor.over(file.fd, sizeBytes, 'scan')
    while (this.#position < limit) {
      if (!this.#isSound()) {
        this.#doubt(log, segment, 'no sound batch')
        return
      }
      const { buffer, at, sizeInBytes, nextPosition } = this.#cursor
      this.#sum.note(buffer, at, sizeInBytes)
      this.#position = nextPosition
    }
    if (this.#position < sizeBytes) return
    const isOurs = this.#compare(log, segment)
    if (!segment.wasRead) file.close()
    if (isOurs) this.#turnToNext()
    else this.#doubt(log, segment, 'not what was written')
  }

  #isSound(): boolean {
    if (!this.#cursor.batch(this.#position)) return false
    const { buffer, at, sizeInBytes } = this.#cursor
    return validateBatch(buffer, at, at + sizeInBytes) === 'none'
  }

  #compare(log: PartitionLog, { baseOffset, sizeBytes }: Segment): boolean {
    const { directory, topicId, partition } = log
    const place = { topicId, partition, baseOffset }
    const content = this.#sum.contentOf(sizeBytes)
    const seal = readSeal(this.#disk, directory, baseOffset)
    if (seal && isPlacedAt(seal, place)) return isContentOf(seal, content)
    if (content && !seal) writeSeal(this.#disk, directory, place, content)
    return true
  }

  #doubt(log: PartitionLog, segment: Segment, reason: string): void {
    const error = new CorruptLogError(segment.file.path, this.#position, reason)
    this.#turnToNext()
    log.doubt(error)
  }
}

function sealedOf({ segmentList }: PartitionLog): readonly Segment[] {
  return segmentList.all.slice(0, -1)
}
