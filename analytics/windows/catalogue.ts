// Every statistic there is: what it means, in which unit, and by which dimensions it is kept. The one list that
// folding, storing, querying, the API's description and its error messages share. Data only.

import { accessCatalogue, accessDimensions } from './access-catalogue.ts'
import { visitDimensionCatalogue, visitMetricCatalogue } from './visit-catalogue.ts'

export type MetricKind = 'count' | 'distribution' | 'distinct' | 'ratio'
export type MetricUnit = 'count' | 'per_second' | 'bytes' | 'milliseconds' | 'ratio' | 'records'

export interface MetricDefinition {
  readonly kind: MetricKind
  readonly unit: MetricUnit
  readonly definition: string
  /** Dimension sets the metric is kept by, beside the total; names sorted and joined by a comma. */
  readonly dimensions: readonly string[]
  /** False where only the dimension sets are kept: a sum over hosts would mean nothing. */
  readonly total: boolean
  /** The finest step (seconds) kept by dimensions, where that is not 10. */
  readonly finest?: 10 | 60 | 900
  /** Of a ratio: two stored counts, kept by at least the ratio's dimensions; divided at reading, never before. */
  readonly numerator?: string
  readonly denominator?: string
  /** 'visit' where a value belongs to a whole visit, so that it cannot be asked by what happens within one. */
  readonly scope?: 'visit'
}

export const metricCatalogue = {
  lines: {
    kind: 'count',
    unit: 'count',
    definition: 'Lines counted, each once, at the time they carry (else the time they were read).',
    dimensions: ['topic', 'level', 'service', 'level,service'],
    total: true,
  },
  unparsed: {
    kind: 'count',
    unit: 'count',
    definition:
      'Lines that are not what their format says; each is in the loss ledger and in no other statistic.',
    dimensions: ['topic'],
    total: true,
  },
  ...accessCatalogue,
  events: {
    kind: 'count',
    unit: 'count',
    definition: 'Behaviour events: JSON lines with a type or an event name.',
    dimensions: ['event', 'path', 'hour'],
    total: true,
  },
  pageviews: {
    kind: 'count',
    unit: 'count',
    definition: 'Behaviour events of type "page".',
    dimensions: ['path', 'referrer', 'hour'],
    total: true,
  },
  active_users: {
    kind: 'distinct',
    unit: 'count',
    definition:
      'Distinct visitors of behaviour events (anonymousId, else userId); where there are no such events, distinct ' +
      'pairs of client address and user agent in access logs, without bots. Exact up to 256, then within about 2 %.',
    dimensions: ['source'],
    total: false,
  },
  metric: {
    kind: 'distribution',
    unit: 'count',
    definition:
      'Samples of one host metric: mean, min, max, last and quantiles within 1 %, in the metric’s own unit.',
    dimensions: ['host,name'],
    total: false,
  },
  metric_increase: {
    kind: 'count',
    unit: 'count',
    definition:
      'What a counter (by its type, or a name that ends as counters’ do: _total, _count, _sum, _bucket) grew by, in ' +
      'its own unit. A value below the last one means that it began again at zero. The first sample of a series ' +
      'says nothing yet; divide by the seconds for the rate, and take the buckets of a histogram together for its ' +
      'quantiles.',
    dimensions: ['host,name'],
    total: false,
  },
  lag: {
    kind: 'distribution',
    unit: 'milliseconds',
    definition:
      'From the agent’s reading of a line to the commit that counts it, at the time of that commit.',
    dimensions: [],
    total: true,
  },
  ...visitMetricCatalogue,
} as const satisfies Readonly<Record<string, MetricDefinition>>

export type MetricName = keyof typeof metricCatalogue
export const metricNames = Object.keys(metricCatalogue) as MetricName[]

/** What a dimension's values are. */
export const dimensionCatalogue = {
  ...accessDimensions,
  event: 'The event’s name, or its type where it has none.',
  topic: 'The topic the line came by.',
  host: 'The host a metric sample names.',
  name: 'The metric’s name.',
  level: 'trace, debug, info, warn, error or fatal, whatever the logger calls it.',
  service: 'The service that the agent’s configuration names for the file.',
  source: 'Where visitors were seen: events or requests.',
  ...visitDimensionCatalogue,
} as const

export type DimensionName = keyof typeof dimensionCatalogue
export const dimensionNames = Object.keys(dimensionCatalogue) as DimensionName[]

/** Takes the values beyond a day's limit, so that parts still add up to the whole. */
export const otherValue = '__other__'
/** A request line that makes no sense has no path; a request without a referrer came from nowhere. */
export const noPath = '(invalid)'
export const noReferrer = '(direct)'
export const noValue = '(none)'

/** Distinct values of a dimension set within one day; the rest share `__other__`. */
export const valuesPerDayMax = 2000
/** Of these, so many have distinct visitors of their own. */
export const sketchesPerDayMax = 1000
/** Longer values are cut, so that a hostile line cannot fill the dictionary. */
export const valueBytesMax = 256
