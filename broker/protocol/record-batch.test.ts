// One golden batch, byte by byte, and every way a batch can be refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchBuilder, stampProducer } from './batch-builder.ts'
import { writeInt64 } from './bytes.ts'
import { crc32c } from './crc32c.ts'
import { annotated } from './golden-frame.ts'
import {
  batchEnd,
  batchHeaderBytes,
  batchView,
  checkCrc,
  sealCrc,
  setBaseOffset,
  setLeaderEpoch,
  sizeInBytes,
  validateBatch,
  validateProducerBatch,
} from './record-batch.ts'
import { decodeHeaders, encodeHeaders, findHeader, PositionHeaders } from './record-headers.ts'
import { walkRecords } from './record-walk.ts'

/** A record as the agent sends it. The checksum was computed by another implementation. */
const goldenBatch = annotated(`
  0000000000000000  base offset 0
  0000008b          139 bytes follow
  ffffffff          leader epoch: not yet known
  02                magic 2
  45c205bb          CRC-32C of everything below
  0000              attributes: no compression, create time
  00000000          last offset delta 0
  0000018bcfe56800  base timestamp 1700000000000
  0000018bcfe56800  max timestamp
  0000000000000007  producer id 7
  0000              producer epoch 0
  00000028          base sequence 40
  00000001          one record
  b001              record of 88 bytes
  00                attributes, unused
  00                timestamp delta 0
  00                offset delta 0
  20                key of 16 bytes
  30313233343536373839616263646566          0123456789abcdef
  1c                value of 14 bytes
  68656c6c6f207461696c72616365              hello tailrace
  06                3 headers
  06 737263         src
  2c 61316232633364342e5a6d3976596d4679596d462e30   a1b2c3d4.Zm9vYmFyYmF.0
  06 706f73         pos
  08 34303936       4096
  0c 666f726d6174   format
  10 636f6d62696e6564                       combined
`)

const key = Buffer.from('0123456789abcdef')
const value = Buffer.from('hello tailrace')
const producer = { codec: 'none', producerId: 7, epoch: 0, sequence: 40 } as const

function golden(): Buffer {
  return Buffer.from(goldenBatch)
}

/** The golden batch with one change and the checksum mended, so that the change itself is what gets judged. */
function changed(change: (batch: Buffer) => void): Buffer {
  const batch = golden()
  change(batch)
  sealCrc(batch, 0)
  return batch
}

test('crc32c() is the Castagnoli polynomial', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
  assert.equal(crc32c(Buffer.from('xx123456789yy'), 2, 11), 0xe3069283)
})

test('BatchBuilder builds the golden batch, with prepared headers and with position headers alike', () => {
  const builder = new BatchBuilder(0)
  const headers = encodeHeaders([
    ['src', 'a1b2c3d4.Zm9vYmFyYmF.0'],
    ['pos', '4096'],
    ['format', 'combined'],
  ])
  builder.append(key, value, headers, 1_700_000_000_000)
  assert.equal(builder.build(producer).toString('hex'), goldenBatch.toString('hex'))

  const line = Buffer.from('before hello tailrace after')
  const positions = new PositionHeaders([['src', 'a1b2c3d4.Zm9vYmFyYmF.0']], 'pos', [['format', 'combined']])
  builder.append(key, line, positions.at(4096), 1_700_000_000_000, 7, 21)
  assert.equal(builder.build(producer).toString('hex'), goldenBatch.toString('hex'))
})

test('batchView reads every field of the golden header, wherever the batch lies', () => {
  const buffer = Buffer.concat([Buffer.alloc(5, 0xee), goldenBatch])
  const fields = Object.fromEntries(Object.entries(batchView).map(([name, read]) => [name, read(buffer, 5)]))
  assert.deepEqual(fields, {
    baseOffset: 0,
    batchLength: 139,
    sizeInBytes: 151,
    leaderEpoch: -1,
    magic: 2,
    crc: 0x45c205bb,
    attributes: 0,
    lastOffsetDelta: 0,
    lastOffset: 0,
    baseTimestamp: 1_700_000_000_000,
    maxTimestamp: 1_700_000_000_000,
    producerId: 7,
    producerEpoch: 0,
    baseSequence: 40,
    lastSequence: 40,
    recordCount: 1,
    codec: 'none',
    isTransactional: false,
    isControl: false,
    usesLogAppendTime: false,
  })
  assert.equal(checkCrc(buffer, 5), true)
  assert.equal(sizeInBytes(buffer, 5), 151)
})

test('lastSequence wraps to 0 after the largest', () => {
  const batch = golden()
  batch.writeInt32BE(0x7fffffff, 53)
  batch.writeInt32BE(2, 23)
  assert.equal(batchView.lastSequence(batch, 0), 1)
})

test('setBaseOffset() and setLeaderEpoch() leave the checksum right', () => {
  const batch = golden()
  setBaseOffset(batch, 0, 2 ** 40)
  setLeaderEpoch(batch, 0, 3)
  assert.equal(checkCrc(batch, 0), true)
  assert.deepEqual([batchView.baseOffset(batch, 0), batchView.leaderEpoch(batch, 0)], [2 ** 40, 3])
  assert.equal(validateBatch(batch, 0, batch.length), 'none')
})

test('batchEnd() walks a run of batches and stops at a cut one', () => {
  const run = Buffer.concat([goldenBatch, goldenBatch, goldenBatch.subarray(0, 100)])
  assert.equal(batchEnd(run, 0, run.length), 151)
  assert.equal(batchEnd(run, 151, run.length), 302)
  assert.equal(batchEnd(run, 302, run.length), -1)
  assert.equal(batchEnd(run, 0, 150), -1)
  assert.equal(batchEnd(run, run.length, run.length), -1)
})

test('validateProducerBatch() takes the golden batch and refuses each departure from it by its name', () => {
  assert.equal(validateProducerBatch(golden()), 'none')
  const two = Buffer.concat([goldenBatch, goldenBatch])
  const table: [string, string, Buffer | null][] = [
    ['null records', 'invalidRecord', null],
    ['no bytes', 'invalidRecord', Buffer.alloc(0)],
    ['less than a header', 'corruptMessage', golden().subarray(0, 60)],
    ['cut short', 'corruptMessage', golden().subarray(0, 150)],
    ['an old magic', 'invalidRecord', changed(batch => batch.writeInt8(1, 16))],
    ['a second batch', 'invalidRecord', two],
    ['bytes after it', 'invalidRecord', Buffer.concat([goldenBatch, Buffer.alloc(3)])],
    ['a negative length', 'corruptMessage', unsealed(batch => batch.writeInt32BE(-5, 8))],
    ['a length below the header', 'corruptMessage', unsealed(batch => batch.writeInt32BE(20, 8))],
    ['a changed byte', 'corruptMessage', unsealed(batch => batch.writeInt8(0x41, 100))],
    ['a base offset', 'invalidRecord', changed(batch => setBaseOffset(batch, 0, 5))],
    ['no records', 'invalidRecord', changed(batch => batch.writeInt32BE(0, 57))],
    ['a negative count', 'invalidRecord', changed(batch => batch.writeInt32BE(-1, 57))],
    ['a count that disagrees', 'invalidRecord', changed(batch => batch.writeInt32BE(2, 57))],
    ['a control batch', 'invalidRecord', changed(batch => batch.writeInt16BE(0x20, 21))],
    ['a producer without sequence', 'invalidRecord', changed(batch => batch.writeInt32BE(-1, 53))],
    ['log append time', 'invalidTimestamp', changed(batch => batch.writeInt16BE(0x08, 21))],
    ['an unknown codec', 'unsupportedCompressionType', changed(batch => batch.writeInt16BE(5, 21))],
    ['a time beyond 2^53', 'invalidRecord', changed(batch => batch.writeBigInt64BE(2n ** 60n, 35))],
  ]
  for (const [what, error, batch] of table) assert.equal(validateProducerBatch(batch), error, what)
})

test('validateProducerBatch() takes zstd only from Produce v7 on', () => {
  const builder = new BatchBuilder()
  builder.append(null, value)
  const batch = builder.build({ codec: 'zstd' })
  assert.equal(validateProducerBatch(batch, 6), 'unsupportedCompressionType')
  assert.equal(validateProducerBatch(batch, 7), 'none')
})

test('validateBatch() judges one batch of a run, as a broker has stored it', () => {
  const stored = golden()
  setBaseOffset(stored, 0, 1000)
  const run = Buffer.concat([Buffer.alloc(9), stored, stored])
  assert.equal(validateBatch(run, 9, run.length), 'none')
  assert.equal(validateBatch(run, 9, 9 + 151), 'none')
  assert.equal(validateBatch(run, 9, 9 + 150), 'corruptMessage')
  const emptied = changed(batch => batch.writeInt32BE(0, 57)) // compaction leaves such batches
  assert.equal(validateBatch(emptied, 0, emptied.length), 'none')
  const negative = unsealed(batch => setBaseOffset(batch, 0, -1))
  assert.equal(validateBatch(negative, 0, negative.length), 'corruptMessage')
  const flipped = unsealed(batch => batch.writeInt8(0, 120))
  assert.equal(validateBatch(flipped, 0, flipped.length), 'corruptMessage')
})

test('stampProducer() changes a built batch into one of a producer', () => {
  const builder = new BatchBuilder()
  builder.append(key, value, encodeHeaders([]), 5)
  const batch = builder.build({ codec: 'none' })
  assert.deepEqual([batchView.producerId(batch, 0), batchView.baseSequence(batch, 0)], [-1, -1])
  stampProducer(batch, 99, 2, 1000)
  assert.equal(validateProducerBatch(batch), 'none')
  assert.deepEqual(
    [batchView.producerId(batch, 0), batchView.producerEpoch(batch, 0), batchView.baseSequence(batch, 0)],
    [99, 2, 1000],
  )
})

test('the golden record reads back through walkRecords() and findHeader()', () => {
  const seen: unknown[] = []
  const batch = golden()
  setBaseOffset(batch, 0, 500)
  walkRecords(batch, (offset, timestamp, buffer, ks, ke, vs, ve, headersStart, headerCount) => {
    const pos = findHeader(buffer, headersStart, headerCount, Buffer.from('pos'))!
    seen.push(offset, timestamp, buffer.toString('latin1', ks, ke), buffer.toString('latin1', vs, ve))
    seen.push(buffer.toString('latin1', pos.start, pos.end))
    seen.push(decodeHeaders(buffer, headersStart, headerCount).map(([name, bytes]) => `${name}=${bytes}`))
  })
  assert.deepEqual(seen, [
    500,
    1_700_000_000_000,
    '0123456789abcdef',
    'hello tailrace',
    '4096',
    ['src=a1b2c3d4.Zm9vYmFyYmF.0', 'pos=4096', 'format=combined'],
  ])
})

test('a batch header is as long as its drawing says', () => {
  const batch = golden()
  writeInt64(batch, 43, -1)
  assert.equal(batchHeaderBytes, 61)
  assert.equal(batch.length - batchHeaderBytes, 2 + 88)
})

function unsealed(change: (batch: Buffer) => void): Buffer {
  const batch = golden()
  change(batch)
  return batch
}
