// The loss ledger: what was lost today first, then by reason, then every entry with what it means. An empty one is good
// news and says so. Filters are in the URL; the live topic says when to ask again.
import './losses-page.css'
import { useEffect, useState } from 'react'
import type { LossEntry, LossesAnswer, LossReasonTotal } from '../../../analytics/http/contract.ts'
import { type Asked, apiPath, read, useApi } from '../../api.ts'
import { counted, formatDateTime, formatExact, type Zone } from '../../format.ts'
import { Shape } from '../../icons.tsx'
import { useLive, useSubscription } from '../../page-context.ts'
import { HostileText } from '../../panels/hostile-text.tsx'
import { Empty, Panel } from '../../panels/panel.tsx'
import { changeParameters, useParameter } from '../../url-state.ts'
import { lossesByTime, lossWords } from './loss-words.ts'

const ranges = [
  ['1d', 'Today'],
  ['7d', '7 days'],
  ['', 'All'],
] as const
const dayMs = 86_400_000

export function PageView() {
  const { zone } = useLive(state => state.settings)
  const clockMs = useLive(state => state.clockMs)
  const { data: live, seq } = useSubscription('losses', {})
  const [reason] = useParameter('reason')
  const [source, setSource] = useParameter('source', '', 'replace')
  const [range, setRange] = useParameter('range', '', 'replace')
  const midnight = startOfDay(clockMs, zone)
  const from = range === '' ? '' : String((range === '1d' ? midnight : midnight - 6 * dayMs) / 1000)
  const today = useApi<LossesAnswer>(apiPath('/losses', { from: String(midnight / 1000), limit: 1 }))
  const byReason = useApi<LossesAnswer>(apiPath('/losses', { from, source, limit: 1 }))
  const page = { from, source, reason: reason === '' ? [] : [reason] }
  const entries = useApi<LossesAnswer>(apiPath('/losses', { ...page, limit: 100 }))
  const version = live?.kind === 'losses' ? seq : undefined
  // biome-ignore lint/correctness/useExhaustiveDependencies: the ledger has changed; the questions are the same.
  useEffect(() => {
    for (const asked of [today, byReason, entries]) if (asked.data) asked.ask()
  }, [version])
  const isEmpty =
    entries.data?.totalLines === 0 && byReason.data?.reasons?.length === 0 && source === '' && range === ''
  const state =
    entries.error && !entries.data ? 'refused' : !entries.data ? 'loading' : isEmpty ? 'empty' : 'live'
  return (
    <Panel
      id="losses"
      title="Losses"
      unit="what was read and could not be counted"
      state={state}
      seq={seq}
      className="losses-page"
      tools={
        <a
          className="button csv"
          href={apiPath('/losses', { ...page, limit: 10_000, format: 'csv' })}
          download="losses.csv"
        >
          CSV
        </a>
      }
    >
      {state === 'refused' && <Refused asked={entries} />}
      {state === 'empty' && <NothingLost />}
      {state === 'live' && (
        <>
          <Today reasons={today.data?.reasons ?? []} isKnown={today.data !== undefined} />
          <div className="loss-choices">
            <fieldset className="segments">
              <legend className="sr-only">Entries of</legend>
              {ranges.map(([value, words]) => (
                <label key={value} className="segment">
                  <input
                    type="radio"
                    name="loss-range"
                    checked={value === range}
                    onChange={() => setRange(value)}
                  />
                  <span>{words}</span>
                </label>
              ))}
            </fieldset>
            <input
              className="choice"
              type="search"
              aria-label="Only sources that contain"
              placeholder="Source contains…"
              value={source}
              onChange={event => setSource(event.target.value)}
            />
          </div>
          <Reasons reasons={byReason.data?.reasons ?? []} chosen={reason} />
          <Entries first={entries.data!} address={page} zone={zone} by={range === '1d' ? 'hour' : 'day'} />
        </>
      )}
    </Panel>
  )
}

function Refused({ asked }: { readonly asked: Asked<LossesAnswer> }) {
  return (
    <Empty title="The ledger cannot be read just now">
      <p>{asked.error?.message}</p>
      <button type="button" className="button" onClick={asked.ask}>
        Try again
      </button>
    </Empty>
  )
}

function NothingLost() {
  return (
    <Empty title="Nothing lost" icon="shield">
      <p>Every line that an agent read is counted, or waits in the log to be.</p>
      <p>
        A line that cannot be read, decoded or kept is never dropped in silence: it would be listed here with
        its file, its byte range, the reason, and what to do about it.
      </p>
    </Empty>
  )
}

function Today({
  reasons,
  isKnown,
}: {
  readonly reasons: readonly LossReasonTotal[]
  readonly isKnown: boolean
}) {
  const lost = reasons.filter(({ reason }) => lossWords(reason).kind === 'lost')
  const twice = reasons.filter(({ reason }) => lossWords(reason).kind === 'twice')
  const lines = lost.reduce((sum, row) => sum + row.lines, 0)
  const isWell = lost.length === 0
  return (
    <div className="loss-today" data-tone={isWell ? 'ok' : 'warn'}>
      <Shape name={isWell ? 'dot' : 'triangle'} />
      <p>
        <strong>
          {!isKnown
            ? '–'
            : isWell
              ? 'Nothing lost today'
              : `${counted(lines, 'line', undefined, formatExact)} lost today`}
        </strong>
        {!isWell && (
          <span className="muted">
            {' '}
            in {counted(entriesOf(lost), 'place', undefined, formatExact)}
            {lost.length > 1 ? ', most of them ' : ': '}
            {lossWords(lost[0]!.reason).title.toLowerCase()}
          </span>
        )}
        {twice.length > 0 && (
          <span className="muted">
            {isWell ? ' ' : '; '}
            {counted(entriesOf(twice), 'time', undefined, formatExact)} lines may have been counted twice
          </span>
        )}
      </p>
    </div>
  )
}

function entriesOf(rows: readonly LossReasonTotal[]): number {
  return rows.reduce((sum, { entries }) => sum + entries, 0)
}

/** Pressed again, a bar lets go. */
function Reasons({
  reasons,
  chosen,
}: {
  readonly reasons: readonly LossReasonTotal[]
  readonly chosen: string
}) {
  const most = Math.max(1, ...reasons.map(({ lines }) => lines))
  if (reasons.length === 0) return <p className="loss-none muted">No entries of this time and source.</p>
  return (
    <div className="loss-reasons">
      {(['lost', 'twice', 'note'] as const).map(kind => {
        const group = reasons.filter(({ reason }) => lossWords(reason).kind === kind)
        if (group.length === 0) return null
        return (
          <section key={kind} aria-label={kindWords[kind]}>
            <h3>{kindWords[kind]}</h3>
            {group.map(({ reason, lines, entries }) => (
              <button
                key={reason}
                type="button"
                className="loss-reason"
                aria-pressed={reason === chosen}
                data-kind={kind}
                onClick={() => changeParameters({ reason: reason === chosen ? '' : reason })}
              >
                <svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
                  <rect width={Math.max(0.6, (lines / most) * 100)} height="1" />
                </svg>
                <span className="loss-title">
                  <HostileText text={lossWords(reason).title} limit={80} />
                </span>
                <span className="number">{lines === 0 ? '– lines' : counted(lines, 'line')}</span>
                <span className="number muted">{counted(entries, 'entry', 'entries')}</span>
              </button>
            ))}
          </section>
        )
      })}
    </div>
  )
}

const kindWords = { lost: 'Lost', twice: 'Possibly counted twice', note: 'Notes on the log' } as const

interface EntriesProps {
  readonly first: LossesAnswer
  readonly address: Readonly<Record<string, string | readonly string[]>>
  readonly zone: Zone
  readonly by: 'hour' | 'day'
}

function Entries({ first, address, zone, by }: EntriesProps) {
  const [more, setMore] = useState<readonly LossesAnswer[]>([])
  const key = JSON.stringify(address)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another question has other pages.
  useEffect(() => setMore([]), [key, first])
  const all = [first, ...more]
  const next = all.at(-1)!.next ?? null
  const loadMore = async () => {
    const page = await read<LossesAnswer>(apiPath('/losses', { ...address, limit: 100, cursor: next }))
    setMore([...more, page])
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard.
    <section className="loss-table" tabIndex={0} aria-label="Entries of the ledger, newest first">
      <table>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">What</th>
            <th scope="col">Where</th>
            <th scope="col" className="number">
              Lines
            </th>
          </tr>
        </thead>
        {lossesByTime(
          all.flatMap(({ entries }) => entries),
          by,
          zone,
        ).map(group => (
          <tbody key={group.title} className="loss-group">
            <tr className="loss-time">
              <th scope="rowgroup" colSpan={3}>
                {group.title}{' '}
                <span className="muted">{counted(group.entries.length, 'entry', 'entries')}</span>
              </th>
              <td className="number">{group.lines === 0 ? '–' : formatExact(group.lines)}</td>
            </tr>
            {group.entries.map(entry => (
              <Entry key={`${entry.source} ${entry.from} ${entry.to} ${entry.reason}`} {...{ entry, zone }} />
            ))}
          </tbody>
        ))}
      </table>
      {next !== null && (
        <button type="button" className="button loss-more" onClick={() => void loadMore()}>
          Load older entries
        </button>
      )}
    </section>
  )
}

function Entry({ entry, zone }: { readonly entry: LossEntry; readonly zone: Zone }) {
  const { title, meaning, advice, kind } = lossWords(entry.reason)
  return (
    <tr data-kind={kind}>
      <td className="nowrap">{formatDateTime(entry.at, zone)}</td>
      <td>
        <details>
          <summary>
            <HostileText text={title} limit={80} />
          </summary>
          <p>{meaning}</p>
          <p>
            <strong>What to do:</strong> {advice}
          </p>
          <p className="muted">
            <code>
              <HostileText text={entry.reason} limit={200} />
            </code>{' '}
            <HostileText text={entry.detail} />
          </p>
        </details>
      </td>
      <td className="mono loss-where">
        <HostileText text={entry.source} />
        <span className="muted range">
          <HostileText text={`${entry.from} – ${entry.to}`} limit={200} />
        </span>
      </td>
      <td className="number">
        {entry.lines === null ? 'unknown' : formatExact(entry.lines)}
        {kind === 'twice' && <span className="muted range">perhaps twice</span>}
      </td>
    </tr>
  )
}

function startOfDay(ms: number, zone: Zone): number {
  if (zone === 'utc') return Math.floor(ms / dayMs) * dayMs
  return new Date(ms).setHours(0, 0, 0, 0)
}
