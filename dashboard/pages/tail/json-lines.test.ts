// Pretty JSON is the text that was sent, with line breaks: put together again it is the same, digit for digit.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type JsonLine, jsonLines } from './json-lines.ts'

const textOf = (lines: readonly JsonLine[] | null) =>
  (lines ?? [])
    .map(({ depth, pieces }) => '  '.repeat(depth) + pieces.map(({ text }) => text).join(''))
    .join('\n')

test('what JSON.stringify would indent is indented the same', () => {
  for (const value of [
    { a: 1, b: [true, null, 'x"y\\'], c: { d: {}, e: [], f: [[1], [{ g: -1.5 }]] } },
    [],
    {},
    [1, [2, [3]]],
    { '': '', 'a.b': 'ünï\u202e' },
  ]) {
    assert.equal(textOf(jsonLines(JSON.stringify(value))), JSON.stringify(value, null, 2))
    assert.equal(textOf(jsonLines(JSON.stringify(value, null, 4))), JSON.stringify(value, null, 2))
  }
})

test('integers beyond 2^53, spellings of numbers, escapes and keys that stand twice stay as they are', () => {
  const text = '{"id":9223372036854775807,"n":1.0,"e":1E+400,"id":0.10,"s":"\\u0041\\/"}'
  const lines = jsonLines(text)
  assert.equal(
    lines
      ?.flatMap(({ pieces }) => pieces.map(piece => piece.text))
      .join('')
      .replaceAll(': ', ':'),
    text,
  )
  assert.deepEqual([lines?.[1]?.path, lines?.[1]?.value], ['id', '9223372036854775807'])
  assert.equal(lines?.[5]?.value, 'A/')
})

test('names of nested values are joined by dots', () => {
  const lines = jsonLines('{"user":{"tags":["a",{"b":null}]}}') ?? []
  assert.deepEqual(
    lines.flatMap(({ path, value }) => (value === undefined ? [] : [[path, value]])),
    [
      ['user.tags.0', 'a'],
      ['user.tags.1.b', 'null'],
    ],
  )
})

test('what is no JSON is left alone, however long or deep', () => {
  for (const text of [
    ...['', 'hello', '12', '"x"', '{', '{"a":}', '{"a":1,}', '[1 2]', '{"a":1} x', '{a:1}', '[01]', '["\n"]'],
    '['.repeat(100_000),
    `[${'1,'.repeat(5_000)}1]`,
  ]) {
    assert.equal(jsonLines(text), null, text.slice(0, 20))
  }
})
