// Who is the visitor of a line, as tables over the byte scans.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LineFormat } from './formats/detect.ts'
import { hashKeyOf, keyLength, keyRule, writeBlockKey, writeVisitorKey } from './key.ts'

const seed = hashKeyOf('seed')

function keyOf(format: LineFormat, line: string, field: string | null = null): string | null {
  const rule = keyRule(format, seed, field)
  const output = Buffer.alloc(keyLength)
  const bytes = Buffer.from(`before${line}after`)
  const end = bytes.length - 5
  return writeVisitorKey(rule, bytes, 6, end, output) ? output.toString('latin1') : null
}

const agent = 'Mozilla/5.0 (X11)'
const combined = (address: string, rest: string) =>
  `${address} - - [24/Nov/2026:08:00:00 +0000] "GET / HTTP/1.1" 200 5 ${rest}`

test('a visitor of an access log is address and user agent, whatever else the line says', () => {
  const key = keyOf('combined', combined('203.0.113.7', `"-" "${agent}"`))
  assert.match(key!, /^[0-9a-f]{16}$/)
  assert.equal(keyOf('combined', combined('203.0.113.7', `"https://a.example/" "${agent}" 0.042`)), key)
  assert.equal(keyOf('combined', combined('203.0.113.7', `"-" "${agent}" "10.0.0.1"`)), key)
  assert.notEqual(keyOf('combined', combined('203.0.113.8', `"-" "${agent}"`)), key)
  assert.notEqual(keyOf('combined', combined('203.0.113.7', `"-" "${agent}x"`)), key)
})

test('an escaped quote does not end a field', () => {
  const key = keyOf('combined', combined('::1', `"a\\"b" "${agent}"`))
  assert.equal(key, keyOf('combined', combined('::1', `"-" "${agent}"`)))
})

test('a line that is no access line names no visitor; one without a user agent is its address', () => {
  assert.equal(keyOf('combined', 'starting up'), null)
  assert.equal(keyOf('combined', ''), null)
  assert.equal(keyOf('combined', 'nospace'), null)
  assert.notEqual(keyOf('combined', combined('203.0.113.7', '')), null)
})

test('a JSON field is found at the outermost level only', () => {
  const key = keyOf('json', '{"anonymousId":"u1"}', 'anonymousId')
  assert.notEqual(key, null)
  assert.equal(
    keyOf('json', '{ "a":{"anonymousId":"u2"}, "b":["x","}"], "anonymousId" : "u1" }', 'anonymousId'),
    key,
  )
  assert.equal(keyOf('json', '{"x":"anonymousId","anonymousId":"u1"}', 'anonymousId'), key)
  assert.notEqual(keyOf('json', '{"anonymousId":17}', 'anonymousId'), null)
})

test('JSON without the field, with null, empty or broken, names no visitor', () => {
  for (const line of [
    '{"a":1}',
    '{"anonymousId":null}',
    '{"anonymousId":""}',
    '{"anonymousId":"u',
    '{"anonymousId"',
    'text',
    '{"a":{"anonymousId":"u2"}}',
  ]) {
    assert.equal(keyOf('json', line, 'anonymousId'), null, line)
  }
  assert.equal(keyOf('json', '{"anonymousId":"u1"}'), null)
})

test('a block key changes with the file and once a MiB', () => {
  const rule = keyRule('raw', seed, null)
  const at = (fileId: string, position: number) => {
    const output = Buffer.alloc(keyLength)
    writeBlockKey(rule, fileId, position, output)
    return output.toString('latin1')
  }
  assert.equal(at('f', 0), at('f', 1_048_575))
  assert.notEqual(at('f', 0), at('f', 1_048_576))
  assert.notEqual(at('f', 0), at('g', 0))
})

test('another seed gives other keys', () => {
  const output = Buffer.alloc(keyLength)
  const line = Buffer.from(combined('203.0.113.7', `"-" "${agent}"`))
  writeVisitorKey(keyRule('combined', hashKeyOf('other'), null), line, 0, line.length, output)
  assert.notEqual(output.toString('latin1'), keyOf('combined', combined('203.0.113.7', `"-" "${agent}"`)))
})
