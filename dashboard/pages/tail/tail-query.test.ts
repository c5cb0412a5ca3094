// What is typed into the tail's filter means what it says, and what is clicked can be typed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  accessFields,
  parseFilter,
  recordPlace,
  searchParameters,
  tailArgs,
  withField,
  withInversion,
  withLevel,
} from './tail-query.ts'

test('words, patterns, fields, levels and their opposite are told apart', () => {
  const nothing = { text: '', pattern: '', fields: [], level: '', isInverted: false }
  const rows: [typed: string, expected: Partial<ReturnType<typeof parseFilter>>][] = [
    ['', {}],
    ['GET /p HTTP', { text: 'GET /p HTTP' }],
    ['/products/42', { text: '/products/42' }],
    ['/x=(1|2) y/', { pattern: 'x=(1|2) y' }],
    ['/a b:c/ status:500', { pattern: 'a b:c', fields: ['status:500'] }],
    ['status:500 path:/checkout', { fields: ['status:500', 'path:/checkout'] }],
    ['user.id:"a b"', { fields: ['user.id:a b'] }],
    ['https://example.org', { text: 'https://example.org' }],
    ['"status:500"', { text: 'status:500' }],
    ['level:warn timeout', { level: 'warn', text: 'timeout' }],
    ['level:debug', { fields: ['level:debug'] }],
    ['! health check', { isInverted: true, text: 'health check' }],
    ['12:30:01', { text: '12:30:01' }],
  ]
  for (const [typed, expected] of rows) {
    assert.deepEqual(parseFilter(typed), { ...nothing, ...expected }, typed)
  }
})

test('the live topic and the search are asked the same', () => {
  assert.deepEqual(tailArgs('logs', '!/a+/ status:500 x:1 level:error'), {
    ...{ topic: 'logs', re: 'a+', field: 'status:500\nx:1', level: 'error', invert: 'yes' },
  })
  assert.deepEqual(searchParameters('logs', 'two words'), {
    ...{ topic: 'logs', q: 'two words', re: '', field: [], level: '', invert: '' },
  })
})

test('clicks change the text so that it reads back as what was clicked', () => {
  assert.equal(withLevel('status:500 level:warn x', 'error'), 'status:500 x level:error')
  assert.equal(withLevel('level:warn', ''), '')
  assert.equal(withInversion('!a', false), 'a')
  assert.equal(withInversion('a', true), '!a')
  for (const [name, value] of [
    ['status', '500'],
    ['path', '/a b'],
    ['path', '//double'],
    ['user.id', 'x y'],
  ] as const) {
    assert.deepEqual(parseFilter(withField('', name, value)).fields, [`${name}:${value}`])
  }
  assert.equal(withField('status:500', 'status', '500'), 'status:500')
  assert.equal(parseFilter(withField('', 'id', '9223372036854775807')).text, '9223372036854775807')
})

test('an access line has fields; a record has a place in the URL, exact beyond 2^53', () => {
  const line = '203.0.113.7 - - [24/Nov/2026:08:00:00 +0000] "GET /p/1?x=2 HTTP/1.1" 404 12 "-" "ua" 0.1'
  assert.deepEqual(Object.fromEntries(accessFields(line)), {
    ...{ status: '404', path: '/p/1', method: 'GET', client: '203.0.113.7' },
  })
  assert.deepEqual(accessFields('hello'), [])
  assert.deepEqual(recordPlace('3:9223372036854775807'), { partition: 3, offset: '9223372036854775807' })
  for (const bad of ['', '3', '-1:2', '1:2:3', '1:x']) assert.equal(recordPlace(bad), null)
})
