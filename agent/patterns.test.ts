// Patterns of users: what is refused and how it is said; and that none takes more than linear time, on lines that
// keep a backtracking engine busy for years.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compilePattern, matches, patternFault } from './patterns.ts'

test('patternFault() takes what runs in linear time and says what is wrong with the rest', () => {
  for (const good of ['a', '^(GET|POST) /', '[0-9]{1,3}\\.x', 'é+', '(?:a|b)*'])
    assert.equal(patternFault(good), null)
  assert.match(patternFault('(a)\\1')!, /linear time/)
  assert.match(patternFault('(?<=a)b')!, /linear time/)
  assert.match(patternFault('a(?!b)')!, /linear time/)
  assert.match(patternFault('(')!, /not a regular expression/)
  assert.match(patternFault('')!, /everything/)
  assert.match(patternFault('x'.repeat(2_000))!, /longer than/)
})

test('no pattern runs away, on any line', () => {
  for (const source of ['(a+)+b', '(a|a)*b', '(a*)*b', 'a*a*a*a*a*b', '(a|aa)+$', '(.*)(.*)(.*)(.*)b']) {
    const pattern = compilePattern(source)
    const started = process.cpuUsage()
    assert.equal(matches(pattern, `${'a'.repeat(10_000)}!`), false, source)
    assert.ok(process.cpuUsage(started).user < 5_000_000, source)
  }
})

test('a pattern is asked anew for every line, wherever it matched before', () => {
  const pattern = compilePattern('b')
  assert.deepEqual(
    ['aab', 'b', 'a'].map(text => matches(pattern, text)),
    [true, true, false],
  )
})
