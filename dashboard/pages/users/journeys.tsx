// What visitors do one after the other: from which page to which, and how many meet each goal.
import type { GoalsAnswer, PathsAnswer } from '../../../analytics/http/contract-visits.ts'
import { apiPath, useApi } from '../../api.ts'
import { formatCount, formatExact, formatRatio, inWords } from '../../format.ts'
import { Icon } from '../../icons.tsx'
import { HostileText } from '../../panels/hostile-text.tsx'
import { Empty, Panel } from '../../panels/panel.tsx'
import { type HistoryRange, refreshMs, spanParameters } from '../../range.ts'
import { Refusal } from '../../refusal.tsx'
import { useParameter } from '../../url-state.ts'

export function UserPaths({ range }: { readonly range: HistoryRange }) {
  const [page, setPage] = useParameter('page')
  const asked = useApi<PathsAnswer>(
    apiPath('/paths', { ...spanParameters(range), page, limit: 12 }),
    refreshMs(range),
  )
  const { data, error } = asked
  const rows = data?.rows ?? []
  const most = rows[0]?.count ?? 1
  const state = error ? 'refused' : !data ? 'loading' : rows.length === 0 ? 'empty' : 'live'
  return (
    <Panel
      id="user-paths"
      title="Paths"
      unit="from page to page within a visit"
      state={state}
      className="user-paths"
      tools={
        page !== '' && (
          <button type="button" className="chip-clear" onClick={() => setPage('')}>
            All pages
          </button>
        )
      }
    >
      {page !== '' && (
        <p className="paths-from">
          after <HostileText text={page} limit={120} />
        </p>
      )}
      {state === 'refused' && error && <Refusal error={error} onRetry={asked.ask} />}
      {state === 'empty' && (
        <Empty
          title={page === '' ? 'Nobody went from page to page in this time' : 'Nobody went on from this page'}
        />
      )}
      {state === 'live' && (
        <table className="bars">
          <thead className="sr-only">
            <tr>
              <th scope="col">From and to</th>
              <th scope="col">Times</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(row => (
              <tr key={JSON.stringify([row.page, row.next])}>
                <th scope="row">
                  <span
                    className="bar-fill"
                    style={{ transform: `scaleX(${row.count / most})` }}
                    aria-hidden="true"
                  />
                  <span className="transition">
                    {page === '' && (
                      <>
                        <button
                          type="button"
                          className="value"
                          title="What follows this page"
                          onClick={() => setPage(row.page)}
                        >
                          <HostileText text={row.page} limit={120} />
                        </button>
                        <Icon name="chevron" />
                        <span className="sr-only">then</span>
                      </>
                    )}
                    <button
                      type="button"
                      className="value"
                      title="What follows this page"
                      onClick={() => setPage(row.next)}
                    >
                      <HostileText text={row.next} limit={120} />
                    </button>
                  </span>
                </th>
                <td className="number" title={formatExact(row.count)}>
                  {formatCount(row.count)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  )
}

export function Goals({ range }: { readonly range: HistoryRange }) {
  const asked = useApi<GoalsAnswer>(apiPath('/goals', spanParameters(range)), refreshMs(range))
  const { data, error } = asked
  const goals = data?.goals ?? []
  const state = error ? 'refused' : !data ? 'loading' : goals.length === 0 ? 'empty' : 'live'
  return (
    <Panel id="goals" title="Goals" unit="visitors who met them" state={state} className="goals">
      {state === 'refused' && error && <Refusal error={error} onRetry={asked.ask} />}
      {state === 'empty' && (
        <Empty title="No goals yet">
          <p>Name what you want visitors to reach, in tailrace.yaml:</p>
          <code>goals: [&#123; name: signup, page: /welcome &#125;]</code>
        </Empty>
      )}
      {state === 'live' && (
        <table>
          <thead>
            <tr>
              <th scope="col">Goal</th>
              <th scope="col" className="number">
                Visitors
              </th>
              <th scope="col" className="number">
                Times
              </th>
              <th scope="col" className="number">
                Of all visitors
              </th>
            </tr>
          </thead>
          <tbody>
            {goals.map(goal => (
              <tr key={goal.name} data-goal={goal.name}>
                <th scope="row">
                  <HostileText text={goal.name} limit={80} />
                </th>
                <td className="number" title={formatExact(goal.unique)}>
                  {formatCount(goal.unique)}
                </td>
                <td className="number" title={formatExact(goal.total)}>
                  {formatCount(goal.total)}
                </td>
                <td className="number">
                  {goal.conversionRate === null ? '–' : inWords(formatRatio(goal.conversionRate))}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  )
}
