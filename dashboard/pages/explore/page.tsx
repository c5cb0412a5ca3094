// Explore: any statistic by any dimension it is kept by, over any range, beside the period before. All that is chosen
// lives in the URL.
import type { SeriesAnswer, StatsAnswer } from '../../../analytics/http/contract.ts'
import type { CatalogueAnswer, CatalogueMetric } from '../../../analytics/http/contract-catalogue.ts'
import { type Asked, apiPath, useApi } from '../../api.ts'
import { CopyButton } from '../../copy-button.tsx'
import { curlOf } from '../../curl.ts'
import { FilterChips, useFilters } from '../../filter-chips.tsx'
import { Icon } from '../../icons.tsx'
import { useLive } from '../../page-context.ts'
import { Empty, Panel } from '../../panels/panel.tsx'
import { changeText, exactText, valueText } from '../../quantities.ts'
import { refreshMs } from '../../range.ts'
import { RangePicker, useRange } from '../../range-picker.tsx'
import { Refusal } from '../../refusal.tsx'
import { changeParameters, useParameter } from '../../url-state.ts'
import { visibleText } from '../../visible-text.ts'
import { ageOf } from '../../words.ts'
import { ExploreChart } from './chart.tsx'
import '../../history.css'
import './explore.css'
import {
  dimensionsWith,
  type Question,
  seriesParameters,
  tableParameters,
  totalParameters,
  waysOut,
} from './explore-model.ts'
import { StatisticList } from './statistic-list.tsx'
import { TopTable } from './top-table.tsx'

const rangeDefault = '24h'

export function PageView() {
  const [metricName] = useParameter('m', 'requests')
  const [by] = useParameter('by')
  const [compare] = useParameter('c')
  const filters = useFilters()
  const [range] = useRange(rangeDefault)
  const catalogue = useApi<CatalogueAnswer>(apiPath('/catalogue'))
  const question: Question = { metric: metricName, by, filters, range, compare: compare === 'previous' }
  const known = catalogue.data?.metrics.find(({ name }) => name === metricName)
  const metric = known ?? unknownMetric(metricName)
  return (
    <>
      <h2 className="sr-only">Explore</h2>
      <Tools metric={metric} question={question} />
      <StatisticList catalogue={catalogue.data} chosen={metricName} />
      <div className="explore-main">
        {(known || catalogue.data) && (
          <Answers metric={metric} question={question} catalogue={catalogue.data} />
        )}
        {catalogue.error && !catalogue.data && <Refusal error={catalogue.error} onRetry={catalogue.ask} />}
      </div>
    </>
  )
}

/** Asked for all the same: the server says what is wrong with it, and what is near. */
function unknownMetric(name: string): CatalogueMetric {
  const nothing = { definition: '', kind: 'count', unit: 'count', dimensions: [], total: true } as const
  return { name, ...nothing, configured: false }
}

function Tools({ metric, question }: { readonly metric: CatalogueMetric; readonly question: Question }) {
  const { by, filters, compare } = question
  const fitting = dimensionsWith(metric, filters)
  const others = dimensionsWith(metric, []).filter(name => !fitting.includes(name))
  const isKnown = by === '' || fitting.includes(by) || others.includes(by)
  return (
    <section className="page-tools" aria-label="What is shown">
      <RangePicker otherwise={rangeDefault} />
      <label className="choice">
        <span>by</span>
        <select value={by} onChange={event => changeParameters({ by: event.target.value })}>
          <option value="">{metric.total ? 'nothing: the whole' : 'nothing'}</option>
          {fitting.map(name => (
            <option key={name}>{name}</option>
          ))}
          {others.length > 0 && (
            <optgroup label="Not together with the filter">
              {others.map(name => (
                <option key={name}>{name}</option>
              ))}
            </optgroup>
          )}
          {!isKnown && <option value={by}>{visibleText(by, 80)}</option>}
        </select>
      </label>
      {metric.kind === 'distribution' && <ValueChoice />}
      <button
        type="button"
        className="toggle"
        aria-pressed={compare}
        onClick={() => changeParameters({ c: compare ? '' : 'previous' })}
      >
        Compare with the period before
      </button>
      <FilterChips />
    </section>
  )
}

function ValueChoice() {
  const [value, setValue] = useParameter('v')
  return (
    <label className="choice">
      <span>show</span>
      <select value={value} onChange={event => setValue(event.target.value)}>
        <option value="">quantiles</option>
        {['p50', 'p90', 'p95', 'p99', 'mean', 'min', 'max', 'count'].map(name => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  )
}

interface AnswersProps {
  readonly metric: CatalogueMetric
  readonly question: Question
  readonly catalogue: CatalogueAnswer | undefined
}

function Answers({ metric, question, catalogue }: AnswersProps) {
  const [chosen] = useParameter('v')
  const every = refreshMs(question.range)
  const fileName = visibleText(metric.name, 80)
  const name = encodeURIComponent(metric.name)
  const seriesPath = apiPath(`/series/${name}`, seriesParameters(question))
  const tablePath = apiPath(`/stats/${name}`, tableParameters(question))
  const totalPath = apiPath(`/stats/${name}`, totalParameters(question))
  const series = useApi<SeriesAnswer>(seriesPath, every)
  const table = useApi<StatsAnswer>(tablePath, every)
  const total = useApi<StatsAnswer>(question.by === '' ? null : totalPath, every)
  const value = metric.kind !== 'distribution' ? 'value' : chosen === '' ? 'bands' : chosen
  const ways = waysOut(question, catalogue, series.error?.problem?.didYouMean)
  const whole = question.by === '' ? table : total
  return (
    <>
      <Total
        metric={metric}
        value={value === 'bands' ? 'p95' : value}
        asked={whole}
        compare={question.compare}
      />
      <ExploreChart metric={metric} value={value} asked={series} ways={ways} />
      <div className="explore-links">
        <a className="text-tool" href={`${seriesPath}&format=csv`} download={`${fileName}-series.csv`}>
          <Icon name="download" />
          CSV of the chart
        </a>
        <a className="text-tool" href={`${tablePath}&format=csv`} download={`${fileName}.csv`}>
          <Icon name="download" />
          CSV of the table
        </a>
        <CopyButton text={curlOf(window.location.origin, seriesPath)} words="Copy chart as curl" />
        <CopyButton text={curlOf(window.location.origin, tablePath)} words="Copy table as curl" />
      </div>
      <Top metric={metric} question={question} asked={table} value={value === 'bands' ? 'p95' : value} />
    </>
  )
}

interface TotalProps {
  readonly metric: CatalogueMetric
  readonly value: string
  readonly asked: Asked<StatsAnswer>
  readonly compare: boolean
}

/** The number of the whole range, with what the statistic is. */
function Total({ metric, value, asked, compare }: TotalProps) {
  const answer = asked.data?.metric === metric.name && !asked.error ? asked.data : undefined
  const [row, more] = answer?.rows ?? []
  const shown = row && !more ? row : undefined
  const isStale = useLive(ageOf) !== null
  return (
    <header className="explore-total" data-state={!answer ? 'loading' : isStale ? 'stale' : 'live'}>
      <p className="tile-value" title={exactText(shown?.values[value])}>
        <span className="tile-number">{shown ? valueText(metric, shown.values[value], value) : '–'}</span>{' '}
        {metric.kind === 'distribution' && <span className="tile-unit">{value}</span>}
        {compare && shown && (
          <span className="tile-unit">
            {changeText(shown.change?.[value])} against {valueText(metric, shown.previous?.[value], value)}
          </span>
        )}
      </p>
      <p className="muted">
        {answer?.definition ?? metric.definition}
        {metric.numerator && ` ${metric.numerator} ÷ ${metric.denominator}.`}
      </p>
    </header>
  )
}

interface TopProps {
  readonly metric: CatalogueMetric
  readonly question: Question
  readonly asked: Asked<StatsAnswer>
  readonly value: string
}

function Top({ metric, question, asked, value }: TopProps) {
  const { by, filters, compare } = question
  const answer = asked.data?.metric === metric.name && !asked.error ? asked.data : undefined
  const rows = answer?.rows.filter(row => Object.keys(row.labels).length > 0) ?? []
  const dimensions = dimensionsWith(metric, filters).filter(
    name => !filters.some(filter => filter.dimension === name),
  )
  const isWhole = by === '' && rows.length === 0
  const state = asked.error
    ? 'refused'
    : !answer
      ? 'loading'
      : isWhole || rows.length === 0
        ? 'empty'
        : 'live'
  return (
    <Panel
      id="explore-top"
      title={by === '' ? 'Top values' : `By ${by}`}
      state={state}
      className="explore-top"
    >
      {state === 'live' && answer && (
        <TopTable metric={metric} answer={answer} value={value} filters={filters} compare={compare} />
      )}
      {state === 'empty' && isWhole && dimensions.length > 0 && (
        <div className="explore-dimensions">
          <p className="muted">Tell it apart by</p>
          {dimensions.map(name => (
            <button
              key={name}
              type="button"
              className="button"
              onClick={() => changeParameters({ by: name })}
            >
              {name}
            </button>
          ))}
        </div>
      )}
      {state === 'empty' && isWhole && dimensions.length === 0 && (
        <Empty
          title={
            filters.length > 0 ? 'Not kept by anything else together with the filter' : 'Kept as a whole only'
          }
        />
      )}
      {state === 'empty' && !isWhole && (
        <Empty title="Nothing in this time">
          <p>
            Take a longer range{filters.length > 0 ? ' or remove a filter' : ''}. Numbers come from tailed
            files:
          </p>
          <code>npm start -- --tail '/var/log/nginx/*.log'</code>
        </Empty>
      )}
      {state === 'refused' && <p className="explore-refused muted">See above why this is not answered.</p>}
    </Panel>
  )
}
