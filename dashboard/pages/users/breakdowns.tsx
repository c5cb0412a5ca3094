// Where visits begin and end, where they come from and what they come with: the most frequent values of one dimension
// at a time. A press on a value leads to it in Explore.
import { Link } from 'wouter'
import type { StatsAnswer } from '../../../analytics/http/contract.ts'
import { apiPath, useApi } from '../../api.ts'
import { formatCount, formatExact, formatRatio, inWords } from '../../format.ts'
import { HostileText } from '../../panels/hostile-text.tsx'
import { Empty, Panel } from '../../panels/panel.tsx'
import { type HistoryRange, rangeParameters, refreshMs, spanParameters } from '../../range.ts'
import { Refusal } from '../../refusal.tsx'
import { useParameter } from '../../url-state.ts'

interface View {
  readonly label: string
  readonly metric: string
  readonly by: string
}

export interface Breakdown {
  readonly id: string
  readonly title: string
  /** Of the URL's parameter that says which view is shown. */
  readonly parameter: string
  readonly views: readonly View[]
  readonly empty: string
}

const visits = (label: string, by: string): View => ({ label, metric: 'visits', by })

export const breakdowns: readonly Breakdown[] = [
  {
    id: 'pages',
    title: 'Pages',
    parameter: 'pages',
    views: [
      visits('Entry', 'entry_page'),
      { label: 'Exit', metric: 'exits', by: 'path' },
      { label: 'All', metric: 'page_visits', by: 'path' },
    ],
    empty: 'No pages in this time',
  },
  {
    id: 'sources',
    title: 'Sources',
    parameter: 'sources',
    views: [
      visits('Channel', 'channel'),
      visits('Referrer', 'referrer'),
      visits('Campaign', 'utm_campaign'),
      visits('Source', 'utm_source'),
    ],
    empty: 'No sources in this time',
  },
  {
    id: 'devices',
    title: 'Devices',
    parameter: 'devices',
    views: [
      visits('Browser', 'browser'),
      visits('System', 'os'),
      visits('Device', 'device'),
      visits('Country', 'country'),
    ],
    empty: 'Not known of these visits',
  },
]

const rowsMax = 9

export function BreakdownPanel({ breakdown, range }: { breakdown: Breakdown; range: HistoryRange }) {
  const { id, title, parameter, views, empty } = breakdown
  const [shown, show] = useParameter(parameter, views[0]!.by)
  const view = views.find(({ by, metric }) => keyOf(views, by, metric) === shown) ?? views[0]!
  const parameters = { ...spanParameters(range), by: view.by, limit: 100 }
  const asked = useApi<StatsAnswer>(apiPath(`/stats/${view.metric}`, parameters), refreshMs(range))
  const { error } = asked
  const data = isAnswerTo(asked.data, view) && !error ? asked.data : undefined
  const state = error ? 'refused' : !data ? 'loading' : data.rows.length === 0 ? 'empty' : 'live'
  return (
    <Panel
      id={id}
      title={title}
      state={state}
      className="breakdown"
      tools={
        <fieldset className="segments">
          <legend className="sr-only">{title} by</legend>
          {views.map(({ label, by, metric }) => {
            const key = keyOf(views, by, metric)
            return (
              <label key={key} className="segment">
                <input
                  type="radio"
                  name={parameter}
                  checked={key === keyOf(views, view.by, view.metric)}
                  onChange={() => show(key)}
                />
                <span>{label}</span>
              </label>
            )
          })}
        </fieldset>
      }
    >
      {state === 'live' && data && <Rows data={data} view={view} range={range} />}
      {state === 'empty' && <Empty title={empty} />}
      {state === 'refused' && error && <Refusal error={error} onRetry={asked.ask} />}
    </Panel>
  )
}

/** Two views of one dimension are told apart by their statistic. */
function keyOf(views: readonly View[], by: string, metric: string): string {
  return views.filter(view => view.by === by).length > 1 ? metric : by
}

/** An answer to the question before is still at hand while the next is asked. */
function isAnswerTo(data: StatsAnswer | undefined, { metric, by }: View): data is StatsAnswer {
  return data?.metric === metric && (data.rows.length === 0 || by in data.rows[0]!.labels)
}

function Rows({ data, view, range }: { data: StatsAnswer; view: View; range: HistoryRange }) {
  const rows = [...data.rows].sort((a, b) => (b.values['value'] ?? 0) - (a.values['value'] ?? 0))
  const total = rows.reduce((sum, row) => sum + (row.values['value'] ?? 0), 0)
  const largest = rows[0]?.values['value'] ?? 1
  return (
    <table className="bars">
      <thead className="sr-only">
        <tr>
          <th scope="col">{view.label}</th>
          <th scope="col">{view.metric.replaceAll('_', ' ')}</th>
          <th scope="col">share</th>
        </tr>
      </thead>
      <tbody>
        {rows.slice(0, rowsMax).map(row => {
          const name = row.labels[view.by] ?? ''
          const count = row.values['value'] ?? 0
          return (
            <tr key={name}>
              <th scope="row">
                <span
                  className="bar-fill"
                  style={{ transform: `scaleX(${largest > 0 ? count / largest : 0})` }}
                  aria-hidden="true"
                />
                <Link className="value" href={exploreAt(view, name, range)}>
                  <HostileText text={name === '' ? '(none)' : name} limit={120} />
                </Link>
              </th>
              <td className="number" title={formatExact(count)}>
                {formatCount(count)}
              </td>
              <td className="number muted">{inWords(formatRatio(total > 0 ? count / total : 0))}</td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

function exploreAt({ metric, by }: View, value: string, range: HistoryRange): string {
  const parameters = new URLSearchParams({ m: metric, f: `${by}:${value}` })
  for (const [name, text] of Object.entries(rangeParameters(range)))
    if (text !== '') parameters.set(name, text)
  return `/explore?${parameters}`
}
