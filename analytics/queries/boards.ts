// Whole boards in one answer: the panels of an access log as GoAccess has them, rate, errors and duration of services,
// the burn of an error budget, utilization, saturation and errors of hosts. Every number is one of /stats.
import type {
  AccessPanel,
  AccessPanels,
  PanelRow,
  RedAnswer,
  RedRow,
  SloAnswer,
  UseAnswer,
  UseRow,
} from '../http/contract-boards.ts'
import type { DimensionName } from '../windows/catalogue.ts'
import { definitionOf } from '../windows/definitions.ts'
import { groupsOf } from './answers.ts'
import { freshness } from './freshness.ts'
import { type Part, type Reading, type Values, valuesOf } from './parts.ts'
import { ProblemError } from './problem.ts'
import { breakdown, windowMs } from './question.ts'
import { type Reach, reachOf, type Span } from './reach.ts'

const none = new Map<never, never>()

/** Panels in GoAccess's order; the metric is what a row counts. */
const panels = [
  ['requests', 'requests', 'path'],
  ['static_requests', 'static_requests', 'path'],
  ['not_found', 'not_found', 'path'],
  ['hosts', 'requests', 'client'],
  ['operating_systems', 'requests', 'os'],
  ['browsers', 'requests', 'browser'],
  ['visit_time', 'requests', 'hour'],
  ['virtual_hosts', 'requests', 'virtual_host'],
  ['referrers', 'requests', 'referrer'],
  ['referring_sites', 'requests', 'site'],
  ['status_codes', 'requests', 'status'],
  ['methods', 'requests', 'method'],
  ['geo_location', 'requests', 'country'],
  ['devices', 'requests', 'device'],
] as const

export function accessPanels(reading: Reading, span: Span, limit: number): AccessPanels {
  const total = (metric: string) => numberOf(whole(reading, metric, span), 'value')
  const requests = total('requests')
  const visitors = numberOf(whole(reading, 'active_users', span, 'requests'), 'value')
  const reach = reachOf(span, 10, reading)
  const latency = whole(reading, 'latency', span)
  return {
    window: { from: reach.fromMs, to: reach.toMs },
    general: {
      requests,
      visitors,
      failed: total('unparsed'),
      notFound: known('not_found') ? total('not_found') : null,
      staticRequests: known('static_requests') ? total('static_requests') : null,
      bytes: total('bytes'),
      latencyMeanMs: latency?.['mean'] ?? null,
      latencyMaxMs: latency?.['max'] ?? null,
    },
    panels: panels.flatMap(([name, metric, dimension]) => {
      if (!isKept(metric, dimension)) return []
      return [panelOf(reading, span, { name, metric, dimension, whole: { hits: requests, visitors } }, limit)]
    }),
    freshness: freshness(reading, reach.toMs),
  }
}

interface PanelAsked {
  readonly name: string
  readonly metric: string
  readonly dimension: DimensionName
  readonly whole: { readonly hits: number; readonly visitors: number }
}

function panelOf(
  reading: Reading,
  span: Span,
  { name, metric, dimension, whole: all }: PanelAsked,
  limit: number,
): AccessPanel {
  const hits = byDimension(reading, metric, dimension, span)
  const visitors = byDimension(reading, 'request_visitors', dimension, span)
  const bytes = byDimension(reading, 'bytes', dimension, span)
  const served = byDimension(reading, 'time_served', dimension, span)
  const latency = byDimension(reading, 'latency', dimension, span)
  const value = (values: ReadonlyMap<string, Values> | null, key: string, field: string) =>
    values === null ? null : (values.get(key)?.[field] ?? null)
  const count = (values: ReadonlyMap<string, Values> | null, key: string) =>
    values === null ? null : (values.get(key)?.['value'] ?? 0)
  const ranked = [...(hits ?? [])]
    .map(([key, values]) => ({ key, hits: values['value'] ?? 0 }))
    .sort((a, b) =>
      dimension === 'hour' ? (a.key < b.key ? -1 : 1) : b.hits - a.hits || (a.key < b.key ? -1 : 1),
    )
  const rows = ranked.slice(0, dimension === 'hour' ? 24 : limit).map<PanelRow>(row => {
    const seen = count(visitors, row.key)
    const cumulative = count(served, row.key)
    return {
      value: row.key,
      hits: row.hits,
      hitsShare: share(row.hits, all.hits),
      visitors: seen,
      visitorsShare: seen === null ? null : share(seen, all.visitors),
      bytes: count(bytes, row.key),
      servedMeanMs:
        value(latency, row.key, 'mean') ?? (cumulative === null ? null : cumulative / Math.max(row.hits, 1)),
      servedTotalMs: cumulative,
      servedMaxMs: value(latency, row.key, 'max'),
    }
  })
  return { name, dimension, metric, rows, values: ranked.length }
}

/** Of each group: how often a second, what share fails, how long it takes. */
export function red(reading: Reading, span: Span, by: DimensionName | null, limit: number): RedAnswer {
  const reach = reachOf(span, 10, reading)
  const read = (metric: string) =>
    by === null ? new Map([['', whole(reading, metric, span) ?? {}]]) : byDimension(reading, metric, by, span)
  const requests = read('requests')
  if (!requests) {
    const kept = definitionOf('requests')!.dimensions.join(', ')
    throw new ProblemError(
      400,
      'unknown-breakdown',
      'This breakdown is not kept',
      `requests are kept by ${kept}.`,
    )
  }
  const [errors, clientErrors, latency, apdex] = ['errors', 'client_errors', 'latency', 'apdex'].map(read)
  const rows = [...requests]
    .sort(([, a], [, b]) => (b['value'] ?? 0) - (a['value'] ?? 0))
    .slice(0, limit)
    .map(([key, values]): RedRow => {
      const count = values['value'] ?? 0
      const of = (all: ReadonlyMap<string, Values> | null | undefined) =>
        all ? share(all.get(key)?.['value'] ?? 0, count) : null
      return {
        labels: by === null ? {} : { [by]: key },
        requests: count,
        perSecond: count / ((reach.toMs - reach.fromMs) / 1000),
        errorRate: of(errors),
        clientErrorRate: of(clientErrors),
        durationMs: latency ? durations(latency.get(key) ?? {}) : null,
        apdex: apdex?.get(key)?.['value'] ?? null,
      }
    })
  const outcomes = by === null ? byDimension(reading, 'latency', 'outcome', span) : null
  return {
    window: { from: reach.fromMs, to: reach.toMs },
    rows,
    ...(outcomes && {
      outcomes: Object.fromEntries([...outcomes].map(([outcome, values]) => [outcome, durations(values)])),
    }),
    freshness: freshness(reading, reach.toMs),
  }
}

function durations(values: Values) {
  const names = ['mean', 'p50', 'p90', 'p95', 'p99', 'max'] as const
  return Object.fromEntries(names.map(name => [name, values[name] ?? null])) as Record<
    (typeof names)[number],
    number | null
  >
}

/** Long enough to be sure, short enough to notice: what alerts on burn rates look at. */
const burnWindows = ['5m', '1h', '6h'] as const

/** How much of what may fail has failed, and how fast the rest goes. */
export function slo(reading: Reading, objective: number, window: string): SloAnswer {
  const budget = 1 - objective
  const over = (length: string) => {
    const span = { window: windowMs(length) }
    const total = numberOf(whole(reading, 'requests', span), 'value')
    const bad = numberOf(whole(reading, 'errors', span), 'value')
    return { total, good: total - bad, errorRate: total === 0 ? null : bad / total }
  }
  const all = over(window)
  return {
    objective,
    window,
    ...all,
    attained: all.errorRate === null ? null : 1 - all.errorRate,
    budgetLeft: all.errorRate === null ? null : 1 - all.errorRate / budget,
    burn: burnWindows.map(length => {
      const { errorRate, total } = over(length)
      return { window: length, total, errorRate, rate: errorRate === null ? null : errorRate / budget }
    }),
    freshness: freshness(reading, reading.nowMs),
  }
}

/** What a metric of a host says, by its name: OpenTelemetry's names, and what others call the same. */
const aspects = [
  ['errors', /(^|[._])(error|errors|dropped|drops|failed)([._]|$)/],
  ['saturation', /(load|wait|swap|queue|runnable|pressure|throttl|paging)/],
  ['utilization', /(utili[sz]ation|busy|used_percent|usage_percent|\.percent$)/],
] as const

export function hostUse(reading: Reading, span: Span): UseAnswer {
  const wanted = breakdown('metric', ['host', 'name'], none)
  const reach = reachOf(span, wanted.finest, reading)
  const rows: UseRow[] = []
  for (const [key, part] of groupsOf(reading, wanted, reach)) {
    const [host = '', name = ''] = key.split('\0')
    const aspect = aspects.find(([, pattern]) => pattern.test(name))?.[0]
    if (!aspect) continue
    const values = valuesOf(part, 1)
    const field = (text: string) => values[text] ?? null
    rows.push({
      ...{ host, resource: name.split(/[._]/)[0]!, aspect, name },
      ...{ mean: field('mean'), p95: field('p95'), max: field('max'), last: field('last') },
    })
  }
  rows.sort((a, b) =>
    `${a.host}\0${a.resource}\0${a.name}` < `${b.host}\0${b.resource}\0${b.name}` ? -1 : 1,
  )
  return { window: { from: reach.fromMs, to: reach.toMs }, rows, freshness: freshness(reading, reach.toMs) }
}

function known(metric: string): boolean {
  return definitionOf(metric) !== undefined
}

function isKept(metric: string, dimension: string): boolean {
  return definitionOf(metric)?.dimensions.includes(dimension) === true
}

function whole(reading: Reading, metric: string, span: Span, source?: string): Values | null {
  if (!known(metric)) return null
  const filters = new Map(source === undefined ? [] : [['source' as DimensionName, new Set([source])]])
  const wanted = breakdown(metric, [], filters)
  const [part] = groupsOf(reading, wanted, reachOf(span, wanted.finest, reading)).values()
  return part === undefined ? null : shown(part)
}

/** Null where it is not kept by this dimension. */
function byDimension(
  reading: Reading,
  metric: string,
  dimension: DimensionName,
  span: Span,
): Map<string, Values> | null {
  if (!isKept(metric, dimension)) return null
  const wanted = breakdown(metric, [dimension], none)
  const reach: Reach = reachOf(span, wanted.finest, reading)
  return new Map([...groupsOf(reading, wanted, reach)].map(([key, part]) => [key, shown(part)]))
}

const shown = (part: Part): Values => valuesOf(part, 1)
const numberOf = (values: Values | null, name: string): number => values?.[name] ?? 0
const share = (part: number, of: number): number => (of === 0 ? 0 : Math.min(part / of, 1))
