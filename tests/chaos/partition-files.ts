// The files of a broker that is down, damaged as disks damage them: tails that were never flushed lost or torn, bits
// flipped, segments swapped. What was acknowledged ends at the durable point, which each partition's directory says.
import { readdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseDurablePoint, partitionFiles } from '../../broker/log/checkpoints.ts'
import { batchEnd, batchView, setBaseOffset } from '../../broker/protocol/record-batch.ts'
import type { Random } from './random.ts'

interface Tail {
  readonly path: string
  readonly bytes: Buffer
  /** Where the first batch begins that may be lost. */
  readonly durableBytes: number
  /** Of the last whole batch, -1 when there is none. */
  readonly lastBatch: number
}

/** The directories of a broker's partitions. */
export function partitionsIn(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && /-\d+$/.test(entry.name))
    .map(entry => join(directory, entry.name))
}

/** As after a power cut in which nothing reached the disk that was not flushed. Returns how many bytes are gone. */
export function loseUnflushed(directory: string): number {
  let lost = 0
  for (const partition of partitionsIn(directory)) {
    const tail = tailOf(partition)
    if (!tail || tail.durableBytes >= tail.bytes.length) continue
    lost += tail.bytes.length - tail.durableBytes
    truncateSync(tail.path, tail.durableBytes)
  }
  return lost
}

/** Of what was not flushed a part is there, or a batch that was being written is there in part. Says how many files. */
export function tearTails(directory: string, random: Random): number {
  let torn = 0
  for (const partition of partitionsIn(directory)) {
    const tail = tailOf(partition)
    if (!tail || tail.lastBatch < 0) continue
    const { path, bytes, durableBytes, lastBatch } = tail
    const kept = bytes.length - random.below(bytes.length - durableBytes + 1)
    const isCut = kept < bytes.length
    writeFileSync(
      path,
      Buffer.concat([bytes.subarray(0, kept), isCut ? Buffer.alloc(0) : tornBatch(bytes, lastBatch, random)]),
    )
    torn++
  }
  return torn
}

/** One bit in a segment that nobody writes to any more; null when there is none. */
export function flipBit(directory: string, random: Random): string | null {
  const sealed = partitionsIn(directory).flatMap(partition => segmentsIn(partition).slice(0, -1))
  if (sealed.length === 0) return null
  const path = random.pick(sealed)
  const bytes = readFileSync(path)
  const at = random.below(bytes.length)
  bytes[at]! ^= 1 << random.below(8)
  writeFileSync(path, bytes)
  return `${path} at ${at}`
}

/** Two sealed segments each in the other's place; null when there are not two. */
export function swapSegments(directory: string, random: Random): string | null {
  const sealed = partitionsIn(directory).flatMap(partition => segmentsIn(partition).slice(0, -1))
  if (sealed.length < 2) return null
  const one = random.pick(sealed)
  const other = random.pick(sealed.filter(path => path !== one))
  renameSync(one, `${one}.swap`)
  renameSync(other, one)
  renameSync(`${one}.swap`, other)
  return `${one} and ${other}`
}

function segmentsIn(partition: string): string[] {
  return readdirSync(partition)
    .filter(name => name.endsWith('.log'))
    .sort()
    .map(name => join(partition, name))
}

function tailOf(partition: string): Tail | null {
  const path = segmentsIn(partition).at(-1)
  if (path === undefined) return null
  const durablePoint = parseDurablePoint(contentsOf(join(partition, partitionFiles.durablePoint)))
  const bytes = readFileSync(path)
  let durableBytes = 0
  let lastBatch = -1
  for (let at = 0, end = batchEnd(bytes, 0, bytes.length); end > 0; ) {
    lastBatch = at
    if (batchView.lastOffset(bytes, at) < durablePoint) durableBytes = end
    at = end
    end = batchEnd(bytes, at, bytes.length)
  }
  return { path, bytes, durableBytes, lastBatch }
}

/** What an append leaves that was cut short: a part of it, or its length in zeros, or all of it with a wrong byte. */
function tornBatch(bytes: Buffer, lastBatch: number, random: Random): Buffer {
  const batch = Buffer.from(bytes.subarray(lastBatch))
  setBaseOffset(batch, 0, batchView.lastOffset(batch, 0) + 1)
  const kind = random.below(3)
  if (kind === 0) return batch.subarray(0, 1 + random.below(batch.length - 1))
  if (kind === 1) return Buffer.alloc(batch.length)
  batch[batch.length - 1]! ^= 0xff
  return batch
}

function contentsOf(path: string): Buffer | null {
  try {
    return readFileSync(path)
  } catch {
    return null
  }
}
