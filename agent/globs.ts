// Absolute globs as data: `*`, `?`, `[a-z]`, `{a,b}` and `**`, compiled once into a base directory to walk and
// a pattern to match. Pure: touches no file. Names that start with a dot match only a pattern that does.

export interface Glob {
  /** The deepest directory without a wildcard: where a walk starts and what a watcher watches. */
  readonly base: string
  /** How many directories below `base` a match may lie; Infinity under `**`. */
  readonly depth: number
  readonly matches: (path: string) => boolean
}

/** More alternatives than this in one pattern is a mistake, not a wish. */
const alternativesMax = 1_000

/** One pattern may become several: braces are spelled out before anything else. */
export function compileGlobs(pattern: string): Glob[] {
  return expandBraces(pattern).map(compileOne)
}

/** A pattern without a slash excludes by name anywhere; one with a slash, by whole path. */
export function compileExcludes(patterns: readonly string[]): (path: string) => boolean {
  const expressions = patterns.flatMap(pattern => {
    const expanded = expandBraces(pattern)
    return expanded.map(one => expressionOf(one.includes('/') ? one : `/**/${one}`))
  })
  return path => expressions.some(expression => expression.test(path))
}

function compileOne(pattern: string): Glob {
  const parts = pattern.split('/').slice(1)
  let literal = 0
  // The last part is a file's name even when nothing in it is wild.
  while (literal < parts.length - 1 && !isWild(parts[literal]!)) literal++
  const expression = expressionOf(pattern)
  return {
    base: `/${parts.slice(0, literal).map(unescapeLiteral).join('/')}`,
    depth: parts.includes('**') ? Number.POSITIVE_INFINITY : parts.length - literal - 1,
    matches: path => expression.test(path),
  }
}

function isWild(part: string): boolean {
  return /(^|[^\\])[*?[]/.test(part)
}

function unescapeLiteral(part: string): string {
  return part.replace(/\\(.)/g, '$1')
}

/** `/a/{b,c{d,e}}` → `/a/b`, `/a/cd`, `/a/ce`. An unclosed brace is an ordinary character. */
export function expandBraces(pattern: string): string[] {
  const open = findUnescaped(pattern, '{', 0)
  if (open < 0) return [pattern]
  let depth = 0
  const cuts = [open]
  for (let at = open; at < pattern.length; at++) {
    const character = pattern[at]
    if (character === '\\') at++
    else if (character === '{') depth++
    else if (character === ',' && depth === 1) cuts.push(at)
    else if (character === '}' && --depth === 0) {
      cuts.push(at)
      break
    }
  }
  if (depth !== 0) return [pattern]
  const before = pattern.slice(0, open)
  const after = expandBraces(pattern.slice(cuts.at(-1)! + 1))
  const expanded: string[] = []
  for (let index = 1; index < cuts.length; index++) {
    for (const middle of expandBraces(pattern.slice(cuts[index - 1]! + 1, cuts[index]))) {
      for (const rest of after) expanded.push(before + middle + rest)
    }
  }
  if (expanded.length > alternativesMax) {
    throw new RangeError(`Cannot expand "${pattern}": more than ${alternativesMax} alternatives`)
  }
  return expanded
}

function findUnescaped(text: string, wanted: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === wanted) return at
  }
  return -1
}

function expressionOf(pattern: string): RegExp {
  const parts = pattern.split('/').slice(1)
  let source = ''
  parts.forEach((part, index) => {
    const last = index === parts.length - 1
    if (part !== '**') source += `/${partSource(part)}`
    else source += last ? '(?:/[^/.][^/]*)+' : '(?:/[^/.][^/]*)*'
  })
  return new RegExp(`^${source}$`, 's')
}

function partSource(part: string): string {
  let source = /^[*?[]/.test(part) ? '(?!\\.)' : ''
  for (let at = 0; at < part.length; at++) {
    const character = part[at]!
    if (character === '*') source += '[^/]*'
    else if (character === '?') source += '[^/]'
    else if (character === '\\' && at + 1 < part.length) source += escapeLiteral(part[++at]!)
    else if (character === '[') {
      const close = part.indexOf(']', at + 2)
      if (close < 0) source += '\\['
      else {
        const set = part
          .slice(at + 1, close)
          .replace(/^!/, '^')
          .replaceAll('\\', '\\\\')
          .replaceAll('[', '\\[')
        source += `[${set}]`
        at = close
      }
    } else source += escapeLiteral(character)
  }
  return source
}

function escapeLiteral(character: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character
}
