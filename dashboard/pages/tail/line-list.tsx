// Rows of the log, live or from its past: only those on screen are elements. Each can be opened; a gap can be loaded.
import { defaultRangeExtractor, type Range, useVirtualizer } from '@tanstack/react-virtual'
import { memo, type ReactNode, type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react'
import {
  counted,
  formatBytes,
  formatDateTime,
  formatExact,
  formatTime,
  inWords,
  type Zone,
} from '../../format.ts'
import type { TailEntry, TailGapEntry } from '../../tail-buffer.ts'
import { LineDetail, type RowActions } from './line-detail.tsx'
import { rowKey } from './log-history.ts'
import { MarkedLine } from './marked-line.tsx'

export interface ListLook {
  readonly zone: Zone
  readonly isWrapped: boolean
  readonly isRoomy: boolean
  readonly terms: readonly string[]
}

export interface LineListProps {
  readonly scroll: RefObject<HTMLElement | null>
  readonly label: string
  readonly entries: readonly TailEntry[]
  readonly isFollowing: boolean
  readonly look: ListLook
  readonly selected: string | null
  readonly opened: ReadonlySet<string>
  readonly top: ReactNode
  readonly bottom: ReactNode
  readonly actions: RowActions
  onToggle(key: string): void
  onLoadGap(gap: TailGapEntry): Promise<void>
}

/** Fills the tallest view with the shortest rows: until the view is measured. */
const rowsAtEndMax = 72
/** Above those in view: for the first turn of a wheel. */
const rowsAbove = 6
const heights = { roomy: 28, compact: 20 } as const

export function LineList(props: LineListProps) {
  const { scroll, entries, isFollowing, look, selected, opened } = props
  const top = useRef<HTMLDivElement>(null)
  /** A list that opens at a row has it in the middle. */
  const isFirst = useRef(selected !== null)
  const rowsAtEnd = useRef(rowsAtEndMax)
  const estimate = look.isRoomy ? heights.roomy : heights.compact
  const virtualizer = useVirtualizer({
    count: entries.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => estimate,
    // Called for every row whenever one comes: a number that is there, no string that is made.
    getItemKey: index => entries[index]?.id ?? index,
    overscan: 12,
    scrollMargin: top.current?.offsetHeight ?? 0,
    // What follows scrolls itself, to rows that are rendered already.
    useFlushSync: !isFollowing,
    rangeExtractor: isFollowing ? range => lastRows(range, rowsAtEnd.current) : defaultRangeExtractor,
  })
  const viewHeight = virtualizer.scrollRect?.height ?? 0
  if (viewHeight > 0) rowsAtEnd.current = Math.min(rowsAtEndMax, Math.ceil(viewHeight / estimate) + rowsAbove)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another density is another height of every row.
  useLayoutEffect(() => virtualizer.measure(), [estimate, look.isWrapped])
  // biome-ignore lint/correctness/useExhaustiveDependencies: scrolls when another row is selected, not when rows come.
  useEffect(() => {
    const at = selected === null ? -1 : entries.findIndex(entry => keyOf(entry) === selected)
    if (at >= 0) virtualizer.scrollToIndex(at, { align: isFirst.current ? 'center' : 'auto' })
    isFirst.current = false
  }, [selected])
  const margin = top.current?.offsetHeight ?? 0
  return (
    <section
      ref={scroll}
      className="tail-scroll"
      data-wrap={look.isWrapped}
      data-roomy={look.isRoomy}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard.
      tabIndex={0}
      role="log"
      aria-live="off"
      aria-label={props.label}
    >
      <div ref={top}>{props.top}</div>
      <div className="tail-rows" style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map(item => {
          const entry = entries[item.index]
          if (!entry) return null
          const key = keyOf(entry)!
          const isOpen = opened.has(key)
          return (
            <div
              key={item.key}
              ref={look.isWrapped || isOpen ? virtualizer.measureElement : null}
              data-index={item.index}
              className="tail-item"
              style={{ transform: `translateY(${item.start - margin}px)` }}
            >
              <EntryView
                {...{ entry, look, isOpen, isSelected: key === selected }}
                {...{ actions: props.actions, onToggle: props.onToggle, onLoadGap: props.onLoadGap }}
              />
            </div>
          )
        })}
      </div>
      {props.bottom}
    </section>
  )
}

export function keyOf(entry: TailEntry | undefined): string | null {
  if (!entry) return null
  return entry.kind === 'row' ? rowKey(entry.row) : `gap ${entry.id}`
}

/** While following, the rows of the end are rendered in the same commit that adds them. */
function lastRows({ count }: Range, rows: number): number[] {
  const first = Math.max(0, count - rows)
  return Array.from({ length: count - first }, (_, index) => first + index)
}

const charactersMax = { cut: 600, wrapped: 8_000 } as const

interface EntryViewProps extends Pick<LineListProps, 'look' | 'actions' | 'onToggle' | 'onLoadGap'> {
  readonly entry: TailEntry
  readonly isOpen: boolean
  readonly isSelected: boolean
}

const EntryView = memo(function EntryView(props: EntryViewProps) {
  const { entry, look, isOpen, isSelected, onToggle } = props
  if (entry.kind === 'gap') return <GapView gap={entry} onLoadGap={props.onLoadGap} />
  const { row } = entry
  const { zone, isWrapped, terms } = look
  const place = `partition ${row.partition}, offset ${row.offset}`
  return (
    <>
      <div className="tail-row" data-level={row.level} data-open={isOpen} data-selected={isSelected}>
        <button
          type="button"
          className="row-toggle"
          aria-expanded={isOpen}
          aria-label={`${isOpen ? 'Close' : 'Open'} the line of ${formatTime(row.at, zone)}, ${place}`}
          onClick={() => onToggle(rowKey(row))}
        ></button>
        <time title={`${formatDateTime(row.at, zone)} · ${place}`}>{formatTime(row.at, zone, true)}</time>
        <span className="level">
          <span className="level-word">{row.level}</span>
        </span>
        <span className="line">
          <MarkedLine
            text={row.line}
            terms={terms}
            limit={isWrapped ? charactersMax.wrapped : charactersMax.cut}
          />
          {row.cutFrom !== undefined && <em className="cut"> {inWords(formatBytes(row.cutFrom))} in all</em>}
        </span>
      </div>
      {isOpen && <LineDetail row={row} zone={zone} actions={props.actions} />}
    </>
  )
})

const causes = {
  fast: 'more came than a page can show',
  away: 'they came while this page was away',
  held: 'they came while you were reading',
} as const

function GapView({ gap, onLoadGap }: { readonly gap: TailGapEntry } & Pick<LineListProps, 'onLoadGap'>) {
  const [state, setState] = useState<'idle' | 'loading' | 'failed'>('idle')
  const lines = gap.lines === null ? 'Some lines' : counted(gap.lines, 'line', undefined, formatExact)
  const load = () => {
    setState('loading')
    onLoadGap(gap).then(
      () => setState('idle'),
      () => setState('failed'),
    )
  }
  return (
    <div className="tail-gap" data-lines={gap.lines ?? 'unknown'}>
      <span>
        {lines} skipped <span className="muted gap-why">· {causes[gap.cause]}, and all are counted</span>
      </span>
      {gap.ranges.length > 0 && (
        <button type="button" className="gap-load" disabled={state === 'loading'} onClick={load}>
          {state === 'idle' ? 'Load them' : state === 'loading' ? 'Loading…' : 'Failed: try again'}
        </button>
      )}
    </div>
  )
}
