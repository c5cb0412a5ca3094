// What can be asked: every metric with the dimensions it is kept by, fixed or configured, and the configured goals and
// funnels. Pure.
import type { CatalogueAnswer, CatalogueCondition, CatalogueMetric } from '../http/contract-catalogue.ts'
import { type Condition, funnelWindowMs, noVisitSettings } from '../visits/conditions.ts'
import { dimensionCatalogue, metricCatalogue } from '../windows/catalogue.ts'
import { definedNames, definitionOf } from '../windows/definitions.ts'
import type { Reading } from './parts.ts'

export function catalogueAnswer({ visits = noVisitSettings }: Pick<Reading, 'visits'>): CatalogueAnswer {
  const metrics = definedNames().map(metricOf)
  const described = new Set(Object.keys(dimensionCatalogue))
  const fields = new Set(
    metrics.flatMap(({ dimensions }) => dimensions.flat()).filter(name => !described.has(name)),
  )
  return {
    metrics,
    dimensions: [
      ...Object.entries(dimensionCatalogue).map(([name, definition]) => ({ name, definition })),
      ...[...fields].map(name => ({
        name,
        definition: `The field "${name}" of the lines a configured statistic reads.`,
      })),
    ],
    goals: visits.goals.map(goal => ({ name: goal.name, ...conditionOf(goal) })),
    funnels: visits.funnels.map(({ name, strict, windowMs, steps }) => ({
      name,
      order: strict ? 'strict' : 'sequential',
      conversionWindowMs: windowMs ?? funnelWindowMs,
      steps: steps.map(conditionOf),
    })),
  }
}

function metricOf(name: string): CatalogueMetric {
  const { definition, kind, unit, dimensions, total, numerator, denominator } = definitionOf(name)!
  return {
    ...{ name, definition, kind, unit, total },
    dimensions: dimensions.map(set => set.split(',')),
    configured: !Object.hasOwn(metricCatalogue, name),
    ...(numerator === undefined ? {} : { numerator }),
    ...(denominator === undefined ? {} : { denominator }),
  }
}

function conditionOf({ page, event, where }: Condition): CatalogueCondition {
  return {
    ...(page === undefined ? {} : { page }),
    ...(event === undefined ? {} : { event }),
    ...(where === undefined ? {} : { where }),
  }
}
