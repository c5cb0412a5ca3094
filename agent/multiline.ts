// Which lines are one record: a stack trace belongs to the message before it. A rule says which line begins a record,
// or which one goes on with it; presets know the traces of six languages. Pure: a question per line.
import type { MultilineRule } from './line-rules.ts'
import { compilePattern, matches } from './patterns.ts'

export const multilineBytesMax = 131_072
const defaultBytes = 65_536
const defaultLines = 500
const defaultIdleMs = 1_000
/** So much of a line decides whether it goes on with a record. */
const looksAtBytes = 512

/** Lines that go on with a record; indented and blank ones do in all of them: traces have them in the middle. */
const presets: Readonly<Record<NonNullable<MultilineRule['preset']>, readonly string[]>> = {
  java: [
    '^Caused by: ',
    '^Suppressed: ',
    String.raw`^([A-Za-z_$][A-Za-z0-9_$]*\.)+[A-Za-z0-9_$]*(Exception|Error|Throwable)(:|$)`,
  ],
  python: [
    String.raw`^Traceback \(most recent call last\):`,
    '^During handling of ',
    '^The above exception was ',
    String.raw`^([A-Za-z_][A-Za-z0-9_]*\.)*[A-Za-z_][A-Za-z0-9_]*(Error|Exception|Warning|Exit|Interrupt)(:|$)`,
  ],
  go: [
    String.raw`^goroutine [0-9]+ \[`,
    String.raw`^[A-Za-z0-9_./*()\-]+\(.*\)$`,
    '^created by ',
    String.raw`^\[signal `,
    '^exit status ',
  ],
  node: [
    String.raw`^\}`,
    String.raw`^([A-Z][A-Za-z]*)?Error(:| \[|$)`,
    String.raw`^Node\.js v`,
    String.raw`^\[cause\]`,
  ],
  dotnet: ['^--- ', String.raw`^([A-Za-z_][A-Za-z0-9_]*\.)+[A-Za-z0-9_]*Exception(:|$)`],
  php: ['^Stack trace:', '^#[0-9]+ ', '^PHP Stack trace:', String.raw`^PHP +[0-9]+\. `, '^Next '],
}

function presetPattern(preset: NonNullable<MultilineRule['preset']>): string {
  return ['^$', '^[\\t ]', ...presets[preset]].join('|')
}

export const multilinePresets = Object.keys(presets) as readonly NonNullable<MultilineRule['preset']>[]

export class Multiline {
  readonly maxBytes: number
  readonly maxLines: number
  readonly idleMs: number
  readonly #pattern: RegExp
  readonly #isStart: boolean

  constructor(rule: MultilineRule) {
    this.maxBytes = Math.min(rule.maxBytes ?? defaultBytes, multilineBytesMax)
    this.maxLines = rule.maxLines ?? defaultLines
    this.idleMs = rule.idleMs ?? defaultIdleMs
    this.#isStart = rule.start !== undefined
    this.#pattern = compilePattern(rule.start ?? rule.continuation ?? presetPattern(rule.preset ?? 'java'))
  }

  /** Whether this line, without its end, goes on with the record before it. */
  continues(bytes: Buffer, start: number, end: number): boolean {
    const text = bytes.toString('latin1', start, Math.min(end, start + looksAtBytes))
    return matches(this.#pattern, text) !== this.#isStart
  }
}

/** Why this rule is none, or null. */
export function multilineFault(rule: MultilineRule): string | null {
  const given = [rule.preset, rule.start, rule.continuation].filter(one => one !== undefined).length
  return given === 1 ? null : 'write one of preset, start or continuation'
}
