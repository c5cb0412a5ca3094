// The tail as it grows: follows at the end until the reader scrolls, selects or opens something. What lies before the
// first row is loaded on demand, and so is what a gap left out.
import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react'
import { counted, formatCount, formatExact } from '../../format.ts'
import { Icon } from '../../icons.tsx'
import { useFeeds, useLive, usePage } from '../../page-context.ts'
import { Empty, Panel, type PanelState } from '../../panels/panel.tsx'
import { TailAnnouncer } from '../../panels/tail.tsx'
import { useFollowing, useHoldWhileSelecting } from '../../panels/tail-follow.ts'
import type { TailEntry, TailGapEntry } from '../../tail-buffer.ts'
import type { RowActions } from './line-detail.tsx'
import { LineList, type ListLook } from './line-list.tsx'
import { earlier, inGap, rowKey } from './log-history.ts'
import { entriesOf, type Loading, LoadMore } from './more.tsx'
import { Tools } from './tools.tsx'
import { useRows } from './use-rows.ts'

/** Why the reader's own doing holds the tail. */
const holds = ['rows', 'scroll', 'selection'] as const

export interface LinesProps {
  readonly topic: string
  readonly filter: string
  readonly look: ListLook
  readonly actions: RowActions
}

export function LiveLines(props: LinesProps) {
  useFeeds('tail')
  const page = usePage()
  const seq = useLive(state => state.seqs['tail'])
  const refusal = useLive(state => state.refusals['tail'])
  useLive(state => state.tailVersion)
  const { entries } = page.model.tail
  const state: PanelState =
    refusal !== undefined ? 'refused' : entries.length > 0 ? 'live' : seq === undefined ? 'loading' : 'empty'
  return (
    <Panel id="tail" title="Live tail" state={state} seq={seq} className="tail tail-page" tools={<Tools />}>
      {state === 'live' ? (
        <Following {...props} entries={entries} />
      ) : (
        <div className="tail-scroll">{emptyWords(state, props, refusal)}</div>
      )}
      <TailAnnouncer />
    </Panel>
  )
}

function emptyWords(
  state: PanelState,
  { topic, filter }: LinesProps,
  refusal: string | undefined,
): ReactNode {
  if (state === 'loading') return null
  if (state === 'refused') {
    return (
      <Empty title="The server cannot show these lines">
        <p>{refusal}</p>
      </Empty>
    )
  }
  if (filter !== '') {
    return (
      <Empty title={`No new line of “${topic}” matches “${filter}” yet`}>
        <p>
          New lines that do will appear here. Clear the filter to see all, or pick a time to search the past.
        </p>
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

function Following(props: LinesProps & { readonly entries: readonly TailEntry[] }) {
  const { topic, filter, look, actions } = props
  const page = usePage()
  const held = useLive(state => state.tailHeld)
  const version = useLive(state => state.tailVersion)
  const scroll = useRef<HTMLElement>(null)
  const [before, setBefore] = useState<readonly TailEntry[]>([])
  const [loading, setLoading] = useState<Loading>('idle')
  const entries = before.length === 0 ? props.entries : [...before, ...props.entries]
  const hold = useCallback(() => page.holdTail('rows', true), [page])
  useEffect(() => () => page.holdTail('rows', false), [page])

  const follow = () => {
    document.getSelection()?.removeAllRanges()
    rows.clear()
    setBefore([])
    for (const reason of holds) page.holdTail(reason, false)
    if (page.model.pausedAt !== null) page.togglePause()
  }
  const rows = useRows({ scroll, entries, first: null, isFirstOpen: false, onHold: hold, onFollow: follow })
  useFollowing(scroll, held, version, look.isWrapped)
  useHoldWhileSelecting(scroll)

  const loadEarlier = () => {
    hold()
    setLoading('loading')
    const known = new Set(entries.flatMap(entry => (entry.kind === 'row' ? [rowKey(entry.row)] : [])))
    const first = entries.find(entry => entry.kind === 'row')
    earlier(topic, filter, first?.kind === 'row' ? first.row.at : page.serverNow(), known).then(
      found => {
        const element = scroll.current
        const fromEnd = element ? element.scrollHeight - element.scrollTop : 0
        setBefore(rest => [...entriesOf(found.rows), ...rest])
        setLoading(found.isEnd ? 'end' : 'idle')
        requestAnimationFrame(() => {
          if (element) element.scrollTop = element.scrollHeight - fromEnd
        })
      },
      () => setLoading('failed'),
    )
  }
  const loadGap = useCallback(
    async (gap: TailGapEntry) => {
      page.holdTail('rows', true)
      const { rows: found, left } = await inGap(topic, filter, gap.ranges)
      page.fillTailGap(gap.id, found, left)
    },
    [page, topic, filter],
  )
  return (
    <>
      <LineList
        {...{ scroll, entries, look, actions, selected: rows.selected, opened: rows.opened }}
        label={`Lines of ${topic}`}
        isFollowing={!held}
        top={
          <LoadMore
            words="Load earlier"
            state={loading}
            onLoad={loadEarlier}
            end="This is where the log begins."
          />
        }
        bottom={null}
        onToggle={rows.toggle}
        onLoadGap={loadGap}
      />
      <FollowButton held={held} onFollow={follow} />
    </>
  )
}

function FollowButton({ held, onFollow }: { readonly held: boolean; readonly onFollow: () => void }) {
  const waiting = useLive(state => state.tailWaiting)
  if (!held) return null
  return (
    <div className="follow-slot">
      <button
        type="button"
        className="follow"
        onClick={onFollow}
        title={`${counted(waiting, 'new line', undefined, formatExact)} (f)`}
      >
        <Icon name="down" />
        {waiting === 0 ? 'Follow the newest lines' : `${formatCount(waiting)} new`}
      </button>
    </div>
  )
}
