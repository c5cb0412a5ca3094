// The scanner must agree with JSON.parse on what an object is, and on the wanted fields of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldKinds, fieldNumber, fieldSpans, fieldText, scanObject } from './json-scan.ts'

const spans = fieldSpans(['a', 'path', 'value'])

function scan(text: string): boolean {
  const bytes = Buffer.from(`"}${text}{"`)
  return scanObject(bytes, 2, bytes.length - 2, spans)
}

/** Whether JSON.parse takes the text for an object. */
function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

// biome-ignore format: a table
const texts = [
  '{}', ' { } ', '{"a":1}', '{"a":"x"}', '{"a":{"path":"/in"},"path":"/out"}', '{"a":[1,[2,{"b":null}],"]"]}',
  '{"a":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"}', '{"a":-0.5e+10,"value":1E3}', '{"a":true,"b":false,"c":null}',
  '{"a":1,"a":2}', '{"":0}', '\t{"a"\n:\r1 , "b" :2}\n',
  '', '{', '}', '{"a"}', '{"a":}', '{"a":1,}', '{,"a":1}', '{"a":1 "b":2}', '{"a":01}', '{"a":1.}', '{"a":.5}',
  '{"a":+1}', '{"a":1e}', '{"a":"x}', '{"a":"\\x"}', '{"a":"\\u12g4"}', '{"a":"\n"}', '{"a":tru}', '{"a":nul',
  '{"a":[1,]}', '{"a":[1}', '{"a":{"b":1]}', "{'a':1}", '{a:1}', '[1]', '1', 'null', '"a"',
  '{"a":1}{"b":2}', '{"a":1}x', '{"a":--1}', '{"a":-}', '{"a":NaN}', '{"a":Infinity}',
]

test('scanObject() accepts exactly what JSON.parse takes for an object', () => {
  for (const text of texts) assert.equal(scan(text), isObject(text), JSON.stringify(text))
})

test('scanObject() agrees with JSON.parse on two thousand mutations', () => {
  const good =
    '{"timestamp":"2026-11-24T08:00:00.123Z","a":"\\u00e9x","value":-1.5e3,"p":{"q":[1,true,null,"]"]}}'
  let seed = 3
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return (seed >>> 8) % below
  }
  let accepted = 0
  for (let round = 0; round < 2000; round++) {
    const characters = [...good]
    for (let change = 0; change <= random(3); change++) {
      characters[random(characters.length)] = '{}[]",:\\ 0e-.ut'[random(15)]!
    }
    const text = characters.join('')
    const verdict = scan(text)
    assert.equal(verdict, isObject(text), text)
    if (verdict) accepted++
  }
  assert.ok(accepted > 50, `only ${accepted} mutants were objects`)
})

test('fields are found at the top level only, the last of equal names winning', () => {
  const text = '{"a":{"path":"/in"},"path":"/first","value":12,"path":"/se\\u0063ond"}'
  const bytes = Buffer.from(text)
  assert.ok(scanObject(bytes, 0, bytes.length, spans))
  assert.equal(spans.kinds[0], fieldKinds.object)
  assert.equal(fieldText(bytes, spans, 1), '/second')
  assert.equal(fieldNumber(bytes, spans, 2), 12)
  assert.equal(fieldText(bytes, spans, 2), '')
  assert.equal(fieldNumber(bytes, spans, 1), Number.NaN)
})

test('fieldNumber() reads what Number reads', () => {
  for (const text of [
    '0',
    '-0',
    '42',
    '-17',
    '0.1',
    '1e3',
    '123456789012345',
    '1234567890123456789',
    '0.30000000000000004',
  ]) {
    const bytes = Buffer.from(`{"value":${text}}`)
    assert.ok(scanObject(bytes, 0, bytes.length, spans))
    assert.ok(Object.is(fieldNumber(bytes, spans, 2) + 0, Number(text) + 0), text)
  }
})

test('bytes that are not UTF-8 read as U+FFFD', () => {
  const bytes = Buffer.concat([Buffer.from('{"a":"x'), Buffer.from([0xff, 0xc3]), Buffer.from('"}')])
  assert.ok(scanObject(bytes, 0, bytes.length, spans))
  assert.equal(fieldText(bytes, spans, 0), 'x\ufffd\ufffd')
})

test('nesting beyond any real line is refused, not followed into a stack overflow', () => {
  assert.equal(scan(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`), false)
  assert.equal(scan(`{"a":${'['.repeat(40)}${']'.repeat(40)}}`), true)
})
