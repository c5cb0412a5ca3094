// The answers of Prometheus's HTTP API, from whatever samples there are: query, query_range, labels, series, metadata.
// Parameters come as text, as they do there.
import type { Reading } from '../queries/parts.ts'
import { Evaluation, type Sample, type Series, type Value } from './evaluate.ts'
import { durationMs, type Expression, type Matcher, parseExpression } from './expression.ts'
import type { LabelSet } from './labels.ts'
import { LabelSet as Labels } from './labels.ts'
import { namedMetrics, quantiles } from './names.ts'
import { badData } from './promql-error.ts'
import type { SampleSource } from './samples.ts'
import { matchesAll, StoreSamples } from './store-samples.ts'

/** Prometheus's own bound. */
const pointsMax = 11_000

export type Parameters = Readonly<Record<string, string | readonly string[] | undefined>>

export interface Sampling {
  readonly source: SampleSource
  readonly nowMs: number
  readonly check?: () => void
}

export function queryAnswer(parameters: Parameters, { source, nowMs, check }: Sampling): object {
  const expression = expressionOf(parameters)
  const timeMs = momentOf(parameters, 'time', nowMs)
  const span = { startMs: timeMs, endMs: timeMs, stepMs: 0 }
  const evaluation = new Evaluation(expression, span, { source, ...(check && { check }) })
  const matrix = evaluation.matrixAt(timeMs)
  if (matrix) return { resultType: 'matrix', result: matrix.map(seriesJson) }
  return valueJson(evaluation.at(timeMs), timeMs)
}

export function rangeAnswer(parameters: Parameters, { source, check }: Sampling): object {
  const expression = expressionOf(parameters)
  const startMs = momentOf(parameters, 'start', null)
  const endMs = momentOf(parameters, 'end', null)
  const stepMs = durationMs(textOf(parameters, 'step'))
  if (endMs < startMs) throw badData('invalid parameter "end": end timestamp must not be before start time')
  if (Number.isNaN(stepMs))
    throw badData(
      `invalid parameter "step": cannot parse "${textOf(parameters, 'step')}" to a valid duration`,
    )
  if (stepMs <= 0) {
    throw badData(
      'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try ' +
        'a positive integer',
    )
  }
  if ((endMs - startMs) / stepMs > pointsMax) {
    throw badData(
      'exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)',
    )
  }
  return {
    resultType: 'matrix',
    result: evaluateRange(expression, { startMs, endMs, stepMs }, source, check).map(seriesJson),
  }
}

export function evaluateRange(
  expression: Expression,
  span: { readonly startMs: number; readonly endMs: number; readonly stepMs: number },
  source: SampleSource,
  check?: () => void,
): Series[] {
  if (expression.type === 'selector' && expression.rangeMs !== null) {
    throw badData('invalid expression type "range vector" for range query, must be Scalar or instant Vector')
  }
  const evaluation = new Evaluation(expression, span, { source, ...(check && { check }) })
  const found = new Map<string, Series>()
  for (let timeMs = span.startMs; timeMs <= span.endMs; timeMs += span.stepMs) {
    const value = evaluation.at(timeMs)
    if (value.type === 'string') {
      throw badData('invalid expression type "string" for range query, must be Scalar or instant Vector')
    }
    const samples = value.type === 'scalar' ? [{ labels: new Labels({}), value: value.value }] : value.samples
    for (const sample of samples) {
      let series = found.get(sample.labels.key)
      if (!series) {
        series = { labels: sample.labels, times: [], values: [] }
        found.set(sample.labels.key, series)
      }
      series.times.push(timeMs)
      series.values.push(sample.value)
    }
  }
  return [...found.values()].sort((a, b) => (a.labels.key < b.labels.key ? -1 : 1))
}

/** Everything there is about what is stored, by the last part of its path. */
export function storedAnswer(
  endpoint: string,
  parameters: Parameters,
  reading: Reading,
  check: () => void,
): unknown {
  const source = new StoreSamples(reading)
  const sampling = { source, nowMs: reading.nowMs, check }
  switch (endpoint) {
    case 'query':
      return queryAnswer(parameters, sampling)
    case 'query_range':
      return rangeAnswer(parameters, sampling)
    case 'series':
      return limited(
        parameters,
        seriesOf(parameters, reading, source, true).map(labels => labels.pairs),
      )
    case 'labels': {
      const names = seriesOf(parameters, reading, source, false).flatMap(labels => Object.keys(labels.pairs))
      return limited(parameters, [...new Set(names)].sort())
    }
    case 'label': {
      const name = textOf(parameters, 'name')
      if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) throw badData(`invalid label name: "${name.slice(0, 60)}"`)
      const values = seriesOf(parameters, reading, source, false).map(labels => labels.get(name))
      return limited(parameters, [...new Set(values)].filter(value => value !== '').sort())
    }
    case 'metadata':
      return metadata(parameters)
    default:
      return null
  }
}

function seriesOf(
  parameters: Parameters,
  reading: Reading,
  source: StoreSamples,
  isNeeded: boolean,
): LabelSet[] {
  const texts = [parameters['match[]'] ?? []].flat()
  if (texts.length === 0 && isNeeded) throw badData('no match[] parameter provided')
  const selections: (readonly Matcher[])[] = texts.map(text => {
    const expression = parseExpression(text)
    if (expression.type !== 'selector') throw badData('invalid parameter "match[]": expected a selector')
    return expression.matchers
  })
  const fromMs = momentOf(parameters, 'start', reading.nowMs - 86_400_000)
  const found = new Map<string, LabelSet>()
  for (const matchers of selections.length === 0 ? [[]] : selections) {
    for (const { named, rows } of source.matching(matchers, fromMs)) {
      for (const row of rows) {
        for (const more of named.field === 'quantile'
          ? quantiles.map(([quantile]) => ({ quantile }))
          : [{}]) {
          const labels = new Labels({ __name__: named.name, ...row.labels, ...more })
          if (matchesAll(matchers, labels)) found.set(labels.key, labels)
        }
      }
    }
  }
  return [...found.values()]
}

function metadata(parameters: Parameters): object {
  const wanted = parameters['metric']
  const all = namedMetrics().filter(({ name }) => wanted === undefined || name === wanted)
  const limit = Number(parameters['limit'] ?? Number.POSITIVE_INFINITY)
  return Object.fromEntries(
    all.slice(0, limit).map(({ name, type, help, unit }) => [name, [{ type, help, unit }]]),
  )
}

function limited<Item>(parameters: Parameters, items: readonly Item[]): readonly Item[] {
  const limit = Number(parameters['limit'] ?? 0)
  return limit > 0 ? items.slice(0, limit) : items
}

function expressionOf(parameters: Parameters): Expression {
  return parseExpression(textOf(parameters, 'query'))
}

function textOf(parameters: Parameters, name: string): string {
  const value = parameters[name]
  return (typeof value === 'string' ? value : value?.[0]) ?? ''
}

/** Seconds since the epoch, or RFC 3339; in milliseconds. */
function momentOf(parameters: Parameters, name: string, otherwiseMs: number | null): number {
  const text = textOf(parameters, name)
  if (text === '' && otherwiseMs !== null) return otherwiseMs
  const ms = /^-?\d+(\.\d+)?(e\d+)?$/i.test(text)
    ? Math.round(Number(text) * 1000)
    : /^\d{4}-/.test(text)
      ? Date.parse(text)
      : Number.NaN
  if (!Number.isFinite(ms)) {
    throw badData(`invalid parameter "${name}": cannot parse "${text.slice(0, 60)}" to a valid timestamp`)
  }
  return ms
}

function valueJson(value: Value, timeMs: number): object {
  const point = (text: string) => [timeMs / 1000, text]
  if (value.type === 'vector') {
    const one = ({ labels, value: number }: Sample) => ({
      metric: labels.pairs,
      value: point(numberText(number)),
    })
    return { resultType: 'vector', result: value.samples.map(one) }
  }
  const text = value.type === 'string' ? value.value : numberText(value.value)
  return { resultType: value.type, result: point(text) }
}

function seriesJson({ labels, times, values }: Series): object {
  return { metric: labels.pairs, values: times.map((time, at) => [time / 1000, numberText(values[at]!)]) }
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}
