// Hostile lines, and what is left to see of them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cutAt, markedPieces, piecesOf } from './visible-text.ts'

function shown(line: string, filter = ''): string {
  return piecesOf(line, filter, 10_000)
    .map(({ kind, text }) => (kind === 'text' ? text : kind === 'match' ? `«${text}»` : `‹${text}›`))
    .join('')
}

test('ordinary text, tabs, emoji and right-to-left scripts stay as they are', () => {
  for (const line of ['GET /a 200', 'a\tb', '🛒 done', 'שלום עולם', 'größe', ''])
    assert.equal(shown(line), line)
})

test('markup is text like any other', () => {
  assert.deepEqual(piecesOf('<script>alert(1)</script>', '', 100), [
    { kind: 'text', text: '<script>alert(1)</script>' },
  ])
})

test('control characters show as their names, so an ANSI sequence is seen and not obeyed', () => {
  assert.equal(shown('\u001b[31mred\u001b[0m\u0000\u007f\r'), '‹ESC›[31mred‹ESC›[0m‹NUL›‹DEL›‹CR›')
})

test('bidi overrides, zero-width characters, separators and tags are spelled out', () => {
  assert.equal(shown('user\u202etxt.exe'), 'user‹U+202E›txt.exe')
  assert.equal(
    shown('a\u200bb\u2066c\u2028d\ufeff\u{e0041}'),
    'a‹U+200B›b‹U+2066›c‹U+2028›d‹U+FEFF›‹U+E0041›',
  )
  assert.equal(shown('\u0085\u009b'), '‹U+0085›‹U+009B›')
})

test('half a surrogate pair is spelled out', () => {
  assert.equal(shown('a\ud83dz'), 'a‹U+D83D›z')
})

test('the filter is marked wherever it occurs, without regard to case, around hidden characters too', () => {
  assert.equal(shown('GET /Cart /cart', 'cart'), 'GET /«Cart» /«cart»')
  assert.equal(shown('x\u001bERR', 'err'), 'x‹ESC›«ERR»')
  assert.equal(shown('İstanbul cart', 'cart'), 'İstanbul «cart»')
  assert.equal(shown('aaa', 'aa'), '«aa»a')
})

test('cutAt() never leaves half a character', () => {
  assert.equal(cutAt('ab🛒cd', 3), 'ab')
  assert.equal(cutAt('ab🛒cd', 4), 'ab🛒')
  assert.equal(cutAt('abc', 3), 'abc')
})

test('several terms are marked apart, each by its place; the first wins where two meet', () => {
  const marked = (line: string, ...terms: string[]) =>
    markedPieces(line, terms, 100).map(({ text, term }) => (term === undefined ? text : `[${term} ${text}]`))
  assert.deepEqual(marked('GET /a 500', 'get', '500'), ['[0 GET]', ' /a ', '[1 500]'])
  assert.deepEqual(marked('abcabc', 'ab', 'bc'), ['[0 ab]', 'c', '[0 ab]', 'c'])
  assert.deepEqual(marked('nothing', '', 'zzz'), ['nothing'])
})
