// The filters of the general query: and, or, not, and comparisons of a dimension with values. Globs instead of regular
// expressions, matched in time that grows with the text and not with its tricks. Pure.
import type { DimensionName } from '../windows/catalogue.ts'
import { ProblemError } from './problem.ts'
import { dimensionNamed } from './question.ts'

export type Condition =
  | readonly ['and' | 'or', readonly Condition[]]
  | readonly ['not', Condition]
  | readonly [Operator, string, readonly string[]]

export const operators = ['is', 'is_not', 'contains', 'contains_not', 'matches', 'matches_not'] as const
export type Operator = (typeof operators)[number]

export type Labels = Readonly<Record<string, string>>

const conditionsMax = 100
const depthMax = 10

export interface Compiled {
  readonly dimensions: readonly DimensionName[]
  test(labels: Labels): boolean
}

/** All of them must hold. */
export function compileConditions(conditions: readonly Condition[]): Compiled {
  const dimensions = new Set<DimensionName>()
  let count = 0
  const compile = (condition: Condition, depth: number): ((labels: Labels) => boolean) => {
    if (++count > conditionsMax || depth > depthMax) {
      const detail = `At most ${conditionsMax} conditions, nested ${depthMax} deep, are taken.`
      throw new ProblemError(400, 'too-many-filters', 'Too many filters', detail)
    }
    if (condition.length === 2) {
      if (condition[0] === 'not') {
        const inner = compile(condition[1], depth + 1)
        return labels => !inner(labels)
      }
      const parts = condition[1].map(part => compile(part, depth + 1))
      const isAnd = condition[0] === 'and'
      return labels => (isAnd ? parts.every(part => part(labels)) : parts.some(part => part(labels)))
    }
    const [operator, name, values] = condition
    const dimension = dimensionNamed(name)
    dimensions.add(dimension)
    const compare = comparison(operator, values)
    return labels => compare(labels[dimension] ?? '')
  }
  const test = compile(['and', conditions], 0)
  return { dimensions: [...dimensions], test }
}

function comparison(operator: Operator, values: readonly string[]): (value: string) => boolean {
  const known = new Set(values)
  switch (operator) {
    case 'is':
      return value => known.has(value)
    case 'is_not':
      return value => !known.has(value)
    case 'contains':
      return value => values.some(text => value.includes(text))
    case 'contains_not':
      return value => !values.some(text => value.includes(text))
    case 'matches':
      return value => values.some(glob => globMatches(glob, value))
    case 'matches_not':
      return value => !values.some(glob => globMatches(glob, value))
  }
}

/** `*` stands for any text, `?` for one character; the whole value must match. */
export function globMatches(glob: string, value: string): boolean {
  let at = 0
  let inGlob = 0
  // Where to go on after the last star, should what follows it not fit here: only the last one ever matters.
  let afterStar = -1
  let retryAt = 0
  while (at < value.length) {
    const wanted = glob[inGlob]
    if (wanted === '*') {
      afterStar = ++inGlob
      retryAt = at
    } else if (wanted !== undefined && (wanted === '?' || wanted === value[at])) {
      inGlob++
      at++
    } else if (afterStar >= 0) {
      inGlob = afterStar
      at = ++retryAt
    } else return false
  }
  while (glob[inGlob] === '*') inGlob++
  return inGlob === glob.length
}
