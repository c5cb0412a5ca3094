// Aggregations of a vector: by or without labels, one value a group, or the largest of each. Pure.

import type { Sample } from './evaluate.ts'
import type { Aggregation } from './expression.ts'
import { LabelSet } from './labels.ts'
import { badData } from './promql-error.ts'
import { quantileOf } from './quantile.ts'

type Reduce = (values: number[], parameter: number) => number

const reductions: Readonly<Record<string, Reduce>> = {
  sum: values => values.reduce((sum, value) => sum + value, 0),
  avg: values => values.reduce((sum, value) => sum + value, 0) / values.length,
  min: values => values.reduce((least, value) => (value < least || Number.isNaN(least) ? value : least)),
  max: values => values.reduce((most, value) => (value > most || Number.isNaN(most) ? value : most)),
  count: values => values.length,
  group: () => 1,
  stddev: values => Math.sqrt(variance(values)),
  stdvar: variance,
  quantile: quantileOf,
}

export function aggregate(
  aggregation: Aggregation,
  samples: readonly Sample[],
  parameter: number | null,
): Sample[] {
  const { operator } = aggregation
  const isRanking = operator === 'topk' || operator === 'bottomk'
  const needsParameter = isRanking || operator === 'quantile'
  if (needsParameter !== (parameter !== null)) {
    throw badData(`wrong number of arguments for aggregate expression ${operator}`)
  }
  const groups = new Map<string, { labels: LabelSet; samples: Sample[] }>()
  for (const sample of samples) {
    const labels = groupOf(aggregation, sample.labels)
    const group = groups.get(labels.key)
    if (group) group.samples.push(sample)
    else groups.set(labels.key, { labels, samples: [sample] })
  }
  if (isRanking) return [...groups.values()].flatMap(group => ranked(group.samples, operator, parameter!))
  const reduce = reductions[operator]
  if (!reduce) throw badData(`the aggregation ${operator} is not supported here`)
  return [...groups.values()].map(group => ({
    labels: group.labels,
    value: reduce(
      group.samples.map(sample => sample.value),
      parameter ?? 0,
    ),
  }))
}

const nobody = new LabelSet({})
/** By group labels and kind: one series is grouped at every step anew. */
const known = new WeakMap<LabelSet, Map<string, LabelSet>>()

function groupOf({ labels: names, isWithout }: Aggregation, labels: LabelSet): LabelSet {
  if (!isWithout && names.length === 0) return nobody
  let groups = known.get(labels)
  if (!groups) {
    groups = new Map()
    known.set(labels, groups)
  }
  const key = `${isWithout} ${names.join(' ')}`
  let group = groups.get(key)
  if (!group) {
    group = isWithout ? labels.without([...names, '__name__']) : labels.only(names)
    groups.set(key, group)
  }
  return group
}

function ranked(samples: readonly Sample[], operator: string, parameter: number): Sample[] {
  const count = Math.max(0, Math.min(Math.trunc(parameter) || 0, samples.length))
  const sign = operator === 'topk' ? -1 : 1
  const worth = (value: number) => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : value * sign)
  return samples.toSorted((a, b) => worth(a.value) - worth(b.value)).slice(0, count)
}

function variance(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
}
