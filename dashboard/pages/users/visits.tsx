// The numbers of visits in a range, by name and definition, and how they and the visitors went over time.
import type { SeriesAnswer } from '../../../analytics/http/contract.ts'
import type { ActiveUsersAnswer, VisitsAnswer } from '../../../analytics/http/contract-visits.ts'
import { type Asked, apiPath, useApi } from '../../api.ts'
import {
  formatAge,
  formatCount,
  formatDuration,
  formatExact,
  formatRatio,
  type Quantity,
  unknown,
} from '../../format.ts'
import { useLive } from '../../page-context.ts'
import { HistoryChart } from '../../panels/chart-history.tsx'
import { dragged, type HistoryRange, refreshMs, spanParameters, stepOf } from '../../range.ts'
import { changeRange } from '../../range-picker.tsx'
import { changeParameters, useParameter } from '../../url-state.ts'
import { ageOf } from '../../words.ts'
import { bucketsOver, collectingWords, drawnValues } from '../explore/explore-model.ts'

export const bounceDefinitions = { plausible: 'Plausible', umami: 'Umami', posthog: 'PostHog' } as const

export function VisitTiles({ asked }: { readonly asked: Asked<VisitsAnswer> }) {
  const { data } = asked
  const [chosen, choose] = useParameter('bounce', 'plausible')
  const definition = chosen in bounceDefinitions ? (chosen as keyof typeof bounceDefinitions) : 'plausible'
  const bounce = data?.bounceRate[definition]
  const { meanMs = null, medianMs = null } = data?.duration ?? {}
  return (
    <section className="tiles user-tiles" aria-label="Visits in this time">
      <Count id="visitors" title="Visitors" value={data?.visitors} note="distinct, within 2 %" />
      <Count id="visits" title="Visits" value={data?.visits} note="end after 30 min of silence" />
      <Count id="pageviews" title="Page views" value={data?.pageviews} note="of visits" />
      <Figure
        id="views-per-visit"
        title="Views per visit"
        quantity={data?.viewsPerVisit ? { value: data.viewsPerVisit.toFixed(2), unit: '' } : unknown}
        note="page views ÷ visits"
        isLoading={!data}
      />
      <Figure
        id="bounce-rate"
        title="Bounce rate"
        quantity={bounce?.rate === null || !bounce ? unknown : formatRatio(bounce.rate)}
        hint={bounce?.definition}
        note={
          <label>
            as{' '}
            <select value={definition} onChange={event => choose(event.target.value)}>
              {Object.entries(bounceDefinitions).map(([name, word]) => (
                <option key={name} value={name}>
                  {word}
                </option>
              ))}
            </select>{' '}
            counts
          </label>
        }
        isLoading={!data}
      />
      <Figure
        id="visit-duration"
        title="Visit duration"
        quantity={meanMs === null ? unknown : formatDuration(meanMs)}
        note={medianMs === null ? 'mean' : `mean; median ${words(formatDuration(medianMs))}`}
        isLoading={!data}
      />
    </section>
  )
}

function words({ value, unit }: Quantity): string {
  return `${value} ${unit}`.trim()
}

interface CountProps {
  readonly id: string
  readonly title: string
  readonly value: number | undefined
  readonly note: string
}

function Count({ id, title, value, note }: CountProps) {
  const quantity = value === undefined ? unknown : { value: formatCount(value), unit: '' }
  const hint = value === undefined ? undefined : formatExact(value)
  return <Figure {...{ id, title, quantity, note, hint }} isLoading={value === undefined} />
}

interface FigureProps {
  readonly id: string
  readonly title: string
  readonly quantity: Quantity
  readonly note: React.ReactNode
  readonly hint?: string | undefined
  readonly isLoading: boolean
}

function Figure({ id, title, quantity, note, hint, isLoading }: FigureProps) {
  const age = useLive(ageOf)
  const state = isLoading ? 'loading' : age === null ? 'live' : 'stale'
  return (
    <article className="tile" id={`users-${id}`} data-state={state}>
      <h3 className="tile-title">{title}</h3>
      <p className="tile-value" title={hint}>
        <span className="tile-number">{quantity.value}</span>{' '}
        {quantity.unit !== '' && <span className="tile-unit">{quantity.unit}</span>}
      </p>
      <div className="tile-note">{age === null ? note : `${age} old`}</div>
    </article>
  )
}

export function VisitsChart({ range }: { readonly range: HistoryRange }) {
  const parameters = { ...spanParameters(range), step: stepOf(range) ?? '15m' }
  const isLong = stepOf(range) === undefined && refreshMs(range) === 60_000
  if (isLong) parameters.step = '1d'
  const visits = useApi<SeriesAnswer>(apiPath('/series/visits', parameters), refreshMs(range))
  const visitors = useApi<SeriesAnswer>(apiPath('/series/visitors', parameters), refreshMs(range))
  const [view, setView] = useParameter('view')
  const { zone } = useLive(state => state.settings)
  const answer = visits.data
  const count = answer ? bucketsOver(answer) : 0
  const line = (asked: Asked<SeriesAnswer>) =>
    asked.data ? drawnValues(asked.data, asked.data.series[0]?.values['value'], 'count', count) : []
  return (
    <HistoryChart
      id="visits-chart"
      title="Visits and visitors"
      unit={
        answer
          ? [`per ${formatAge(answer.stepSeconds * 1000)}`, collectingWords(answer, zone)]
              .filter(Boolean)
              .join('; ')
          : ''
      }
      state={answer ? 'live' : 'loading'}
      times={answer?.times.slice(0, count) ?? []}
      stepMs={(answer?.stepSeconds ?? 1) * 1000}
      lines={[
        { label: 'visits', colour: '--series-0', values: line(visits), fill: 0.2 },
        { label: 'visitors', colour: '--series-1', values: line(visitors) },
      ]}
      format={formatCount}
      empty="No visits in this time"
      asTable={view === 'visits'}
      onTable={asTable => setView(asTable ? 'visits' : '')}
      onSelect={(from, to) => changeRange(dragged(from, to))}
      onReset={() => changeParameters({ r: '', from: '', to: '' })}
    />
  )
}

/** Distinct visitors of the trailing day, week and month. Of the last 30 days, whatever the range. */
export function ActiveUsersChart() {
  const { data } = useApi<ActiveUsersAnswer>(apiPath('/active-users', { days: 30 }), 60_000)
  const [view, setView] = useParameter('view')
  const days = data?.days ?? []
  const first = Math.max(
    0,
    days.findIndex(({ daily }) => daily > 0),
  )
  // Before counting began there were not none: it is not known.
  const since = (values: readonly number[]) => values.map((value, at) => (at < first ? null : value))
  const stickiness = days.at(-1)?.stickiness
  const stickinessText =
    stickiness === null || stickiness === undefined || first === days.length - 1
      ? null
      : `stickiness ${words(formatRatio(stickiness))}`
  const isFirstDay = days.length > 0 && first === days.length - 1
  return (
    <HistoryChart
      id="active-users-chart"
      title="Active users"
      unit={['by day', isFirstDay ? 'collecting: the first is not over' : stickinessText]
        .filter(Boolean)
        .join('; ')}
      state={data ? 'live' : 'loading'}
      times={days.map(({ day }) => Date.parse(`${day}T00:00:00Z`))}
      stepMs={86_400_000}
      lines={[
        { label: 'daily', colour: '--series-0', values: since(days.map(({ daily }) => daily)) },
        { label: 'weekly', colour: '--series-2', values: since(days.map(({ weekly }) => weekly)) },
        { label: 'monthly', colour: '--series-4', values: since(days.map(({ monthly }) => monthly)) },
      ]}
      format={formatCount}
      empty="No users in the last 30 days"
      asTable={view === 'active'}
      onTable={asTable => setView(asTable ? 'active' : '')}
    />
  )
}
