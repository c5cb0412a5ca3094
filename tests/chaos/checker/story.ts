// Histories in words, for tests: `p1 ok send a@0 x:b`, `info poll c@2 rebalanced k`, `ok txn >a@0 <b@1`. Values are
// letters or numbers, keys are `k` unless said. Pure.
import type { Finding } from './finding.ts'
import type { Action, Completion, HistoryEvent, Read } from './history.ts'

interface Line {
  readonly process: number | null
  readonly type: Completion
  readonly f: string
  readonly items: readonly string[]
  readonly rebalanced: readonly string[]
}

/** Each line is complete before the next begins. */
export function oneAfterAnother(...lines: string[]): HistoryEvent[] {
  return lines.flatMap((line, at) => {
    const words = parse(line)
    return [...invocation(words, at, 2 * at), ...completion(words, at, 2 * at + 1)]
  })
}

/** All begin before any is complete; they complete in the order of the lines. */
export function allAtOnce(...lines: string[]): HistoryEvent[] {
  const parsed = lines.map(parse)
  return [
    ...parsed.flatMap((words, at) => invocation(words, at, at)),
    ...parsed.flatMap((words, at) => completion(words, at, lines.length + at)),
  ]
}

/** `rule key: values`, with the letters they were written with. */
export function inWords({ rule, key, values, offsets }: Finding): string {
  const at = rule === 'inconsistent-offsets' || rule === 'duplicate' ? ` at ${offsets.join(' ')}` : ''
  const letters = values.map(value => (value >= 1_000 ? String.fromCharCode(value - 1_000) : value))
  return `${rule} ${key}: ${letters.join(' ')}${at}`
}

function parse(line: string): Line {
  const words = line.split(' ')
  const process = /^p\d+$/.test(words[0]!) ? Number(words.shift()!.slice(1)) : null
  if (words[0] === 'crash' || words[0] === 'final') {
    return { process, type: 'info', f: words[0], items: [], rebalanced: [] }
  }
  const [type, f, ...rest] = words
  const split = rest.indexOf('rebalanced')
  const items = split < 0 ? rest : rest.slice(0, split)
  return {
    process,
    type: type as Completion,
    f: f!,
    items,
    rebalanced: split < 0 ? [] : rest.slice(split + 1),
  }
}

function invocation(line: Line, at: number, timeNs: number): HistoryEvent[] {
  const process = line.process ?? 100 + at
  const { f } = line
  if (f === 'crash' || f === 'final') return []
  if (f === 'assign' || f === 'subscribe') return [{ type: 'invoke', f, timeNs, process, keys: line.items }]
  const sends = actionsOf(line).filter(action => action.f === 'send')
  const actions = sends.map(action => ({ ...action, offset: null }))
  return [{ type: 'invoke', f: f as 'send', timeNs, process, actions }]
}

function completion(line: Line, at: number, timeNs: number): HistoryEvent[] {
  const process = line.process ?? 100 + at
  const { f, type, rebalanced } = line
  if (f === 'crash' || f === 'final') return [{ type: 'info', f, timeNs, process }]
  if (f === 'assign' || f === 'subscribe') return [{ type, f, timeNs, process, keys: line.items }]
  return [{ type, f: f as 'send', timeNs, process, actions: actionsOf(line), rebalanced }]
}

function actionsOf({ f, items }: Line): Action[] {
  const actions: Action[] = []
  const reads: Record<string, Read[]> = {}
  for (const item of items) {
    const [, sign, key = 'k', word, offset] = /^([<>]?)(?:(\w+):)?(\w+)(?:@(\d+))?$/.exec(item)!
    const value = /^\d+$/.test(word!) ? Number(word) : 1_000 + word!.charCodeAt(0)
    if (f === 'send' || sign === '>') {
      actions.push({ f: 'send', key, value, offset: offset === undefined ? null : Number(offset) })
    } else (reads[key] ??= []).push([Number(offset), value])
  }
  if (Object.keys(reads).length > 0) actions.push({ f: 'poll', reads })
  return actions
}
