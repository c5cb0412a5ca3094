// Arithmetic, comparison and set operations between scalars and vectors, one to one by their labels. Pure.
import type { Sample, Value } from './evaluate.ts'
import type { Operation } from './expression.ts'
import type { LabelSet } from './labels.ts'
import { badData, execution } from './promql-error.ts'

const arithmetic: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '^': (a, b) => a ** b,
}

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '>': (a, b) => a > b,
  '<': (a, b) => a < b,
  '>=': (a, b) => a >= b,
  '<=': (a, b) => a <= b,
}

const setOperators = ['and', 'or', 'unless']

export function operate(operation: Operation, left: Value, right: Value): Value {
  const { operator, returnsBool } = operation
  if (setOperators.includes(operator)) {
    if (left.type !== 'vector' || right.type !== 'vector') {
      throw badData(`set operator "${operator}" not allowed in binary scalar expression`)
    }
    return { type: 'vector', samples: sets(operation, left.samples, right.samples) }
  }
  if (left.type === 'string' || right.type === 'string') {
    throw badData('binary expression must contain only scalar and instant vector types')
  }
  if (left.type === 'scalar' && right.type === 'scalar') {
    if (operator in comparisons && !returnsBool)
      throw badData('comparisons between scalars must use BOOL modifier')
    return { type: 'scalar', value: outcome(operation, left.value, right.value, 0)! }
  }
  if (left.type === 'vector' && right.type === 'vector') {
    return { type: 'vector', samples: vectors(operation, left.samples, right.samples) }
  }
  const vector = left.type === 'vector' ? left.samples : (right as { samples: readonly Sample[] }).samples
  const samples: Sample[] = []
  for (const sample of vector) {
    const [a, b] =
      left.type === 'scalar' ? [left.value, sample.value] : [sample.value, (right as { value: number }).value]
    const value = outcome(operation, a, b, sample.value)
    if (value !== null) samples.push({ labels: named(operation, sample.labels), value })
  }
  return { type: 'vector', samples }
}

/** The result of one pair; null where a comparison filters it out, `kept` where it lets it pass. */
function outcome({ operator, returnsBool }: Operation, a: number, b: number, kept: number): number | null {
  const compute = arithmetic[operator]
  if (compute) return compute(a, b)
  const compare = comparisons[operator]
  if (!compare) throw badData(`the operator ${operator} is not supported here`)
  const holds = compare(a, b)
  if (returnsBool) return holds ? 1 : 0
  return holds ? kept : null
}

/** A value that was computed is no longer the metric's. */
function named({ operator, returnsBool }: Operation, labels: LabelSet): LabelSet {
  return operator in arithmetic || returnsBool ? labels.unnamed : labels
}

function keyOf({ matching }: Operation, labels: LabelSet): string {
  if (!matching) return labels.unnamed.key
  return matching.isOn
    ? labels.only(matching.labels).key
    : labels.without([...matching.labels, '__name__']).key
}

function vectors(operation: Operation, left: readonly Sample[], right: readonly Sample[]): Sample[] {
  const theirs = new Map<string, Sample>()
  for (const sample of right) {
    const key = keyOf(operation, sample.labels)
    if (theirs.has(key)) {
      const advice = 'many-to-many matching not allowed: matching labels must be unique on one side'
      throw execution(
        `found duplicate series for the match group on the right hand-side of the operation; ${advice}`,
      )
    }
    theirs.set(key, sample)
  }
  const samples: Sample[] = []
  const seen = new Set<string>()
  for (const sample of left) {
    const key = keyOf(operation, sample.labels)
    const other = theirs.get(key)
    if (!other) continue
    const value = outcome(operation, sample.value, other.value, sample.value)
    if (value === null) continue
    if (seen.has(key)) {
      throw execution(
        'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)',
      )
    }
    seen.add(key)
    samples.push({ labels: resultLabels(operation, sample.labels), value })
  }
  return samples
}

function resultLabels(operation: Operation, labels: LabelSet): LabelSet {
  const { matching } = operation
  const result = named(operation, labels)
  if (!matching) return result
  return matching.isOn ? result.only(matching.labels) : result.without(matching.labels)
}

function sets(operation: Operation, left: readonly Sample[], right: readonly Sample[]): Sample[] {
  const keys = (samples: readonly Sample[]) => new Set(samples.map(sample => keyOf(operation, sample.labels)))
  if (operation.operator === 'or') {
    const mine = keys(left)
    return [...left, ...right.filter(sample => !mine.has(keyOf(operation, sample.labels)))]
  }
  const theirs = keys(right)
  const isAnd = operation.operator === 'and'
  return left.filter(sample => theirs.has(keyOf(operation, sample.labels)) === isAnd)
}
