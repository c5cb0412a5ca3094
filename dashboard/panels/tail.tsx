// The live tail: the newest lines as they are counted, following at the end until the reader scrolls away or selects
// text, then holding still and saying how many are new. Only the rows on screen are elements.
import { defaultRangeExtractor, type Range, useVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { counted, formatCount, formatExact } from '../format.ts'
import { Icon } from '../icons.tsx'
import { useLive, usePage } from '../page-context.ts'
import { parseFilter } from '../pages/tail/tail-query.ts'
import type { Settings } from '../settings.ts'
import { Empty, Panel, type PanelState } from './panel.tsx'
import { useFollowing, useHoldWhileSelecting } from './tail-follow.ts'
import { TailRowView } from './tail-row.tsx'
import { TailTools } from './tail-tools.tsx'

const rowHeight = 20
/** Fills the view with the shortest rows, and some above it for the first turn of a wheel. */
const rowsAtEnd = 28
const announceEveryMs = 5_000

export function Tail() {
  const page = usePage()
  const seq = useLive(state => state.seqs['tail'])
  const refusal = useLive(state => state.refusals['tail'])
  const settings = useLive(state => state.settings)
  useLive(state => state.tailVersion)
  const { entries } = page.model.tail
  const state = tailState(refusal, entries.length, seq)
  return (
    <Panel id="tail" title="Live tail" state={state} seq={seq} className="tail" tools={<TailTools />}>
      {state === 'live' ? (
        <TailScroll key={`${settings.topic} ${settings.filter}`} settings={settings} />
      ) : (
        <div className="tail-scroll">{emptyWords(state, settings, refusal)}</div>
      )}
      <TailFoot />
    </Panel>
  )
}

function tailState(refusal: string | undefined, rows: number, seq: number | undefined): PanelState {
  if (refusal !== undefined) return 'refused'
  if (rows > 0) return 'live'
  return seq === undefined ? 'loading' : 'empty'
}

function emptyWords(state: PanelState, { topic, filter }: Settings, refusal: string | undefined): ReactNode {
  if (state === 'loading') return null
  if (state === 'refused') return <Empty title={refusal ?? 'The server refused this tail'} />
  if (filter !== '') {
    return (
      <Empty title={`No line of “${topic}” contains “${filter}” yet`}>
        <p>New lines that do will appear here. Clear the filter to see all.</p>
      </Empty>
    )
  }
  return (
    <Empty title={`Waiting for the first line of “${topic}”`}>
      <p>Lines appear here as they are counted. Tail a file of your own:</p>
      <code>npm start -- --tail '/var/log/nginx/*.log'</code>
    </Empty>
  )
}

function TailScroll({ settings }: { readonly settings: Settings }) {
  const page = usePage()
  const held = useLive(state => state.tailHeld)
  const version = useLive(state => state.tailVersion)
  const scroll = useRef<HTMLElement>(null)
  const { entries } = page.model.tail
  const marked = parseFilter(settings.filter).text
  const virtualizer = useVirtualizer({
    count: entries.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => rowHeight,
    getItemKey: index => entries[index]?.id ?? index,
    overscan: 12,
    rangeExtractor: held ? defaultRangeExtractor : lastRows,
  })
  useFollowing(scroll, held, version, settings.wrap)
  useHoldWhileSelecting(scroll)

  return (
    <section
      ref={scroll}
      className="tail-scroll"
      data-wrap={settings.wrap}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard.
      tabIndex={0}
      role="log"
      aria-live="off"
      aria-label={`Lines of ${settings.topic}`}
    >
      <div className="tail-rows" style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map(item => {
          const entry = entries[item.index]
          if (!entry) return null
          return (
            <div
              key={item.key}
              ref={settings.wrap ? virtualizer.measureElement : null}
              data-index={item.index}
              className="tail-item"
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <TailRowView entry={entry} zone={settings.zone} filter={marked} wrap={settings.wrap} />
            </div>
          )
        })}
      </div>
    </section>
  )
}

/**
 * While following, the rows of the end are rendered in the same commit that adds them: waiting for the scroll event
 * to tell where the view went would show an empty frame at every batch larger than the view.
 */
function lastRows({ count }: Range): number[] {
  const first = Math.max(0, count - rowsAtEnd)
  return Array.from({ length: count - first }, (_, index) => first + index)
}

/** What is new while held, as a button that goes there; and for those who cannot see the rows move, a count. */
function TailFoot() {
  const page = usePage()
  const held = useLive(state => state.tailHeld)
  const waiting = useLive(state => state.tailWaiting)
  const paused = useLive(state => state.pausedAt !== null)
  const follow = () => {
    document.getSelection()?.removeAllRanges()
    page.holdTail('selection', false)
    page.holdTail('scroll', false)
    if (paused) page.togglePause()
  }
  return (
    <>
      {held && (
        <div className="follow-slot">
          <button
            type="button"
            className="follow"
            onClick={follow}
            title={counted(waiting, 'new line', undefined, formatExact)}
          >
            <Icon name="down" />
            {waiting === 0 ? 'Follow the newest lines' : `${formatCount(waiting)} new`}
          </button>
        </div>
      )}
      <TailAnnouncer />
    </>
  )
}

export function TailAnnouncer() {
  const page = usePage()
  const [words, setWords] = useState('')
  useEffect(() => {
    let before = page.model.tail.linesSeen
    const timer = window.setInterval(() => {
      const fresh = page.model.tail.linesSeen - before
      before = page.model.tail.linesSeen
      setWords(fresh > 0 ? counted(fresh, 'new line') : '')
    }, announceEveryMs)
    return () => window.clearInterval(timer)
  }, [page])
  return (
    <p className="sr-only" aria-live="polite">
      {words}
    </p>
  )
}
