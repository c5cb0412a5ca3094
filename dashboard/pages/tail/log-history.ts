// The log asked over HTTP for the tail: what lies around a record, before and after a moment, or in a gap. One place
// that knows how a page of rows follows the next without missing or repeating any.
import type { TailRow } from '../../../analytics/http/contract.ts'
import type { RecordsAnswer, SearchAnswer } from '../../../analytics/http/contract-search.ts'
import { apiPath, read } from '../../api.ts'
import type { OffsetRange } from '../../tail-buffer.ts'
import { searchParameters } from './tail-query.ts'

const pageRows = 200
const gapRows = 2_000

export interface HistoryPage {
  readonly rows: readonly TailRow[]
  /** Nothing lies beyond. */
  readonly isEnd: boolean
}

export const rowKey = (row: TailRow): string => `${row.partition}:${row.offset}`

/** Those before a moment, this millisecond included; `known` are left out. */
export async function earlier(
  topic: string,
  filter: string,
  atMs: number,
  known: ReadonlySet<string>,
): Promise<HistoryPage> {
  const ask = (to: number) =>
    read<SearchAnswer>(
      apiPath('/search', {
        ...searchParameters(topic, filter),
        ...{ order: 'newest', to: momentText(to), limit: pageRows },
      }),
    )
  let { rows, end } = await ask(atMs + 1)
  let fresh = rows.filter(row => !known.has(rowKey(row)))
  if (fresh.length === 0 && !end.complete) {
    ;({ rows, end } = await ask(atMs))
    fresh = rows.filter(row => !known.has(rowKey(row)))
  }
  return { rows: fresh, isEnd: end.complete }
}

/** Those from a moment on; `known` are left out. */
export async function later(
  topic: string,
  filter: string,
  atMs: number,
  known: ReadonlySet<string>,
): Promise<HistoryPage> {
  const ask = (from: number) =>
    read<SearchAnswer>(
      apiPath('/search', { ...searchParameters(topic, filter), from: momentText(from), limit: pageRows }),
    )
  let { rows, end } = await ask(atMs)
  let fresh = rows.filter(row => !known.has(rowKey(row)))
  if (fresh.length === 0 && !end.complete) {
    ;({ rows, end } = await ask(atMs + 1))
    fresh = rows.filter(row => !known.has(rowKey(row)))
  }
  return { rows: fresh, isEnd: end.complete }
}

/** When a record was written; null where there is none of this offset. */
export async function timeOf(topic: string, partition: number, offset: string): Promise<number | null> {
  const { records } = await read<RecordsAnswer>(recordAddress(topic, partition, offset))
  return records[0]?.offset === offset ? records[0].timestamp : null
}

export const recordAddress = (topic: string, partition: number, offset: string): string =>
  apiPath(`/topics/${encodeURIComponent(topic)}/records`, { partition, offset, limit: 1 })

/** What a gap left out, as far as one answer goes, and what is left of it. */
export async function inGap(
  topic: string,
  filter: string,
  ranges: readonly OffsetRange[],
): Promise<{ readonly rows: readonly TailRow[]; readonly left: readonly OffsetRange[] }> {
  const { rows, end } = await read<SearchAnswer>(
    apiPath('/search', {
      ...searchParameters(topic, filter),
      range: ranges.map(({ partition, from, to }) => `${partition}:${from}-${to}`),
      limit: gapRows,
    }),
  )
  if (end.complete) return { rows, left: [] }
  const next = new Map(end.cursor.split('-').map(pair => pair.split('.') as [string, string]))
  const left = ranges
    .map(range => ({ ...range, from: next.get(String(range.partition)) ?? range.from }))
    .filter(({ from, to }) => BigInt(from) <= BigInt(to))
  return { rows, left }
}

/** A time as the reader writes it or the URL has it, in milliseconds; null for what is none. */
export function timeIn(text: string): number | null {
  if (/^\d{10,16}$/.test(text)) return Number(text)
  const parsed = Date.parse(text)
  return text.trim() === '' || Number.isNaN(parsed) ? null : parsed
}

const momentText = (ms: number): string => new Date(ms).toISOString()
