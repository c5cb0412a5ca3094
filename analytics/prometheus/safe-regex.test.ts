// Regular expressions against the engine's own, on a text and pattern table; and those that would hang that one.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { safeRegex } from './safe-regex.ts'

const patterns = [
  'a',
  'a|b',
  '(a|b)*c',
  'a.c',
  'a.*c',
  '.+',
  '.*',
  '',
  'x{2}',
  'x{1,3}y',
  'x{2,}',
  '[a-c]+',
  '[^a-c]+',
  '[]a]',
  '[a\\]]',
  '\\d+',
  '\\w+\\s\\W',
  '\\.js',
  '(?:ab)?c',
  '/p/[01]',
  'a+?b',
  '(|a)b',
  '((a)|(b))+',
  '^ab$',
  '5..',
  '4..|5..',
  'a-b',
  'é+',
  '[-x]+',
]
const texts = [
  '',
  'a',
  'b',
  'ab',
  'abc',
  'ac',
  'a\nc',
  'xx',
  'xxxy',
  'xxy',
  'abab',
  'c',
  '/p/0',
  '500',
  '42',
  '.js',
  'é',
  'éé',
  ']',
  'a-b',
  '-x-',
  'w !',
  'xjs',
]

test('safeRegex() matches whole texts as anchored expressions do', () => {
  for (const pattern of patterns) {
    const ours = safeRegex(pattern)
    // In our dialect a ] that comes first stands for itself.
    const theirs = new RegExp(`^(?:${pattern.replace('[]a]', '[\\]a]')})$`, 'u')
    for (const text of texts)
      assert.equal(ours(text), theirs.test(text), `${pattern} on ${JSON.stringify(text)}`)
  }
})

test('safeRegex() takes bounded time and space, and refuses what it does not have', () => {
  const text = 'a'.repeat(3000)
  for (const pattern of ['(a+)+b', '(a|a)*b', '(a*)*b', '(.*a){20}b'])
    assert.equal(safeRegex(pattern)(text), false)
  for (const pattern of [
    '(',
    ')',
    '[a',
    'a**',
    '*a',
    'a{3,1}',
    '(?=a)',
    '\\1',
    '\\',
    'a{1000}{1000}',
    '(a{1000}){1000}',
    `${'('.repeat(99)}a${')'.repeat(99)}`,
  ]) {
    assert.throws(() => safeRegex(pattern), { name: 'UnsafeRegexError' }, pattern)
  }
})
