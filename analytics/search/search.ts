// Lines of the last hours, straight from the log: all partitions merged by time, filtered, streamed. Bounded in time,
// bytes and rows; where it stops, a cursor says where it goes on. Ends when whoever asked has gone.
import type { Cluster } from '../../broker/client/cluster.ts'
import type { TailRow } from '../http/contract.ts'
import type { SearchEnd } from '../http/contract-search.ts'
import { tailRow } from '../live/tail-rows.ts'
import { ProblemError } from '../queries/problem.ts'
import { type FilterWish, lineFilter } from './line-filter.ts'
import { offsetAtTime, PartitionReader, partitionsOf } from './partition-reader.ts'

export interface SearchWish extends FilterWish {
  readonly topic: string
  readonly fromMs: number
  readonly toMs: number
  readonly limit: number
  /** Of an earlier answer, instead of `fromMs`. */
  readonly cursor?: string | undefined
  /** Only these offsets, whatever their time; both ends included. */
  readonly ranges?: readonly OffsetRange[] | undefined
}

export interface OffsetRange {
  readonly partition: number
  readonly from: number
  readonly to: number
}

export interface SearchBounds {
  readonly timeMs: number
  readonly bytes: number
}

export const searchBounds: SearchBounds = { timeMs: 20_000, bytes: 512 * 1024 * 1024 }

interface Lane {
  readonly reader: PartitionReader
  /** Matches that still have to wait for earlier ones of other partitions. */
  readonly found: TailRow[]
  /** Newest time read; its later records come after it, or nearly. */
  frontierMs: number
  /** Last offset that is wanted. */
  readonly last: number
  isDone: boolean
}

/** Rows in order of their time; the last value returned says how it ended. */
export async function* search(
  cluster: Cluster,
  wish: SearchWish,
  signal: AbortSignal,
  monotonicMs: () => number,
  bounds: SearchBounds = searchBounds,
): AsyncGenerator<TailRow, SearchEnd> {
  const matches = lineFilter(wish)
  const lanes = await lanesOf(cluster, wish)
  const startMs = monotonicMs()
  const scanned = { records: 0, bytes: 0 }
  let left = wish.limit
  const ended = (stoppedBy: SearchEnd['stoppedBy']): SearchEnd => ({
    cursor: cursorOf(lanes),
    complete: stoppedBy === 'end',
    stoppedBy,
    scannedRecords: scanned.records,
    scannedBytes: scanned.bytes,
  })
  for (;;) {
    for (let lane = earliest(lanes); lane !== null; lane = earliest(lanes)) {
      if (left === 0) return ended('limit')
      left--
      yield lane.found.shift()!
    }
    const behind = lanes.filter(({ isDone }) => !isDone).sort((a, b) => a.frontierMs - b.frontierMs)[0]
    if (!behind) return ended('end')
    if (signal.aborted) return ended('cancelled')
    if (monotonicMs() - startMs >= bounds.timeMs) return ended('time')
    if (scanned.bytes >= bounds.bytes) return ended('bytes')
    const chunk = await readOn(behind, wish, matches)
    scanned.records += chunk.records
    scanned.bytes += chunk.bytes
  }
}

async function readOn(
  lane: Lane,
  { fromMs, toMs, topic }: SearchWish,
  matches: ReturnType<typeof lineFilter>,
) {
  const { reader, found } = lane
  const chunk = await reader.next((offset, timestampMs, buffer, _keyStart, _keyEnd, start, end) => {
    lane.frontierMs = Math.max(lane.frontierMs, timestampMs)
    if (offset > lane.last) return false
    if (start < 0 || timestampMs < fromMs || timestampMs >= toMs || !matches(buffer, start, end)) return true
    found.push(tailRow({ topic, partition: reader.partition, offset, timestampMs, buffer, start, end }))
    return true
  })
  found.sort((a, b) => a.at - b.at)
  // Later records may still carry earlier times, but none that was asked for comes long after the end.
  lane.isDone = reader.isAtEnd || reader.offset > lane.last || lane.frontierMs >= toMs + outOfOrderMs
  return chunk
}

/** How far times of one partition may run backwards: several agents write to it. */
const outOfOrderMs = 60_000

/** The lane whose first match comes before everything that is still to be read; null when more must be read. */
function earliest(lanes: readonly Lane[]): Lane | null {
  const safeMs = Math.min(...lanes.filter(({ isDone }) => !isDone).map(({ frontierMs }) => frontierMs))
  let first: Lane | null = null
  for (const lane of lanes) {
    const at = lane.found[0]?.at
    if (at !== undefined && at <= safeMs && (!first || at < first.found[0]!.at)) first = lane
  }
  return first
}

async function lanesOf(cluster: Cluster, { topic, fromMs, cursor, ranges }: SearchWish): Promise<Lane[]> {
  const all = await partitionsOf(cluster, topic)
  const wanted = ranges && new Map(ranges.map(range => [range.partition, range]))
  const partitions = wanted ? all.filter(partition => wanted.has(partition)) : all
  const known = cursor === undefined ? null : positionsOf(cursor)
  return Promise.all(
    partitions.map(async partition => {
      const range = wanted?.get(partition)
      const offset =
        known?.get(partition) ?? range?.from ?? (await offsetAtTime(cluster, topic, partition, fromMs))
      const reader = new PartitionReader(cluster, topic, partition, offset)
      const last = range?.to ?? Number.POSITIVE_INFINITY
      return { reader, found: [], frontierMs: Number.NEGATIVE_INFINITY, last, isDone: offset > last }
    }),
  )
}

/** What was read but not handed out is read again. */
function cursorOf(lanes: readonly Lane[]): string {
  const positions = lanes.map(({ reader: { partition, offset }, found }) => {
    const first = found.reduce((least, row) => Math.min(least, Number(row.offset)), offset)
    return `${partition}.${first}`
  })
  return positions.join('-')
}

function positionsOf(cursor: string): Map<number, number> {
  if (!/^\d{1,6}\.\d{1,16}(-\d{1,6}\.\d{1,16})*$/.test(cursor)) {
    throw new ProblemError(400, 'bad-field', 'Cannot read cursor', 'A cursor is what an earlier answer gave.')
  }
  return new Map(cursor.split('-').map(pair => pair.split('.').map(Number) as [number, number]))
}
