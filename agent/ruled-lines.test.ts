// However the bytes of a file arrive, the records are the same: what waits is looked at again from where its record
// begins, and only at the very end does anything else than the bytes decide.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LineRules } from './line-rules.ts'
import { RuledLines } from './ruled-lines.ts'

let seed = 23
function random(below: number): number {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
  return (seed >>> 8) % below
}

/** Reads a file as the agent does, `see` saying how much of it is there at each look. */
function recordsOf(
  file: Buffer,
  rules: LineRules,
  encoding: string | null,
  see: (at: number) => number,
): string[] {
  const lines = new RuledLines(rules, encoding, 'src', 'secret')
  const found: string[] = []
  let at = 0
  for (let looks = 0; at < file.length; looks++) {
    assert(looks < 10_000, 'reading does not come to an end')
    const end = Math.min(see(at), file.length)
    const isFinal = end === file.length
    // Other bytes around: a reader that runs over an edge shows.
    const chunk = Buffer.concat([Buffer.from('\n#x\n'), file.subarray(at, end), Buffer.from('\n#y\n')])
    const taken = lines.cut(
      chunk,
      4,
      chunk.length - 4,
      at,
      isFinal,
      (bytes, from, to, position) => {
        found.push(`${position}:${bytes.toString('utf8', from, to)}`)
      },
      loss => found.push(`${loss.from}-${loss.to} ${loss.reason}`),
    )
    if (isFinal) break
    at += taken
  }
  return found
}

const pieces = [
  '#',
  ' ',
  '\n',
  '\n#',
  '\n ',
  '\r\n',
  'é',
  '\u0a0a',
  'x'.repeat(40),
  '\n\n',
  'a@b.cc',
  '\0',
  '€',
]

const rulesToTry: readonly LineRules[] = [
  {},
  { maxLineBytes: 30 },
  { maxLineBytes: 30, onLongLine: 'drop', redact: { emails: true } },
  { multiline: { start: '^#' } },
  { multiline: { start: '^#', maxLines: 3, maxBytes: 90 } },
  { multiline: { continuation: '^ ', maxBytes: 64 }, redact: { emails: true }, maxLineBytes: 50 },
]

for (const encoding of [null, 'utf-16le', 'utf-16be'] as const) {
  test(`the same records whether a file is seen at once or by and by (${encoding ?? 'utf-8'})`, () => {
    let records = 0
    for (let round = 0; round < 120; round++) {
      const text = `${Array.from({ length: 5 + random(40) }, () => pieces[random(pieces.length)]!).join('')}\n`
      const bytes = Buffer.from(text, encoding === null ? 'utf8' : 'utf16le')
      const file = encoding === 'utf-16be' ? bytes.swap16() : bytes
      for (const rules of rulesToTry) {
        const whole = recordsOf(file, rules, encoding, () => file.length)
        records += whole.length
        let seen = 0
        const slowly = recordsOf(file, rules, encoding, at => {
          seen = Math.max(seen, at) + 1 + random(25)
          return seen
        })
        assert.deepEqual(slowly, whole, `${JSON.stringify(rules)} of ${JSON.stringify(text)}`)
      }
    }
    assert(records > 2_000, `${records} records`)
  })
}
