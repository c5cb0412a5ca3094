// Looking up what a metric means: the fixed catalogue, and behind it what this process was configured to count as well.
// A process has one configuration, so the configured ones are kept here once for fold, queries and the API.
import { type MetricDefinition, metricCatalogue } from './catalogue.ts'

const fixed = new Map<string, MetricDefinition>(Object.entries(metricCatalogue))
let configured: ReadonlyMap<string, MetricDefinition> = new Map()

/** Undefined where nobody defines such a metric; names of Object's own are no metrics. */
export function definitionOf(metric: string): MetricDefinition | undefined {
  return fixed.get(metric) ?? configured.get(metric)
}

/** Every metric's name, the fixed ones first. */
export function definedNames(): string[] {
  return [...fixed.keys(), ...configured.keys()]
}

/** A dimension of a configured metric: the name of a field. */
export function isConfiguredDimension(name: string): boolean {
  for (const { dimensions } of configured.values()) {
    if (dimensions.some(set => set.split(',').includes(name))) return true
  }
  return false
}

/** Replaces the configured metrics. What the fixed catalogue defines cannot be defined again. */
export function defineMetrics(definitions: ReadonlyMap<string, MetricDefinition>): void {
  for (const name of definitions.keys()) {
    if (fixed.has(name)) throw new RangeError(`Cannot define "${name}": a statistic of this name exists`)
  }
  configured = definitions
}
