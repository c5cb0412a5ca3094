// The regular expressions of label matchers, as RE2 has them in all that matters here: alternatives, groups, classes,
// repetition, anchored at both ends. Matched by stepping through all states at once, so the time is bounded by text
// times pattern, whatever the pattern. No back references, no look-around: those are refused by name. Pure.

type Node =
  | { readonly type: 'set'; readonly has: (code: number) => boolean }
  | { readonly type: 'all'; readonly nodes: readonly Node[] }
  | { readonly type: 'any'; readonly nodes: readonly Node[] }
  | { readonly type: 'repeat'; readonly node: Node; readonly min: number; readonly max: number }

/** A step takes a character, or splits into two. */
type Instruction = { readonly has: (code: number) => boolean } | { first: number; second: number } | null

const instructionsMax = 5000
const repeatMax = 1000

export class UnsafeRegexError extends Error {
  override readonly name = 'UnsafeRegexError'
}

/** A test whether the whole of a text matches. */
export function safeRegex(pattern: string): (text: string) => boolean {
  if (/^[\w ./:=@%~,;<>#&!'"-]*(\|[\w ./:=@%~,;<>#&!'"-]*)*$/.test(pattern) && !pattern.includes('.')) {
    const literals = new Set(pattern.split('|'))
    return text => literals.has(text)
  }
  const program: Instruction[] = []
  emit(program, new Parser(pattern).parse())
  program.push(null)
  return text => matches(program, text)
}

function emit(program: Instruction[], node: Node): void {
  if (program.length > instructionsMax) throw new UnsafeRegexError('the expression is too large')
  if (node.type === 'set') {
    program.push({ has: node.has })
  } else if (node.type === 'all') {
    for (const part of node.nodes) emit(program, part)
  } else if (node.type === 'any') {
    const ends: { first: number; second: number }[] = []
    for (const [at, part] of node.nodes.entries()) {
      const split = { first: program.length + 1, second: -1 }
      const isLast = at === node.nodes.length - 1
      if (!isLast) program.push(split)
      emit(program, part)
      if (isLast) break
      const jump = { first: -1, second: -1 }
      program.push(jump)
      ends.push(jump)
      split.second = program.length
    }
    for (const jump of ends) jump.first = program.length
  } else if (node.type === 'repeat') emitRepeat(program, node)
}

function emitRepeat(
  program: Instruction[],
  { node, min, max }: { readonly node: Node; readonly min: number; readonly max: number },
): void {
  for (let times = 0; times < min; times++) emit(program, node)
  if (max === Number.POSITIVE_INFINITY) {
    const start = program.length
    const split = { first: start + 1, second: -1 }
    program.push(split)
    emit(program, node)
    program.push({ first: start, second: -1 })
    split.second = program.length
    return
  }
  const splits: { first: number; second: number }[] = []
  for (let times = min; times < max; times++) {
    const split = { first: program.length + 1, second: -1 }
    program.push(split)
    splits.push(split)
    emit(program, node)
  }
  for (const split of splits) split.second = program.length
}

function matches(program: readonly Instruction[], text: string): boolean {
  let current = new Set<number>()
  follow(program, 0, current)
  for (const character of text) {
    const code = character.codePointAt(0)!
    const next = new Set<number>()
    for (const at of current) {
      const instruction = program[at]
      if (instruction && 'has' in instruction && instruction.has(code)) follow(program, at + 1, next)
    }
    if (next.size === 0) return false
    current = next
  }
  return current.has(program.length - 1)
}

/** Every instruction that is reached without taking a character. */
function follow(program: readonly Instruction[], from: number, reached: Set<number>): void {
  const left = [from]
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    if (reached.has(at)) continue
    reached.add(at)
    const instruction = program[at]
    if (instruction && 'first' in instruction) {
      if (instruction.second >= 0) left.push(instruction.second)
      left.push(instruction.first)
    }
  }
}

const classes: Readonly<Record<string, (code: number) => boolean>> = {
  d: code => code >= 48 && code <= 57,
  w: code =>
    (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95,
  s: code => code === 32 || (code >= 9 && code <= 13 && code !== 11),
}
const controls: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, f: 12, v: 11, a: 7 }

class Parser {
  readonly #characters: readonly string[]
  #at = 0
  #depth = 0

  constructor(pattern: string) {
    this.#characters = [...pattern]
  }

  parse(): Node {
    const node = this.#alternatives()
    if (this.#at < this.#characters.length) throw new UnsafeRegexError('unexpected )')
    return node
  }

  get #next(): string | undefined {
    return this.#characters[this.#at]
  }

  #alternatives(): Node {
    if (++this.#depth > 50) throw new UnsafeRegexError('groups are nested too deep')
    const nodes = [this.#sequence()]
    while (this.#next === '|') {
      this.#at++
      nodes.push(this.#sequence())
    }
    this.#depth--
    return nodes.length === 1 ? nodes[0]! : { type: 'any', nodes }
  }

  #sequence(): Node {
    const nodes: Node[] = []
    while (this.#next !== undefined && this.#next !== '|' && this.#next !== ')') {
      const atom = this.#atom()
      if (atom) nodes.push(this.#repeated(atom))
    }
    return { type: 'all', nodes }
  }

  #repeated(node: Node): Node {
    const [min, max] = this.#counts()
    if (max < 0) return node
    if (this.#next === '?') this.#at++
    if (['*', '+', '?', '{'].includes(this.#next ?? ''))
      throw new UnsafeRegexError('invalid nested repetition')
    return { type: 'repeat', node, min, max }
  }

  /** How often; a greatest of -1 for once, without a mark. */
  #counts(): readonly [number, number] {
    const mark = this.#next
    if (mark === '*' || mark === '+' || mark === '?') {
      this.#at++
      return mark === '*'
        ? [0, Number.POSITIVE_INFINITY]
        : mark === '+'
          ? [1, Number.POSITIVE_INFINITY]
          : [0, 1]
    }
    const match = /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(this.#characters.slice(this.#at, this.#at + 12).join(''))
    if (!match) return [0, -1]
    this.#at += match[0].length
    const min = Number(match[1])
    const max = match[2] === undefined ? min : match[3] === '' ? Number.POSITIVE_INFINITY : Number(match[3])
    if (min > repeatMax || (Number.isFinite(max) && max > repeatMax) || max < min) {
      throw new UnsafeRegexError('invalid repeat count')
    }
    return [min, max]
  }

  #atom(): Node | null {
    const character = this.#characters[this.#at++]!
    if (character === '(') return this.#group()
    if (character === '[') return { type: 'set', has: this.#class() }
    if (character === '.') return { type: 'set', has: code => code !== 10 }
    // The whole text has to match anyway.
    if (character === '^' || character === '$') return null
    if (character === '*' || character === '+' || character === '?') {
      throw new UnsafeRegexError(`missing argument to repetition operator: ${character}`)
    }
    if (character === '\\') return { type: 'set', has: this.#escape() }
    const wanted = character.codePointAt(0)
    return { type: 'set', has: code => code === wanted }
  }

  #group(): Node {
    if (this.#next === '?') {
      if (this.#characters[this.#at + 1] !== ':')
        throw new UnsafeRegexError('only (…) and (?:…) are taken as groups')
      this.#at += 2
    }
    const node = this.#alternatives()
    if (this.#next !== ')') throw new UnsafeRegexError('missing closing )')
    this.#at++
    return node
  }

  #escape(): (code: number) => boolean {
    const character = this.#characters[this.#at++]
    if (character === undefined) throw new UnsafeRegexError('trailing backslash at end of expression')
    const lower = classes[character.toLowerCase()]
    if (lower) return character === character.toLowerCase() ? lower : code => !lower(code)
    const control = controls[character]
    if (control === undefined && /[A-Za-z0-9]/.test(character)) {
      throw new UnsafeRegexError(`invalid escape sequence: \\${character}`)
    }
    const wanted = control ?? character.codePointAt(0)
    return code => code === wanted
  }

  #class(): (code: number) => boolean {
    const isNegated = this.#next === '^'
    if (isNegated) this.#at++
    const parts: ((code: number) => boolean)[] = []
    for (let isFirst = true; ; isFirst = false) {
      const character = this.#characters[this.#at++]
      if (character === undefined) throw new UnsafeRegexError('missing closing ]')
      if (character === ']' && !isFirst) break
      if (character === '\\') {
        parts.push(this.#escape())
        continue
      }
      const from = character.codePointAt(0)!
      const isRange = this.#next === '-' && this.#characters[this.#at + 1] !== ']'
      if (isRange) this.#at++
      const to = isRange ? (this.#characters[this.#at++]?.codePointAt(0) ?? from) : from
      parts.push(code => code >= from && code <= to)
    }
    return code => parts.some(part => part(code)) !== isNegated
  }
}
