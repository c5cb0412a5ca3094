// The replicas themselves, after a run: every batch in the segment files of every broker, compared offline. Below what
// was committed all must hold the same bytes, whatever clients have been shown. Reads files only.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { batchEnd, batchView, checkCrc } from '../../broker/protocol/record-batch.ts'
import type { Key } from './checker/history.ts'

interface Batch {
  readonly lastOffset: number
  readonly leaderEpoch: number
  readonly crc: number
}

export interface ReplicaComparison {
  /** Batches that two or more brokers hold and that were compared. */
  readonly compared: number
  readonly batches: number
  /** In words. */
  readonly differences: readonly string[]
}

/**
 * `committedEnd` is where the part ends that clients were promised; what is above it may differ until it is truncated.
 * A replica may end before it, when it is not in sync.
 */
export function compareReplicas(
  directories: readonly string[],
  key: Key,
  committedEnd: number,
): ReplicaComparison {
  const name = key.replace(/\/(\d+)$/, '-$1')
  const differences: string[] = []
  const seen = new Map<number, { readonly directory: string; readonly batch: Batch }>()
  let batches = 0
  let compared = 0
  let furthest = 0
  for (const directory of directories) {
    if (!existsSync(join(directory, name))) continue
    const log = batchesIn(join(directory, name), what =>
      differences.push(`${basename(directory)}/${name}: ${what}`),
    )
    batches += log.size
    for (const [baseOffset, batch] of log) {
      if (baseOffset >= committedEnd) continue
      furthest = Math.max(furthest, batch.lastOffset + 1)
      const other = seen.get(baseOffset)
      if (!other) seen.set(baseOffset, { directory, batch })
      else {
        compared++
        if (isSame(batch, other.batch)) continue
        const places = `${basename(directory)} and ${basename(other.directory)}`
        differences.push(`${name}: the batch at ${baseOffset} is not the same in ${places}`)
      }
    }
    differences.push(...gapsIn(log, committedEnd).map(gap => `${basename(directory)}/${name}: ${gap}`))
  }
  if (furthest < committedEnd)
    differences.push(`${name}: no replica reaches ${committedEnd}, only ${furthest}`)
  return { compared, batches, differences }
}

function batchesIn(directory: string, onDamage: (what: string) => void): Map<number, Batch> {
  const batches = new Map<number, Batch>()
  for (const path of globSync(join(directory, '*.log')).sort()) {
    const bytes = readFileSync(path)
    for (
      let at = 0, end = batchEnd(bytes, 0, bytes.length);
      end > 0;
      at = end, end = batchEnd(bytes, at, bytes.length)
    ) {
      const base = batchView.baseOffset(bytes, at)
      if (!checkCrc(bytes, at)) onDamage(`the checksum of the batch at ${base} is wrong`)
      if (batches.has(base)) onDamage(`there are two batches at ${base}`)
      batches.set(base, {
        lastOffset: batchView.lastOffset(bytes, at),
        leaderEpoch: batchView.leaderEpoch(bytes, at),
        crc: batchView.crc(bytes, at),
      })
    }
  }
  return batches
}

/** Nothing is deleted or compacted in these runs, so each batch begins where the one before it ended. */
function gapsIn(log: ReadonlyMap<number, Batch>, committedEnd: number): string[] {
  const gaps: string[] = []
  let expected: number | null = null
  for (const [baseOffset, { lastOffset }] of log) {
    if (expected !== null && baseOffset !== expected && baseOffset < committedEnd) {
      gaps.push(`after ${expected - 1} comes ${baseOffset}`)
    }
    expected = lastOffset + 1
  }
  return gaps
}

function isSame(one: Batch, other: Batch): boolean {
  return one.crc === other.crc && one.leaderEpoch === other.leaderEpoch && one.lastOffset === other.lastOffset
}
