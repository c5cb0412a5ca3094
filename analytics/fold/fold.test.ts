// The fold by itself: what counts once, whatever the headers claim; what time a line gets; what is nobody's loss.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeHeaders, type HeaderPair } from '../../broker/protocol/record-headers.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { fold } from './fold.ts'
import { FoldState } from './fold-state.ts'
import { ByteInterner } from './interner.ts'
import { setPath, setTopic } from './pending.ts'
import { emptyRecordSource, readRecordSource } from './record-source.ts'

const readMs = Date.parse('2026-11-24T08:00:30Z')
const access = '1.2.3.4 - - [24/Nov/2026:08:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "-"'

function start(lastPosition = -1) {
  const state = new FoldState(
    { lastPosition: () => lastPosition, valuesOfDay: () => [] },
    new ZoneDays('UTC'),
  )
  const partition = state.partition(1, 'logs', 0, 0, Number.NEGATIVE_INFINITY)
  let next = 0
  const add = (
    line: string | Buffer,
    pairs: readonly HeaderPair[] = [],
    offset = next,
    timestampMs = readMs,
  ) => {
    const value = Buffer.from(line)
    const headers = encodeHeaders(pairs)
    const buffer = Buffer.concat([value, headers.subarray(1)])
    fold(state, partition, offset, timestampMs, buffer, 0, value.length, value.length, pairs.length)
    next = offset + 1
  }
  const total = (field: 'lines' | 'unparsed' | 'requests' | 'events') =>
    [...state.pending.buckets.values()]
      .flatMap(bucket => bucket.seconds)
      .reduce((sum, cell) => sum + (cell?.[field] ?? 0), 0)
  return { state, partition, add, total }
}

test('a position counts once per src, and only above what was committed', () => {
  const { add, total, state } = start(100)
  for (const pos of ['50', '100', '101', '101', '90', '250'])
    add('x', [
      ['src', 'a'],
      ['pos', pos],
      ['format', 'raw'],
    ])
  assert.equal(total('lines'), 2)
  assert.equal(state.counters.duplicates, 4)
})

test('an offset counts once, and records that name no place count each', () => {
  const { add, total } = start()
  for (const offset of [0, 1, 1, 0, 2]) add('x', [['format', 'raw']], offset)
  assert.equal(total('lines'), 3)
  const places: HeaderPair[][] = [
    [['src', 'a']],
    [['pos', '7']],
    [
      ['src', ''],
      ['pos', '7'],
    ],
    [
      ['src', 'a'],
      ['pos', '-7'],
    ],
    [
      ['src', 'a'],
      ['pos', '7e3'],
    ],
    [
      ['src', 'a'],
      ['pos', '99999999999999999999'],
    ],
    [
      ['src', 'a'],
      ['pos', null],
    ],
    [
      ['src', 'x'.repeat(300)],
      ['pos', '7'],
    ],
  ]
  for (const place of places)
    for (let twice = 0; twice < 2; twice++) add('x', place, 3 + places.indexOf(place) * 2 + twice)
  assert.equal(total('lines'), 3 + places.length * 2)
})

test('srcs whose bytes are no text stay apart', () => {
  const { add, total } = start()
  for (const byte of [0xff, 0xfe])
    add('x', [
      ['src', Buffer.from([byte])],
      ['pos', '7'],
      ['format', 'raw'],
    ])
  assert.equal(total('lines'), 2)
  const srcs = new ByteInterner(256, 'latin1')
  const ids = [0xff, 0xfe].map(byte => srcs.idOf(Buffer.from([byte]), 0, 1))
  assert.notEqual(srcs.text(ids[0]!), srcs.text(ids[1]!))
})

test('a line gets its own time, at most five minutes after its reading, else the time of reading', () => {
  const rows: [line: string, format: string, second: string][] = [
    [access, 'combined', '08:00:00'],
    [access.replace('08:00:00', '23:00:00'), 'combined', '08:05:30'],
    ['{"type":"page"}', 'json', '08:00:30'],
    ['{"type":"page","timestamp":"2026-11-24 10:00:05"}', 'json', '08:00:05'],
    ['text', 'raw', '08:00:30'],
  ]
  for (const [line, format, second] of rows) {
    const { add, state } = start()
    add(line, [
      ['format', format],
      ['tz', 'Africa/Johannesburg'],
    ])
    const [bucket] = state.pending.buckets.values()
    const index = bucket!.seconds.findIndex(cell => cell?.lines === 1)
    assert.equal(new Date(bucket!.startMs + index * 1000).toISOString().slice(11, 19), second, line)
  }
})

test('a declared format that a line does not have is a loss; a guessed one is plain text', () => {
  const { add, total, state } = start()
  for (const format of ['combined', 'json', 'metrics']) add('no such thing', [['format', format]])
  for (const line of ['no such thing', '{"broken":', '\u0000', '']) add(line)
  add('   ', [['format', 'combined']])
  add(access)
  add('{"type":"page","path":"/a"}')
  assert.deepEqual([total('unparsed'), total('lines'), total('requests'), total('events')], [3, 7, 1, 1])
  assert.deepEqual(
    [...state.pending.losses.values()].map(({ reason, lines }) => [reason, lines]),
    [['unparsed', 3]],
  )
})

test('a metric line without a declared format is taken for what it is', () => {
  const { add, state } = start()
  add('{"host":"h","name":"cpu","value":1}')
  const [bucket] = state.pending.buckets.values()
  const [[value]] = [...bucket!.values[6]!.entries()] as [[number, unknown]]
  assert.equal(state.values.text(value), 'h\0cpu')
})

test('paths lose their query, long values are cut, and every value keeps its bytes as text', () => {
  const { add, state } = start()
  add(access.replace('/a', `/${'x'.repeat(5000)}?q`), [['format', 'combined']])
  add('{"type":"page","path":"/b?q=1#f"}', [['format', 'json']])
  add('{"type":"page","path":"/\\u0041?q"}', [['format', 'json']])
  const [first, second] = [...state.pending.buckets.values()]
  const texts = [...first!.values[setPath]!.keys(), ...second!.values[setPath]!.keys()].map(id =>
    state.values.text(id),
  )
  assert.deepEqual(
    texts.map(text => text.slice(0, 4)),
    ['/xxx', '/b', '/A'],
  )
  assert.equal(texts[0]!.length, 256)
  assert.equal(first!.values[setTopic]!.size, 1)
})

test('headers that run beyond their buffer are no headers', () => {
  const good = encodeHeaders([
    ['src', 'abc'],
    ['pos', '12'],
    ['format', 'json'],
  ]).subarray(1)
  const into = emptyRecordSource()
  for (let length = 0; length <= good.length; length++) {
    readRecordSource(Buffer.from(good.subarray(0, length)), 0, 3, into)
    assert.ok(into.srcEnd <= length)
  }
  assert.deepEqual([into.position, into.format, into.srcEnd - into.srcStart], [12, 'json', 3])
  for (const bytes of [[0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0x01], [0x06, 0x73, 0x72, 0x63, 0x7e]]) {
    assert.doesNotThrow(() => readRecordSource(Buffer.from(bytes), 0, 1000, into))
    assert.equal(into.srcStart, into.srcEnd)
  }
})

test('the interner gives one id to one value through every growth', () => {
  const interner = new ByteInterner(64)
  const ids = Array.from({ length: 20_000 }, (_, index) => interner.idOfText(`value-${index}`))
  assert.equal(new Set(ids).size, 20_000)
  for (const [index, id] of ids.entries()) {
    assert.equal(interner.idOfText(`value-${index}`), id)
    assert.equal(interner.text(id), `value-${index}`)
  }
  assert.equal(interner.idOfText(`${'y'.repeat(64)}a`), interner.idOfText(`${'y'.repeat(64)}b`))
})
