// What can be asked at all: part of the API's contract, types only. See contract.ts.
import type { Unit } from './contract.ts'

/** GET /catalogue: every statistic this server keeps, fixed and configured, and what is configured about visitors. */
export interface CatalogueAnswer {
  readonly metrics: readonly CatalogueMetric[]
  readonly dimensions: readonly { readonly name: string; readonly definition: string }[]
  readonly goals: readonly (CatalogueCondition & { readonly name: string })[]
  readonly funnels: readonly CatalogueFunnel[]
}

export interface CatalogueMetric {
  readonly name: string
  readonly definition: string
  readonly kind: 'count' | 'distribution' | 'distinct' | 'ratio'
  readonly unit: Unit
  /** Sets of dimensions it is kept by, each together. */
  readonly dimensions: readonly (readonly string[])[]
  /** False where it is kept by dimensions only. */
  readonly total: boolean
  /** True where tailrace.yaml defines it. */
  readonly configured: boolean
  /** Of a ratio: what is divided by what. */
  readonly numerator?: string
  readonly denominator?: string
}

/** A page by a pattern, or an event by its name, with properties if wanted. */
export interface CatalogueCondition {
  readonly page?: string
  readonly event?: string
  readonly where?: Readonly<Record<string, string | number | boolean>>
}

export interface CatalogueFunnel {
  readonly name: string
  readonly order: 'sequential' | 'strict'
  readonly conversionWindowMs: number
  readonly steps: readonly CatalogueCondition[]
}
