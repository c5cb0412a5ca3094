// A PromQL expression at one moment, or at the steps of a range: samples are fetched once for each selector, then the
// tree is worked out step by step as Prometheus does it. Pure but for the source it reads.
import { aggregate } from './aggregations.ts'
import type { Expression, Selector } from './expression.ts'
import type { LabelSet } from './labels.ts'
import { operate } from './operations.ts'
import { badData, execution } from './promql-error.ts'
import { rangeFunctions } from './range-functions.ts'
import { type Fetched, firstFrom, type SampleSeries, type SampleSource } from './samples.ts'
import { vectorFunctions } from './vector-functions.ts'

export interface Sample {
  readonly labels: LabelSet
  readonly value: number
}

export type Value =
  | { readonly type: 'scalar'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'vector'; readonly samples: readonly Sample[] }

export interface Series {
  readonly labels: LabelSet
  readonly times: number[]
  readonly values: number[]
}

export interface EvaluationOptions {
  readonly source: SampleSource
  /** Looked into between steps: throws when it has taken too long. */
  readonly check?: () => void
}

export class Evaluation {
  readonly #expression: Expression
  readonly #fetched = new Map<Selector, Fetched>()
  readonly #check: () => void

  constructor(expression: Expression, span: Span, { source, check = () => {} }: EvaluationOptions) {
    this.#expression = expression
    this.#check = check
    for (const selector of selectorsOf(expression)) {
      const { rangeMs, offsetMs, matchers } = selector
      const backMs = rangeMs ?? longestLookbackMs
      // Ten samples to a range make a rate; one to a step a line.
      const wantedMs = rangeMs === null ? Math.max(span.stepMs, 1) : rangeMs / 10
      const from = span.startMs - offsetMs - backMs
      this.#fetched.set(selector, source.select(matchers, from, span.endMs - offsetMs, wantedMs))
    }
  }

  at(timeMs: number): Value {
    this.#check()
    return this.#evaluate(this.#expression, timeMs)
  }

  /** The samples themselves, where the expression is a range of them. */
  matrixAt(timeMs: number): Series[] | null {
    const selector = this.#expression
    if (selector.type !== 'selector' || selector.rangeMs === null) return null
    return [...this.#windows(selector, timeMs)].map(({ series, from, to }) => ({
      labels: series.labels,
      times: [...series.times.subarray(from, to)],
      values: [...series.values.subarray(from, to)],
    }))
  }

  #evaluate(expression: Expression, timeMs: number): Value {
    switch (expression.type) {
      case 'number':
        return { type: 'scalar', value: expression.value }
      case 'string':
        return { type: 'string', value: expression.value }
      case 'selector':
        return this.#instant(expression, timeMs)
      case 'negative': {
        const of = this.#evaluate(expression.of, timeMs)
        if (of.type === 'string')
          throw badData('unary expression only allowed on expressions of type scalar or vector')
        if (of.type === 'scalar') return { type: 'scalar', value: -of.value }
        return unique(of.samples.map(({ labels, value }) => ({ labels: labels.unnamed, value: -value })))
      }
      case 'aggregate': {
        const { parameter } = expression
        const wanted = parameter === null ? null : this.#number(parameter, timeMs)
        const samples = this.#vector(expression.of, timeMs)
        return { type: 'vector', samples: aggregate(expression, samples, wanted) }
      }
      case 'operation': {
        const value = operate(
          expression,
          this.#evaluate(expression.left, timeMs),
          this.#evaluate(expression.right, timeMs),
        )
        return value.type === 'vector' ? unique(value.samples) : value
      }
      case 'call':
        return this.#call(expression, timeMs)
    }
  }

  #number(expression: Expression, timeMs: number): number {
    const value = this.#evaluate(expression, timeMs)
    if (value.type !== 'scalar') throw badData('expected type scalar')
    return value.value
  }

  #vector(expression: Expression, timeMs: number): readonly Sample[] {
    const value = this.#evaluate(expression, timeMs)
    if (value.type !== 'vector') throw badData('expected type instant vector')
    return value.samples
  }

  #call({ name, args }: Expression & { type: 'call' }, timeMs: number): Value {
    const compute = rangeFunctions[name]
    if (compute) {
      const hasParameter = name === 'quantile_over_time'
      const of = args.at(-1)
      if (args.length !== (hasParameter ? 2 : 1) || of?.type !== 'selector' || of.rangeMs === null) {
        throw badData(`invalid parameter "query": expected type range vector in call to function "${name}"`)
      }
      const parameter = hasParameter ? this.#number(args[0]!, timeMs) : 0
      const samples: Sample[] = []
      for (const window of this.#windows(of, timeMs)) {
        const value = compute(window, parameter)
        const { labels } = window.series
        if (value !== null)
          samples.push({ labels: name === 'last_over_time' ? labels : labels.unnamed, value })
      }
      return unique(samples)
    }
    const apply = vectorFunctions[name]
    if (!apply)
      throw badData(
        `invalid parameter "query": parse error: unknown or unsupported function with name "${name}"`,
      )
    const value = apply(
      args.map(arg => this.#evaluate(arg, timeMs)),
      timeMs,
    )
    return value.type === 'vector' ? unique(value.samples) : value
  }

  /** The newest sample of each series that is not too old. */
  #instant(selector: Selector, timeMs: number): Value {
    if (selector.rangeMs !== null) throw badData('expected type instant vector, got range vector')
    const at = timeMs - selector.offsetMs
    const { series: all, lookbackMs } = this.#fetched.get(selector)!
    const samples: Sample[] = []
    for (const series of all) {
      const index = firstFrom(series.times, at + 0.5) - 1
      if (index < 0 || series.times[index]! < at - lookbackMs) continue
      samples.push({ labels: series.labels, value: series.values[index]! })
    }
    return { type: 'vector', samples }
  }

  *#windows(
    selector: Selector,
    timeMs: number,
  ): Iterable<{ series: SampleSeries; from: number; to: number; startMs: number; endMs: number }> {
    const endMs = timeMs - selector.offsetMs
    const startMs = endMs - selector.rangeMs!
    for (const series of this.#fetched.get(selector)!.series) {
      const from = firstFrom(series.times, startMs)
      const to = firstFrom(series.times, endMs + 0.5)
      if (to > from) yield { series, from, to, startMs, endMs }
    }
  }
}

export interface Span {
  readonly startMs: number
  readonly endMs: number
  /** 0 for one moment. */
  readonly stepMs: number
}

/** Before the spacing of samples is known, as far back as any may count. */
const longestLookbackMs = 5 * 60_000

function selectorsOf(expression: Expression): Selector[] {
  switch (expression.type) {
    case 'selector':
      return [expression]
    case 'number':
    case 'string':
      return []
    case 'negative':
      return selectorsOf(expression.of)
    case 'call':
      return expression.args.flatMap(selectorsOf)
    case 'aggregate':
      return [
        ...(expression.parameter ? selectorsOf(expression.parameter) : []),
        ...selectorsOf(expression.of),
      ]
    case 'operation':
      return [...selectorsOf(expression.left), ...selectorsOf(expression.right)]
  }
}

function unique(samples: readonly Sample[]): Value {
  const seen = new Set<string>()
  for (const { labels } of samples) {
    if (seen.has(labels.key)) throw execution('vector cannot contain metrics with the same labelset')
    seen.add(labels.key)
  }
  return { type: 'vector', samples }
}
