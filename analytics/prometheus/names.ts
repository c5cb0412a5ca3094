// What the stored statistics are called in PromQL. One name for each dimension set, because a sum over several sets
// would count everything several times: tailrace_requests_total, tailrace_requests_by_path_total{path}. Pure.
import type { MetricDefinition } from '../windows/catalogue.ts'
import { definedNames, definitionOf } from '../windows/definitions.ts'

/** Which number of a stored row a series shows. */
export type Field = 'n' | 'count' | 'sum' | 'min' | 'max' | 'last' | 'quantile' | 'distinct'

export interface NamedMetric {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'summary'
  readonly help: string
  readonly unit: string
  readonly metric: string
  readonly dims: string
  readonly field: Field
  readonly definition: MetricDefinition
}

export const quantiles = [
  ['0.5', 'p50'],
  ['0.9', 'p90'],
  ['0.95', 'p95'],
  ['0.99', 'p99'],
] as const

/** Visits are taken back when they grow, so they are no counters; a ratio is what one divides oneself. */
function isShown({ kind, scope }: MetricDefinition): boolean {
  return kind !== 'ratio' && scope !== 'visit'
}

export function namedMetrics(): NamedMetric[] {
  return definedNames().flatMap(metric => {
    const definition = definitionOf(metric)!
    if (!isShown(definition)) return []
    const sets = [...(definition.total ? [''] : []), ...definition.dimensions]
    return sets.flatMap(dims => namesOf(metric, dims, definition))
  })
}

function namesOf(metric: string, dims: string, definition: MetricDefinition): NamedMetric[] {
  const base = `tailrace_${metric}${dims === '' ? '' : `_by_${dims.replaceAll(',', '_')}`}`
  const { kind, unit, definition: help } = definition
  const one = (name: string, type: NamedMetric['type'], field: Field): NamedMetric => {
    return { name, type, help, unit: unit === 'count' ? '' : unit, metric, dims, field, definition }
  }
  if (kind === 'count') return [one(`${base}_total`, 'counter', 'n')]
  if (kind === 'distinct') return [one(base, 'gauge', 'distinct')]
  return [
    one(base, 'summary', 'quantile'),
    one(`${base}_count`, 'counter', 'count'),
    one(`${base}_sum`, 'counter', 'sum'),
    one(`${base}_min`, 'gauge', 'min'),
    one(`${base}_max`, 'gauge', 'max'),
    one(`${base}_last`, 'gauge', 'last'),
  ]
}
