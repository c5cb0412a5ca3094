// Users: who came, from where, what they did, and whether they come back. Everything is asked of the API; what cannot
// be told without guessing is refused there, and said here.
import type { CatalogueAnswer } from '../../../analytics/http/contract-catalogue.ts'
import type { VisitsAnswer } from '../../../analytics/http/contract-visits.ts'
import { apiPath, useApi } from '../../api.ts'
import { Empty, Panel } from '../../panels/panel.tsx'
import { refreshMs, spanParameters } from '../../range.ts'
import { RangePicker, useRange } from '../../range-picker.tsx'
import { Refusal } from '../../refusal.tsx'
import { BreakdownPanel, breakdowns } from './breakdowns.tsx'
import { Funnel } from './funnel.tsx'
import { Goals, UserPaths } from './journeys.tsx'
import { ActiveHours, Retention } from './matrices.tsx'
import { ActiveUsersChart, VisitsChart, VisitTiles } from './visits.tsx'
import '../../history.css'
import './users.css'

const rangeDefault = '7d'

export function PageView() {
  const [range] = useRange(rangeDefault)
  const visits = useApi<VisitsAnswer>(apiPath('/visits', spanParameters(range)), refreshMs(range))
  const catalogue = useApi<CatalogueAnswer>(apiPath('/catalogue'))
  const { data, error } = visits
  const isRefused = error !== null && error.status >= 400
  const isEmpty = !error && data?.visits === 0
  return (
    <>
      <h2 className="sr-only">Users</h2>
      <section className="page-tools" aria-label="What is shown">
        <RangePicker otherwise={rangeDefault} />
        <p className="muted">
          {data &&
            !error &&
            `Visitors are seen by ${data.source === 'events' ? 'their events' : 'page requests of access logs'}.`}
        </p>
      </section>
      {isRefused && error ? (
        <Panel id="users-refused" title="Visitors cannot be counted" state="refused">
          <Refusal error={error} onRetry={visits.ask} />
        </Panel>
      ) : (
        <>
          <VisitTiles asked={visits} />
          {isEmpty && (
            <Panel id="users-empty" title="Visits" state="empty">
              <Empty title="Nobody came in this time">
                <p>Take a longer range, or tail events that name their visitors:</p>
                <code>
                  inputs: [&#123; paths: [/var/log/app/events.jsonl], topic: behavior, keyField: anonymousId
                  &#125;]
                </code>
              </Empty>
            </Panel>
          )}
          <div className="user-charts">
            <VisitsChart range={range} />
            <ActiveUsersChart />
          </div>
          {breakdowns.map(breakdown => (
            <BreakdownPanel key={breakdown.id} breakdown={breakdown} range={range} />
          ))}
          <Funnel range={range} catalogue={catalogue.data} />
          <UserPaths range={range} />
          <Goals range={range} />
          <ActiveHours />
          <Retention />
        </>
      )}
    </>
  )
}
