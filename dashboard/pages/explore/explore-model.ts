// What Explore asks, from what its URL says; what is drawn, from what is answered; and what may be asked instead where
// something is refused. Pure.
import type { SeriesAnswer, StatsRow } from '../../../analytics/http/contract.ts'
import type { CatalogueAnswer, CatalogueMetric } from '../../../analytics/http/contract-catalogue.ts'
import type { Parameters } from '../../api.ts'
import type { Filter } from '../../filters.ts'
import { filterText } from '../../filters.ts'
import { formatDateTime, type Zone } from '../../format.ts'
import { type HistoryRange, spanParameters, stepOf } from '../../range.ts'

export interface Question {
  readonly metric: string
  readonly by: string
  readonly filters: readonly Filter[]
  readonly range: HistoryRange
  readonly compare: boolean
}

export const seriesMax = 6
export const rowsMax = 50

function shared({ by, filters, range, compare }: Question): Parameters {
  return {
    ...spanParameters(range),
    by,
    filter: filters.map(filterText),
    compare: compare ? 'previous' : '',
  }
}

export function seriesParameters(question: Question): Parameters {
  return { ...shared(question), step: stepOf(question.range), limit: seriesMax }
}

export function tableParameters(question: Question): Parameters {
  return { ...shared(question), limit: rowsMax }
}

export function totalParameters(question: Question): Parameters {
  return shared({ ...question, by: '' })
}

/** In the order of the list: what the page is about, then what it is of, then what was configured. */
export const groups = [
  'Requests',
  'Behaviour',
  'Visits and visitors',
  'Hosts',
  'Pipeline',
  'Your own',
] as const

export function groupOf({ name, configured, dimensions }: CatalogueMetric): (typeof groups)[number] {
  if (configured) return 'Your own'
  if (dimensions.some(set => set.includes('source'))) return 'Visits and visitors'
  if (name === 'metric' || name === 'metric_increase') return 'Hosts'
  if (name === 'lines' || name === 'unparsed' || name === 'lag') return 'Pipeline'
  return name === 'events' || name === 'pageviews' ? 'Behaviour' : 'Requests'
}

/** `error_rate` → `Error rate`. */
export function titleOf(name: string): string {
  const words = name.replaceAll('_', ' ')
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`
}

/** Every word is in the name or the definition. */
export function matchesWords(metric: CatalogueMetric, search: string): boolean {
  const text = `${metric.name} ${metric.name.replaceAll('_', ' ')} ${metric.definition}`.toLowerCase()
  return search
    .toLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word))
}

/** Dimensions it can be told apart by, with what is filtered already: those kept together with all of the filters. */
export function dimensionsWith(metric: CatalogueMetric, filters: readonly Filter[]): readonly string[] {
  const filtered = [...new Set(filters.map(filter => filter.dimension))]
  const fitting = metric.dimensions.filter(set => filtered.every(name => set.includes(name)))
  return [...new Set(fitting.flat())].filter(name => name !== 'source')
}

/** Where a click on a value leads: a dimension kept together with it, that is not filtered yet; none is the whole. */
export function nextDimension(metric: CatalogueMetric, filters: readonly Filter[]): string {
  const filtered = new Set(filters.map(filter => filter.dimension))
  return dimensionsWith(metric, filters).find(name => !filtered.has(name)) ?? ''
}

export interface Way {
  readonly label: string
  readonly changes: Readonly<Record<string, string | readonly string[]>>
}

/** What may be asked instead of what was refused: the server's own suggestion first. */
export function waysOut(
  question: Question,
  catalogue: CatalogueAnswer | undefined,
  didYouMean: string | undefined,
): readonly Way[] {
  const ways: Way[] = []
  const metric = catalogue?.metrics.find(({ name }) => name === question.metric)
  if (catalogue && !metric) {
    if (catalogue.metrics.some(({ name }) => name === didYouMean)) {
      ways.push({ label: `Show ${didYouMean}`, changes: { m: didYouMean! } })
    }
    return [...ways, { label: 'Show requests', changes: { m: '', by: '', f: [] } }]
  }
  if (metric) {
    const kept = new Set(dimensionsWith(metric, []))
    if (didYouMean !== undefined && kept.has(didYouMean) && didYouMean !== question.by) {
      const filters = question.filters.filter(({ dimension }) => dimension === didYouMean)
      ways.push({ label: `By ${didYouMean}`, changes: { by: didYouMean, f: filters.map(filterText) } })
    }
    for (const name of dimensionsWith(metric, question.filters).slice(0, 4)) {
      if (name !== question.by && question.filters.length > 0)
        ways.push({ label: `By ${name}, with the filter`, changes: { by: name } })
    }
  }
  if (question.by !== '' && question.filters.length > 0)
    ways.push({ label: `By ${question.by}, without the filter`, changes: { f: [] } })
  for (const filter of question.filters) {
    const f = question.filters.filter(other => other !== filter).map(filterText)
    ways.push({ label: `Without ${filterText(filter).slice(0, 40)}`, changes: { f } })
  }
  if (question.by !== '') ways.push({ label: 'As a whole', changes: { by: '' } })
  const seen = new Set<string>()
  return ways.filter(({ changes }) => {
    const key = JSON.stringify(changes)
    return !seen.has(key) && seen.add(key)
  })
}

/** `web-1 · cpu.utilization`; the whole has no labels. */
export function labelOf(labels: Readonly<Record<string, string>>): string {
  return Object.values(labels).join(' · ')
}

/** Counters that have no bucket stood at zero, from the first that has one; what is not over yet is not drawn. */
export function drawnValues(
  answer: SeriesAnswer,
  values: readonly (number | null)[] | undefined,
  kind: CatalogueMetric['kind'],
  count: number,
): (number | null)[] {
  const drawn = (values ?? []).slice(0, count)
  if (kind !== 'count' && kind !== 'distinct') return drawn
  const first = answer.series.reduce((least, one) => {
    const at = Object.values(one.values)[0]?.findIndex(value => value !== null) ?? -1
    return at < 0 ? least : Math.min(least, at)
  }, count)
  return drawn.map((value, at) => value ?? (at >= first ? 0 : null))
}

/** How many buckets are over by then; of wide ones, from a quarter of an hour, the open one is shown too. */
export function bucketsOver({ times, stepSeconds, freshness }: SeriesAnswer): number {
  if (stepSeconds >= 900) return times.length
  const until = freshness.watermark ?? 0
  let count = times.length
  while (count > 1 && times[count - 1]! + stepSeconds * 1000 > until) count -= 1
  return count
}

/** While there is no more than the step that counting began in: when the first whole one is over. */
export function collectingWords(answer: SeriesAnswer, zone: Zone): string | null {
  const stepMs = answer.stepSeconds * 1000
  const begun = answer.series.flatMap(({ values }) =>
    Object.values(values).map(column => column.findIndex(value => value !== null)),
  )
  const known = begun.filter(at => at > 0)
  // From the first bucket on: then counting may have begun long before.
  if (known.length === 0 || begun.includes(0)) return null
  const wholeMs = answer.times[Math.min(...known)]! + 2 * stepMs
  if (wholeMs <= (answer.freshness.watermark ?? 0)) return null
  const text = formatDateTime(wholeMs, zone)
  return `collecting: first full step at ${stepMs < 86_400_000 ? text.slice(11, 16) : text.slice(0, 10)}`
}

/** By the value that is shown, largest first; unknown last. */
export function sortedRows(rows: readonly StatsRow[], key: string): readonly StatsRow[] {
  return [...rows].sort((a, b) => (b.values[key] ?? -1) - (a.values[key] ?? -1))
}
