// The log's past around a record or a moment, standing still; paged both ways. The record that was asked for is open.
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import type { TailRow } from '../../../analytics/http/contract.ts'
import { formatDateTime } from '../../format.ts'
import { HostileText } from '../../panels/hostile-text.tsx'
import { Empty, Panel, type PanelState } from '../../panels/panel.tsx'
import { changeParameters } from '../../url-state.ts'
import { LineList } from './line-list.tsx'
import type { LinesProps } from './live-lines.tsx'
import { earlier, type HistoryPage, later, rowKey, timeIn, timeOf } from './log-history.ts'
import { entriesOf, type Loading, LoadMore } from './more.tsx'
import { recordPlace } from './tail-query.ts'
import { Tools } from './tools.tsx'
import { useRows } from './use-rows.ts'

export interface PastLinesProps extends LinesProps {
  /** A time, or a record's `partition:offset`; the record counts where both are there. */
  readonly at: string
  readonly record: string
}

type Found =
  | { readonly state: 'loading' }
  | { readonly state: 'failed'; readonly title: string; readonly detail: string }
  | {
      readonly state: 'live'
      readonly rows: readonly TailRow[]
      readonly start: Loading
      readonly end: Loading
    }

const backToLive = () => changeParameters({ at: '', record: '' })

export function PastLines(props: PastLinesProps) {
  const { topic, filter, at, record } = props
  const [found, setFound] = useState<Found>({ state: 'loading' })
  const [tries, setTries] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another try asks the same again.
  useEffect(() => {
    let isGone = false
    setFound({ state: 'loading' })
    around(topic, filter, at, record).then(
      answer => isGone || setFound(answer),
      (error: Error) => {
        if (!isGone)
          setFound({ state: 'failed', title: 'The past cannot be read just now', detail: error.message })
      },
    )
    return () => {
      isGone = true
    }
  }, [topic, filter, at, record, tries])
  const rows = found.state === 'live' ? found.rows : []
  const state: PanelState =
    found.state === 'failed'
      ? 'refused'
      : found.state === 'loading'
        ? 'loading'
        : rows.length > 0
          ? 'live'
          : 'empty'
  return (
    <Panel id="tail" title="Past lines" state={state} className="tail tail-page" tools={<Tools />}>
      <p className="past-note">
        <span>
          Standing still:{' '}
          <HostileText
            text={
              record === '' ? `lines around ${at}` : `around partition ${record.replace(':', ', offset ')}`
            }
            limit={80}
          />
        </span>
        <button type="button" className="button" onClick={backToLive}>
          Back to live
        </button>
      </p>
      {found.state === 'live' && rows.length > 0 ? (
        <Paged {...props} found={found} change={setFound} />
      ) : (
        <div className="tail-scroll">
          {found.state === 'failed' && (
            <Empty title={found.title}>
              <p>
                <HostileText text={found.detail} limit={400} />
              </p>
              <button type="button" className="button" onClick={() => setTries(tries + 1)}>
                Try again
              </button>
            </Empty>
          )}
          {state === 'empty' && (
            <Empty title="No lines here">
              <p>
                {filter === ''
                  ? 'The log has none of this time.'
                  : 'None match the filter. Clear it to see all.'}
              </p>
            </Empty>
          )}
        </div>
      )}
    </Panel>
  )
}

async function around(topic: string, filter: string, at: string, record: string): Promise<Found> {
  const place = recordPlace(record)
  const atMs = place ? await timeOf(topic, place.partition, place.offset) : timeIn(at)
  if (atMs === null) {
    const detail = place
      ? `Partition ${place.partition} of ${topic} has no record of offset ${place.offset}; retention may have taken it.`
      : `“${at}” is no time. Write 2026-11-24T08:00:00Z.`
    return { state: 'failed', title: 'There is nothing to show here', detail }
  }
  const after = await later(topic, filter, atMs, new Set())
  const before = await earlier(topic, filter, atMs, new Set(after.rows.map(rowKey)))
  const loading = ({ isEnd }: HistoryPage): Loading => (isEnd ? 'end' : 'idle')
  return { state: 'live', rows: [...before.rows, ...after.rows], start: loading(before), end: loading(after) }
}

interface PagedProps extends PastLinesProps {
  readonly found: Extract<Found, { state: 'live' }>
  change(found: Found): void
}

function Paged({ topic, filter, look, actions, at, record, found, change }: PagedProps) {
  const scroll = useRef<HTMLElement>(null)
  const { rows } = found
  const entries = useMemo(() => entriesOf(rows), [rows])
  const [first] = useState(() => firstOf(rows, at, record))
  const list = useRows({
    ...{ scroll, entries, first, isFirstOpen: record !== '' },
    onHold: nothing,
    onFollow: backToLive,
  })
  const load = async (isBefore: boolean) => {
    const known = new Set(rows.map(rowKey))
    const side = isBefore ? 'start' : 'end'
    change({ ...found, [side]: 'loading' })
    try {
      const page = isBefore
        ? await earlier(topic, filter, rows[0]!.at, known)
        : await later(topic, filter, rows.at(-1)!.at, known)
      const element = scroll.current
      const fromEnd = element ? element.scrollHeight - element.scrollTop : 0
      const next = isBefore ? [...page.rows, ...rows] : [...rows, ...page.rows]
      change({ ...found, rows: next, [side]: page.isEnd ? 'end' : 'idle' })
      if (!isBefore || !element) return
      requestAnimationFrame(() => {
        element.scrollTop = element.scrollHeight - fromEnd
      })
    } catch {
      change({ ...found, [side]: 'failed' })
    }
  }
  const noGaps = useCallback(async () => {}, [])
  return (
    <LineList
      {...{ scroll, entries, look, actions, selected: list.selected, opened: list.opened }}
      label={`Lines of ${topic} around ${formatDateTime(rows[0]!.at, look.zone)}`}
      isFollowing={false}
      top={
        <LoadMore
          words="Load earlier"
          state={found.start}
          onLoad={() => void load(true)}
          end="This is where the log begins."
        />
      }
      bottom={
        <LoadMore
          words="Load later"
          state={found.end === 'end' ? 'idle' : found.end}
          onLoad={() => void load(false)}
          end=""
        />
      }
      onToggle={list.toggle}
      onLoadGap={noGaps}
    />
  )
}

/** Where the reader wanted to be. */
function firstOf(rows: readonly TailRow[], at: string, record: string): string | null {
  if (record !== '') return record
  const atMs = timeIn(at) ?? 0
  const wanted = rows.find(row => row.at >= atMs) ?? rows.at(-1)
  return wanted ? rowKey(wanted) : null
}

function nothing(): void {}
