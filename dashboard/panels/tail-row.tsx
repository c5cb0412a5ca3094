// One row of the tail: when, how bad (as shape and word), and the line itself as plain text; or a gap that says how
// many lines are missing here, and why.
import { memo } from 'react'
import {
  counted,
  formatBytes,
  formatDateTime,
  formatExact,
  formatTime,
  inWords,
  type Zone,
} from '../format.ts'
import type { GapCause, TailEntry } from '../tail-buffer.ts'
import { HostileText } from './hostile-text.tsx'

/** What one row shows of a long line; the rest is named by its size. */
const charactersMax = { cut: 600, wrapped: 8_000 } as const

const causes: Readonly<Record<GapCause, string>> = {
  fast: 'more came than a page can show',
  away: 'they came while this page was away',
  held: 'they came while you were reading',
}

export interface TailRowProps {
  readonly entry: TailEntry
  readonly zone: Zone
  readonly filter: string
  readonly wrap: boolean
}

export const TailRowView = memo(function TailRowView({ entry, zone, filter, wrap }: TailRowProps) {
  if (entry.kind === 'gap') {
    const lines = entry.lines === null ? 'Some lines' : counted(entry.lines, 'line', undefined, formatExact)
    return (
      <p className="tail-gap" data-lines={entry.lines ?? 'unknown'}>
        <span>
          {lines} skipped <span className="muted">· {causes[entry.cause]}, and all are counted</span>
        </span>
      </p>
    )
  }
  const { row } = entry
  const limit = wrap ? charactersMax.wrapped : charactersMax.cut
  const place = `${row.topic}, partition ${row.partition}, offset ${row.offset}`
  return (
    <p className="tail-row" data-level={row.level}>
      <time title={`${formatDateTime(row.at, zone)} · ${place}`}>{formatTime(row.at, zone, true)}</time>
      <span className="level">
        <span className="level-word">{row.level}</span>
      </span>
      <span className="line">
        <HostileText text={row.line} filter={filter} limit={limit} />
        {row.cutFrom !== undefined && <em className="cut"> {inWords(formatBytes(row.cutFrom))} in all</em>}
      </span>
    </p>
  )
})
