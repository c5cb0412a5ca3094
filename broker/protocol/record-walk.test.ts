// Records in and out of batches: every codec, odd timestamps, nulls; and bodies that lie.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchBuilder } from './batch-builder.ts'
import { ProtocolError } from './protocol-error.ts'
import { batchView, codecs, sealCrc, validateProducerBatch } from './record-batch.ts'
import { encodeHeaders, findHeader, noHeaders, PositionHeaders } from './record-headers.ts'
import { walkRecords } from './record-walk.ts'

type Row = [offset: number, timestamp: number, key: string | null, value: string | null]

function rowsOf(batch: Buffer, limitBytes?: number): Row[] {
  const rows: Row[] = []
  walkRecords(
    batch,
    (offset, timestamp, buffer, ks, ke, vs, ve) => {
      const text = (start: number, end: number) => (start < 0 ? null : buffer.toString('utf8', start, end))
      rows.push([offset, timestamp, text(ks, ke), text(vs, ve)])
    },
    limitBytes,
  )
  return rows
}

test('what BatchBuilder packs with any codec, walkRecords() finds again', () => {
  const builder = new BatchBuilder(0)
  for (const codec of codecs) {
    const expected: Row[] = []
    for (let i = 0; i < 500; i++) {
      const key = i % 3 === 0 ? null : `key-${i}`
      const value = i % 7 === 0 ? null : `line ${i} `.repeat(i % 40)
      const timestamp = 1_700_000_000_000 + (i % 2 ? i * 1000 : -i)
      builder.append(
        key === null ? null : Buffer.from(key),
        value === null ? null : Buffer.from(value),
        noHeaders,
        timestamp,
      )
      expected.push([i, timestamp, key, value])
    }
    const batch = builder.build({ codec, producerId: 1, epoch: 0, sequence: 0 })
    assert.equal(validateProducerBatch(batch), 'none', codec)
    assert.equal(batchView.codec(batch, 0), codec)
    assert.equal(batchView.baseTimestamp(batch, 0), 1_700_000_000_000)
    assert.equal(batchView.maxTimestamp(batch, 0), 1_700_000_499_000)
    assert.deepEqual(rowsOf(batch), expected, codec)
  }
})

test('BatchBuilder is empty after build() and clear(), and refuses to build nothing', () => {
  const builder = new BatchBuilder()
  builder.append(null, Buffer.from('a'), noHeaders, 50)
  assert.equal(builder.recordCount, 1)
  builder.clear()
  assert.deepEqual([builder.recordCount, builder.sizeInBytes], [0, 61])
  assert.throws(() => builder.build({ codec: 'none' }), /no records/)
  builder.append(null, Buffer.from('b'), noHeaders, 7)
  assert.deepEqual(rowsOf(builder.build({ codec: 'none' })), [[0, 7, null, 'b']])
  assert.equal(builder.recordCount, 0)
})

test('a batch built earlier keeps its bytes when the builder goes on', () => {
  const builder = new BatchBuilder()
  builder.append(null, Buffer.from('first'))
  const first = builder.build({ codec: 'none' })
  builder.append(null, Buffer.from('SECOND'))
  builder.build({ codec: 'none' })
  assert.deepEqual(rowsOf(first), [[0, 0, null, 'first']])
})

test('PositionHeaders writes every length of number, up and down', () => {
  const headers = new PositionHeaders([['src', 'x']], 'pos', [['format', 'raw']])
  for (const position of [0, 9, 10, 99, 100, 12_345, 2 ** 40, 2 ** 53 - 1, 7]) {
    assert.deepEqual(
      headers.at(position),
      encodeHeaders([
        ['src', 'x'],
        ['pos', String(position)],
        ['format', 'raw'],
      ]),
      String(position),
    )
  }
})

test('findHeader() tells absent, null and empty apart, and fills the slice it is given', () => {
  const headers = encodeHeaders([
    ['position', 'no'],
    ['nothing', null],
    ['empty', ''],
    ['pos', '42'],
    ['pos', '43'],
  ])
  const find = (name: string) => findHeader(headers, 1, 5, Buffer.from(name))
  assert.equal(find('absent'), null)
  assert.deepEqual(find('nothing'), { start: -1, end: -1 })
  const empty = find('empty')!
  assert.equal(empty.start, empty.end)
  const own = { start: 0, end: 0 }
  assert.equal(findHeader(headers, 1, 5, Buffer.from('pos'), own), own)
  assert.equal(headers.toString('latin1', own.start, own.end), '42')
})

test('walkRecords() gives the broker’s time to every record under log append time', () => {
  const builder = new BatchBuilder()
  builder.append(null, Buffer.from('a'), noHeaders, 100)
  builder.append(null, Buffer.from('b'), noHeaders, 200)
  const batch = builder.build({ codec: 'none' })
  batch.writeInt16BE(0x08, 21)
  batch.writeBigInt64BE(999n, 35)
  assert.deepEqual(
    rowsOf(batch).map(row => row[1]),
    [999, 999],
  )
})

test('walkRecords() stops when the visitor says false', () => {
  const builder = new BatchBuilder()
  for (let i = 0; i < 10; i++) builder.append(null, Buffer.from('x'))
  let seen = 0
  const visited = walkRecords(builder.build({ codec: 'none' }), () => ++seen < 3)
  assert.deepEqual([seen, visited], [3, 3])
})

test('walkRecords() refuses records that lie about their lengths', () => {
  const build = () => {
    const builder = new BatchBuilder()
    builder.append(Buffer.from('k'), Buffer.from('value'), noHeaders, 0)
    builder.append(Buffer.from('k'), Buffer.from('value'), noHeaders, 0)
    return builder.build({ codec: 'none' })
  }
  // A record here is: length, attributes, two deltas, key length, k, value length, value, header count.
  const first = 61
  const table: [string, (batch: Buffer) => void][] = [
    ['record longer than the batch', batch => batch.writeInt8(0x7e, first)],
    ['record shorter than its parts', batch => batch.writeInt8(0x04, first)],
    ['negative record length', batch => batch.writeInt8(0x03, first)],
    ['key into the next record', batch => batch.writeInt8(0x20, first + 4)],
    ['value into the next record', batch => batch.writeInt8(0x20, first + 6)],
    ['more headers than bytes', batch => batch.writeInt8(0x04, first + 12)],
    ['negative header count', batch => batch.writeInt8(0x01, first + 12)],
    ['more records than there are', batch => batch.writeInt32BE(3, 57)],
    ['fewer records than there are', batch => batch.writeInt32BE(1, 57)],
    ['an unknown codec', batch => batch.writeInt16BE(7, 21)],
  ]
  assert.equal(
    walkRecords(build(), () => true),
    2,
  )
  for (const [what, lie] of table) {
    const batch = build()
    lie(batch)
    sealCrc(batch, 0)
    assert.throws(() => walkRecords(batch, () => true), ProtocolError, what)
  }
})

test('walkRecords() refuses a batch that decompresses beyond the limit', () => {
  const builder = new BatchBuilder()
  for (const codec of codecs.slice(1)) {
    builder.append(null, Buffer.alloc(3_000_000))
    const batch = builder.build({ codec })
    assert.ok(batch.length < 200_000, codec)
    assert.throws(() => rowsOf(batch, 1_000_000), ProtocolError, codec)
    assert.equal(rowsOf(batch, 3_000_100).length, 1, codec)
  }
})
