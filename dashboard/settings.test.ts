// Choices survive a reload and travel in a link; anything else in the URL falls back to the view one starts with.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Memory, nextTheme, readSettings, rememberSettings, searchOf, tokenOf } from './settings.ts'

function memoryOf(entries: Readonly<Record<string, string>> = {}): Memory {
  const map = new Map(Object.entries(entries))
  return { getItem: key => map.get(key) ?? null, setItem: (key, value) => void map.set(key, value) }
}

const denied: Memory = {
  getItem: () => {
    throw new Error('denied')
  },
  setItem: () => {
    throw new Error('denied')
  },
}

test('readSettings() starts with five minutes of the logs in the system theme', () => {
  const settings = readSettings('', memoryOf(), false)
  assert.deepEqual(settings, {
    range: '5m',
    topic: 'logs',
    filter: '',
    theme: 'system',
    zone: 'local',
    wrap: false,
    density: 'compact',
  })
  assert.equal(searchOf(settings), '')
})

test('a view survives its URL and a reader its browser', () => {
  const memory = memoryOf()
  const settings = {
    range: '1h',
    topic: 'behavior',
    filter: 'a&b=ü',
    theme: 'dark',
    zone: 'utc',
    wrap: true,
    density: 'compact',
  } as const
  rememberSettings(settings, memory)
  assert.deepEqual(readSettings(searchOf(settings), memory, false), settings)
})

test('nonsense falls back, and denied storage is no obstacle', () => {
  const settings = readSettings(`?r=7y&q=${'x'.repeat(5000)}`, memoryOf({ 'tailrace.theme': 'pink' }), false)
  assert.deepEqual([settings.range, settings.theme, settings.filter.length], ['5m', 'system', 200])
  assert.equal(readSettings('?r=6h', denied, false).range, '6h')
  assert.doesNotThrow(() => rememberSettings(settings, denied))
})

test('lines wrap on a narrow screen until the reader says otherwise', () => {
  assert.equal(readSettings('', memoryOf(), true).wrap, true)
  assert.equal(readSettings('', memoryOf({ 'tailrace.wrap': 'no' }), true).wrap, false)
})

test('nextTheme() visits all three, and the first press always shows', () => {
  const walk = (systemIsDark: boolean) => {
    const first = nextTheme('system', systemIsDark)
    const second = nextTheme(first, systemIsDark)
    return [first, second, nextTheme(second, systemIsDark)]
  }
  assert.deepEqual(walk(true), ['light', 'dark', 'system'])
  assert.deepEqual(walk(false), ['dark', 'light', 'system'])
})

test('tokenOf() finds the token in a link, a fragment or alone', () => {
  for (const text of [
    'http://127.0.0.1:8080/login#t=abc_DEF-123',
    '#t=abc_DEF-123',
    ' abc_DEF-123\n',
    '#x=1&t=abc_DEF-123',
  ]) {
    assert.equal(tokenOf(text), 'abc_DEF-123', text)
  }
  for (const text of ['', '#', 'http://127.0.0.1:8080/', 'two words', '#t='])
    assert.equal(tokenOf(text), null, text)
})

test('the range of a page of history stays in the URL while other things change', () => {
  const settings = readSettings('?r=28d', memoryOf(), false)
  assert.equal(settings.range, '5m')
  assert.equal(searchOf(settings, '?r=28d&m=errors', '?r=28d&m=errors'), '?m=errors&r=28d')
  assert.equal(searchOf({ ...settings, range: '1h' }, '?r=28d'), '?r=1h')
})
