// What is known of a segment that nobody appends to any more, in a file beside it: whose it is, where it ends, and a
// checksum over the first 21 bytes of every batch, which place the batch and hold the checksum of the rest. It tells a
// segment from another one in its place, and finds bits that no batch's own checksum covers. Kafka passes over it.
//
//   00000000000000000123.log      batches
//   00000000000000000123.seal     describes that file; absent while it is appended to, or not known yet
//
// Unlike the log it may be lost: without it a segment is only not checked. A wrong one would be worse, so it goes,
// durably, before the segment changes. Touches the sidecars only.
import { crc32c, extendCrc32c } from '../protocol/crc32c.ts'
import { type Disk, readFile, readFully, writeFully } from './disk.ts'

/** Base offset, length, leader epoch, magic, and the checksum of everything after it. */
const frameBytes = 21

/** Whose a segment is. */
export interface SegmentPlace {
  readonly topicId: string
  readonly partition: number
  readonly baseOffset: number
}

/** What a segment file holds. */
export interface SegmentContent {
  readonly sizeBytes: number
  readonly framesCrc: number
  readonly firstFrame: string
  readonly lastFrame: string
  readonly lastPosition: number
}

export interface Seal extends SegmentPlace, SegmentContent {}

/** Sums up a segment's batches in their order, from its first byte on. */
export class SegmentSum {
  #sizeBytes = 0
  #crc = 0
  #first: Buffer | null = null
  readonly #last = Buffer.alloc(frameBytes)
  #lastPosition = 0

  note(buffer: Buffer, at: number, sizeBytes: number): void {
    this.#crc = extendCrc32c(this.#crc, buffer, at, at + frameBytes)
    buffer.copy(this.#last, 0, at, at + frameBytes)
    this.#first ??= Buffer.from(this.#last)
    this.#lastPosition = this.#sizeBytes
    this.#sizeBytes += sizeBytes
  }

  /** Null if it has not seen all of those bytes: a segment that was opened without being read. */
  contentOf(sizeBytes: number): SegmentContent | null {
    if (this.#first === null || this.#sizeBytes !== sizeBytes) return null
    return {
      sizeBytes,
      framesCrc: this.#crc,
      firstFrame: this.#first.toString('hex'),
      lastFrame: this.#last.toString('hex'),
      lastPosition: this.#lastPosition,
    }
  }
}

export function sealPath(directory: string, baseOffset: number): string {
  return `${directory}/${String(baseOffset).padStart(20, '0')}.seal`
}

export function formatSeal(seal: Seal): Buffer {
  const { topicId, partition, baseOffset, sizeBytes, framesCrc, firstFrame, lastFrame, lastPosition } = seal
  const placed = [topicId, partition, baseOffset].join(' ')
  const text = `0\n${placed}\n${sizeBytes} ${framesCrc}\n0 ${firstFrame}\n${lastPosition} ${lastFrame}\n`
  return Buffer.from(`${text}${crc32c(Buffer.from(text))}\n`)
}

/** Null for bytes that are not, or no longer, a whole sidecar. */
export function parseSeal(bytes: Buffer): Seal | null {
  const text = bytes.toString('latin1')
  const match = sealPattern.exec(text)
  if (!match || crc32c(Buffer.from(match[1]!)) !== Number(match[9])) return null
  const [, , topicId, partition, baseOffset, sizeBytes, framesCrc, firstFrame, last] = match
  const [lastPosition, lastFrame] = last!.split(' ')
  return {
    topicId: topicId!,
    partition: Number(partition),
    baseOffset: Number(baseOffset),
    sizeBytes: Number(sizeBytes),
    framesCrc: Number(framesCrc),
    firstFrame: firstFrame!,
    lastFrame: lastFrame!,
    lastPosition: Number(lastPosition),
  }
}

const sealPattern = /^(0\n(\S{22}) (\d+) (\d+)\n(\d+) (\d+)\n0 ([0-9a-f]{42})\n(\d+ [0-9a-f]{42})\n)(\d+)\n$/

export function readSeal(disk: Disk, directory: string, baseOffset: number): Seal | null {
  const bytes = readFile(disk, sealPath(directory, baseOffset))
  return bytes && parseSeal(bytes)
}

/** Not synced: what does not survive is written again by whoever reads the segment next. */
export function writeSeal(disk: Disk, directory: string, place: SegmentPlace, content: SegmentContent): void {
  const fd = disk.open(sealPath(directory, place.baseOffset), 'create')
  try {
    disk.truncate(fd, 0)
    writeFully(disk, fd, formatSeal({ ...place, ...content }), 0)
  } finally {
    disk.close(fd)
  }
}

/** Before the segment changes. Blocks until it cannot come back. */
export function dropSeal(disk: Disk, directory: string, baseOffset: number): void {
  const path = sealPath(directory, baseOffset)
  if (!disk.status(path)) return
  disk.unlink(path)
  disk.syncDirectory(directory)
}

export function isPlacedAt(seal: Seal, { topicId, partition, baseOffset }: SegmentPlace): boolean {
  return seal.topicId === topicId && seal.partition === partition && seal.baseOffset === baseOffset
}

export function isContentOf(seal: Seal, content: SegmentContent | null): boolean {
  return content !== null && content.sizeBytes === seal.sizeBytes && content.framesCrc === seal.framesCrc
}

/** The leader epoch is outside every batch's checksum: a wrong one does not make it another batch. */
const withoutEpoch = (frame: string) => frame.slice(0, 24) + frame.slice(32)

/** How many of the two batches that a sidecar describes lie where it says: 2 in any sound file, 0 in another's. */
export function framesFound(disk: Disk, fd: number, seal: Seal): number {
  const frame = Buffer.alloc(frameBytes)
  const isThere = (position: number, hex: string) =>
    readFully(disk, fd, frame, 0, frameBytes, position) === frameBytes &&
    withoutEpoch(frame.toString('hex')) === withoutEpoch(hex)
  return Number(isThere(0, seal.firstFrame)) + Number(isThere(seal.lastPosition, seal.lastFrame))
}
