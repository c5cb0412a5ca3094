// A PromQL text as a tree of what is understood of it, by Prometheus's own grammar. What is not understood is refused
// by name, never read as something else. Pure.

import { parser } from '@prometheus-io/lezer-promql'
import { badData } from './promql-error.ts'
import { safeRegex, UnsafeRegexError } from './safe-regex.ts'

type SyntaxNode = ReturnType<typeof parser.parse>['topNode']

export interface Matcher {
  readonly name: string
  readonly operator: '=' | '!=' | '=~' | '!~'
  readonly value: string
  matches(text: string): boolean
}

export interface Selector {
  readonly type: 'selector'
  readonly matchers: readonly Matcher[]
  /** Null for the value at one moment. */
  readonly rangeMs: number | null
  readonly offsetMs: number
}

export type Expression =
  | Selector
  | { readonly type: 'number'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'negative'; readonly of: Expression }
  | { readonly type: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | Aggregation
  | Operation

export interface Aggregation {
  readonly type: 'aggregate'
  readonly operator: string
  readonly parameter: Expression | null
  readonly of: Expression
  readonly labels: readonly string[]
  readonly isWithout: boolean
}

export interface Operation {
  readonly type: 'operation'
  readonly operator: string
  readonly left: Expression
  readonly right: Expression
  readonly returnsBool: boolean
  /** Labels that decide which belong together; null for all of them. */
  readonly matching: { readonly isOn: boolean; readonly labels: readonly string[] } | null
}

const textMax = 10_000
const depthMax = 100
const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  y: 365 * 86_400_000,
}

/** `1h30m` or a number of seconds, in milliseconds; NaN when it is neither. */
export function durationMs(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000
  if (!/^(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$/.test(text) || text === '') return Number.NaN
  let ms = 0
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|[ywdhms])/g)) ms += Number(count) * unitMs[unit!]!
  return ms
}

export function parseExpression(text: string): Expression {
  if (text.length > textMax) throw badData(`the expression is longer than ${textMax} characters`)
  const tree = parser.parse(text)
  const root = tree.topNode.firstChild
  if (!root)
    throw badData('invalid parameter "query": unknown position: parse error: no expression found in input')
  tree.iterate({
    enter(node) {
      if (node.type.isError)
        throw badData(`invalid parameter "query": parse error at character ${node.from + 1}`)
    },
  })
  if (root.nextSibling)
    throw badData(`invalid parameter "query": parse error at character ${root.nextSibling.from + 1}`)
  return new Reader(text).read(root, 0)
}

class Reader {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  read(node: SyntaxNode, depth: number): Expression {
    if (depth > depthMax) throw badData('the expression is nested too deep')
    const inner = (child: SyntaxNode | null) => this.read(child!, depth + 1)
    switch (node.name) {
      case 'ParenExpr':
        return inner(children(node)[0] ?? null)
      case 'NumberDurationLiteral':
        return { type: 'number', value: numberOf(this.#textOf(node)) }
      case 'StringLiteral':
        return { type: 'string', value: this.#stringOf(node) }
      case 'UnaryExpr': {
        const of = inner(node.lastChild)
        if (this.#textOf(node.firstChild!) === '+') return of
        return of.type === 'number' ? { type: 'number', value: -of.value } : { type: 'negative', of }
      }
      case 'VectorSelector':
        return this.#selector(node)
      case 'MatrixSelector':
        return { ...this.#selector(node.firstChild!), rangeMs: this.#duration(node.lastChild!) }
      case 'OffsetExpr':
        return this.#shifted(node, inner(node.firstChild))
      case 'FunctionCall':
        return this.#call(node, depth)
      case 'AggregateExpr':
        return this.#aggregate(node, depth)
      case 'BinaryExpr':
        return this.#operation(node, depth)
      default:
        throw badData(`"${this.#textOf(node).slice(0, 60)}" (${node.name}) is not supported here`)
    }
  }

  #textOf(node: SyntaxNode): string {
    return this.#text.slice(node.from, node.to)
  }

  #duration(node: SyntaxNode): number {
    const text = this.#textOf(node).replaceAll(/^\[|\]$|\s/g, '')
    const sign = text.startsWith('-') ? -1 : 1
    const ms = durationMs(text.replace(/^[+-]/, ''))
    if (Number.isNaN(ms)) throw badData(`not a valid duration string: "${text.slice(0, 60)}"`)
    return sign * ms
  }

  #shifted(node: SyntaxNode, of: Expression): Expression {
    if (of.type !== 'selector') throw badData('offset modifier must be preceded by a selector')
    const isNegative = children(node).some(child => child.name === 'Sub')
    return { ...of, offsetMs: this.#duration(node.lastChild!) * (isNegative ? -1 : 1) }
  }

  #selector(node: SyntaxNode): Selector {
    const matchers: Matcher[] = []
    const named = (name: string) => matchers.push(matcherOf('__name__', '=', name))
    for (const child of children(node)) {
      if (child.name === 'Identifier') named(this.#textOf(child))
      else if (child.name === 'LabelMatchers') {
        for (const one of children(child)) {
          if (one.name === 'QuotedLabelName') named(this.#stringOf(one.firstChild!))
          else matchers.push(this.#matcher(one))
        }
      }
    }
    if (matchers.every(({ matches }) => matches(''))) {
      throw badData(
        'invalid parameter "query": parse error: vector selector must contain at least one non-empty matcher',
      )
    }
    return { type: 'selector', matchers, rangeMs: null, offsetMs: 0 }
  }

  #matcher(node: SyntaxNode): Matcher {
    const [name, operator, value] = children(node)
    const label = name!.name === 'QuotedLabelName' ? this.#stringOf(name!.firstChild!) : this.#textOf(name!)
    return matcherOf(label, this.#textOf(operator!) as Matcher['operator'], this.#stringOf(value!))
  }

  #stringOf(node: SyntaxNode): string {
    const text = this.#textOf(node)
    if (text.startsWith('`')) return text.slice(1, -1)
    const escapes: Readonly<Record<string, string>> = {
      n: '\n',
      t: '\t',
      r: '\r',
      '\\': '\\',
      '"': '"',
      "'": "'",
    }
    return text.slice(1, -1).replaceAll(/\\(u[\da-fA-F]{4}|x[\da-fA-F]{2}|.)/gs, (whole, code: string) => {
      if (code.length > 1) return String.fromCharCode(Number.parseInt(code.slice(1), 16))
      const plain = escapes[code]
      if (plain === undefined) throw badData(`unknown escape sequence ${whole}`)
      return plain
    })
  }

  #arguments(node: SyntaxNode | null, depth: number): Expression[] {
    return children(node).map(child => this.read(child, depth + 1))
  }

  #call(node: SyntaxNode, depth: number): Expression {
    const name = this.#textOf(node.firstChild!)
    return { type: 'call', name, args: this.#arguments(node.getChild('FunctionCallBody'), depth) }
  }

  #aggregate(node: SyntaxNode, depth: number): Aggregation {
    const args = this.#arguments(node.getChild('FunctionCallBody'), depth)
    const modifier = node.getChild('AggregateModifier')
    const operator = this.#textOf(node.getChild('AggregateOp')!)
    const of = args.at(-1)
    if (!of || args.length > 2)
      throw badData(`wrong number of arguments for aggregate expression ${operator}`)
    return {
      type: 'aggregate',
      operator,
      parameter: args.length === 2 ? args[0]! : null,
      of,
      labels: this.#labels(modifier),
      isWithout: modifier?.getChild('Without') != null,
    }
  }

  #labels(node: SyntaxNode | null): string[] {
    return children(node?.getChild('GroupingLabels') ?? null).map(child =>
      child.name === 'QuotedLabelName' ? this.#stringOf(child.firstChild!) : this.#textOf(child),
    )
  }

  #operation(node: SyntaxNode, depth: number): Expression {
    const parts = children(node)
    const modifier = node.getChild('MatchingModifierClause')
    if (modifier?.getChild('GroupLeft') || modifier?.getChild('GroupRight')) {
      throw badData('group_left and group_right are not supported here')
    }
    const operator = this.#textOf(parts[1]!)
    const left = this.read(parts[0]!, depth + 1)
    // The grammar takes a sign for part of the number; a power binds more strongly than it.
    if (operator === '^' && left.type === 'number' && this.#textOf(parts[0]!).startsWith('-')) {
      const right = this.read(parts.at(-1)!, depth + 1)
      const positive = { type: 'number', value: -left.value } as const
      const plain = { type: 'operation', operator, returnsBool: false, matching: null } as const
      return { type: 'negative', of: { ...plain, left: positive, right } }
    }
    return {
      type: 'operation',
      operator,
      left,
      right: this.read(parts.at(-1)!, depth + 1),
      returnsBool: node.getChild('BoolModifier') !== null,
      matching: modifier && { isOn: modifier.getChild('On') !== null, labels: this.#labels(modifier) },
    }
  }
}

export function matcherOf(name: string, operator: Matcher['operator'], value: string): Matcher {
  if (operator === '=') return { name, operator, value, matches: text => text === value }
  if (operator === '!=') return { name, operator, value, matches: text => text !== value }
  try {
    const test = safeRegex(value)
    return { name, operator, value, matches: operator === '=~' ? test : text => !test(text) }
  } catch (error) {
    if (!(error instanceof UnsafeRegexError)) throw error
    throw badData(`error parsing regexp: ${error.message}: \`${value.slice(0, 60)}\``)
  }
}

function numberOf(text: string): number {
  const lower = text.toLowerCase()
  if (/^[+-]?inf$/.test(lower))
    return lower.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  if (lower === 'nan') return Number.NaN
  const value = Number(text)
  if (!Number.isNaN(value)) return value
  const ms = durationMs(text)
  if (Number.isNaN(ms)) throw badData(`not a number: "${text.slice(0, 60)}"`)
  return ms / 1000
}

function children(node: SyntaxNode | null): SyntaxNode[] {
  const found: SyntaxNode[] = []
  for (let child = node?.firstChild ?? null; child; child = child.nextSibling) {
    if (child.name !== 'LineComment') found.push(child)
  }
  return found
}
