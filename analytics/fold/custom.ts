// Statistics that an operator defines: count, sum, quantile, unique or top of any field, filtered, by up to three
// fields. Compiled once; a new one simply begins, the others go on. Pure; hostile lines are data: names are looked up
// as own properties only, what is no number is no number, and nothing throws.

import { hashBytes, hashed } from '../sketches/hash.ts'
import type { Rollup } from '../store/rollup.ts'
import type { MetricDefinition } from '../windows/catalogue.ts'
import { noValue, valueBytesMax } from '../windows/catalogue.ts'

export type FilterOperator = '=' | '!=' | '>' | '>=' | '<' | '<=' | 'contains' | 'exists'
export type Aggregate = 'count' | 'sum' | 'quantile' | 'unique' | 'top'

export interface StatisticDefinition {
  readonly name: string
  /** Lines of every topic where it is absent. */
  readonly topic?: string | undefined
  readonly filter?: readonly {
    readonly field: string
    readonly op: FilterOperator
    readonly value?: string | number | boolean | undefined
  }[]
  readonly aggregate: Aggregate
  /** Of all but count: whose values. */
  readonly field?: string | undefined
  readonly by?: readonly string[] | undefined
}

/** One line's fields, as JSON has them. */
export type Fields = Readonly<Record<string, unknown>>

interface Compiled {
  readonly definition: StatisticDefinition
  readonly path: readonly string[]
  readonly dims: string
  readonly by: readonly (readonly string[])[]
  readonly filter: readonly ((fields: Fields) => boolean)[]
}

/** What the lines of a flush add to one statistic of one value in ten seconds. */
interface Gathered {
  readonly compiled: Compiled
  readonly value: string
  readonly timeMs: number
  sum: number
  readonly samples: number[]
  /** Pairs of hash halves. */
  readonly hashes: number[]
}

export type CustomNotes = Map<string, Gathered>

const widthMs = 10_000

export class CustomStatistics {
  readonly #byTopic = new Map<string, Compiled[]>()
  readonly #all: readonly Compiled[]

  constructor(definitions: readonly StatisticDefinition[]) {
    this.#all = definitions.map(compile)
  }

  /** Whether lines of a topic have to be looked at in full. */
  asks(topic: string): boolean {
    return this.#of(topic).length > 0
  }

  note(notes: CustomNotes, topic: string, timeMs: number, fields: Fields): void {
    for (const compiled of this.#of(topic)) {
      if (!compiled.filter.every(holds => holds(fields))) continue
      const values = compiled.by.map(path => textOf(valueAt(fields, path)))
      // Between values stands a zero byte, which no value of several may hold.
      const value =
        values.length > 1 ? values.map(text => text.replaceAll('\0', '\ufffd')).join('\0') : values[0]
      gather(notes, compiled, value ?? '', timeMs, fields)
    }
  }

  /** Inside the transaction of the lines. */
  apply(notes: CustomNotes, rollup: Rollup): void {
    for (const { compiled, value, timeMs, sum, samples, hashes } of notes.values()) {
      const { definition, dims } = compiled
      if (sum !== 0) rollup.count(definition.name, dims, value, timeMs, sum)
      for (const sample of samples) rollup.sample(definition.name, dims, value, timeMs, sample)
      for (let at = 0; at < hashes.length; at += 2)
        rollup.distinct(definition.name, dims, value, timeMs, hashes[at]!, hashes[at + 1]!)
    }
  }

  #of(topic: string): readonly Compiled[] {
    let found = this.#byTopic.get(topic)
    if (!found) {
      found = this.#all.filter(({ definition }) => (definition.topic ?? topic) === topic)
      this.#byTopic.set(topic, found)
    }
    return found
  }
}

/** For the catalogue: what each means, in words. */
export function customMetrics(
  definitions: readonly StatisticDefinition[],
): ReadonlyMap<string, MetricDefinition> {
  return new Map(
    definitions.map(definition => {
      const { aggregate, topic, filter = [], field = '' } = definition
      const kind = aggregate === 'quantile' ? 'distribution' : aggregate === 'unique' ? 'distinct' : 'count'
      const conditions = filter.map(({ field: of, op, value }) => `${of} ${op} ${value ?? ''}`.trim())
      const where = conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`
      const of = aggregate === 'count' ? 'Lines' : `${aggregate} of ${field} in lines`
      const dims = dimsOf(definition)
      const metric: MetricDefinition = {
        kind,
        unit: 'count',
        definition: `${of}${topic === undefined ? '' : ` of ${topic}`}${where}. Defined in the configuration.`,
        dimensions: dims === '' ? [] : [dims],
        total: dims === '',
      }
      return [definition.name, metric] as const
    }),
  )
}

function compile(definition: StatisticDefinition): Compiled {
  const dims = dimsOf(definition)
  return {
    definition,
    path: (definition.field ?? '').split('.'),
    dims,
    by: dims === '' ? [] : dims.split(',').map(name => name.split('.')),
    filter: (definition.filter ?? []).map(({ field, op, value }) => {
      const path = field.split('.')
      return (fields: Fields) => meets(valueAt(fields, path), op, value)
    }),
  }
}

/** Sorted, as the store has them; top counts by its field. */
function dimsOf({ by = [], aggregate, field }: StatisticDefinition): string {
  const names = aggregate === 'top' && field !== undefined ? [...by, field] : by
  return [...new Set(names)].sort().join(',')
}

function gather(notes: CustomNotes, compiled: Compiled, value: string, timeMs: number, fields: Fields): void {
  const { aggregate } = compiled.definition
  const found = aggregate === 'count' || aggregate === 'top' ? 1 : valueAt(fields, compiled.path)
  const number = aggregate === 'unique' ? 0 : numberOf(found)
  if (Number.isNaN(number) || (aggregate === 'unique' && !isPlain(found))) return
  const bucketMs = Math.floor(timeMs / widthMs) * widthMs
  const key = `${compiled.definition.name}\n${bucketMs}\n${value}`
  let gathered = notes.get(key)
  if (!gathered) {
    gathered = { compiled, value, timeMs: bucketMs, sum: 0, samples: [], hashes: [] }
    notes.set(key, gathered)
  }
  if (aggregate === 'quantile') gathered.samples.push(number)
  else if (aggregate === 'unique') {
    const bytes = Buffer.from(String(found))
    hashBytes(bytes, 0, bytes.length)
    gathered.hashes.push(hashed.high, hashed.low)
  } else gathered.sum += number
}

/** Own properties only: `constructor` and `__proto__` are fields that a line has or has not. */
function valueAt(fields: Fields, path: readonly string[]): unknown {
  let value: unknown = fields
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Fields)[name]
  }
  return value
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

/** Numbers, and text that is one; anything else is NaN. */
function numberOf(value: unknown): number {
  const isText = typeof value === 'string' && value.length <= 64 && /^[-+]?[\d.]/.test(value)
  const number = typeof value === 'number' ? value : isText ? Number(value) : Number.NaN
  return Number.isFinite(number) ? number : Number.NaN
}

function textOf(value: unknown): string {
  if (!isPlain(value) || value === '') return noValue
  return String(value).slice(0, valueBytesMax)
}

function meets(value: unknown, op: FilterOperator, wanted: string | number | boolean | undefined): boolean {
  if (op === 'exists') return value !== undefined && value !== null
  if (op === '!=') return String(value) !== String(wanted)
  if (!isPlain(value)) return false
  if (op === '=') return String(value) === String(wanted)
  if (op === 'contains') return String(value).includes(String(wanted))
  const [a, b] = [numberOf(value), numberOf(wanted)]
  if (op === '>') return a > b
  if (op === '>=') return a >= b
  return op === '<' ? a < b : a <= b
}
