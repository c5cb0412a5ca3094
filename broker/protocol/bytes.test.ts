// Primitive values against bytes written by hand, and a Reader that never looks beyond its end.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reader, readInt64, Writer, writeInt64, zeroUuid } from './bytes.ts'
import { framePieces } from './frame.ts'
import { ProtocolError } from './protocol-error.ts'

const read = (hex: string) => new Reader(Buffer.from(hex, 'hex'))
const written = (write: (writer: Writer) => void) => {
  const writer = new Writer(1)
  write(writer)
  return writer.view().toString('hex')
}

test('Reader and Writer agree with the bytes of each primitive', () => {
  const table: [hex: string, value: unknown, read: (r: Reader) => unknown, write: (w: Writer) => void][] = [
    ['ff', -1, r => r.int8(), w => w.int8(-1)],
    ['01', true, r => r.bool(), w => w.bool(true)],
    ['00', false, r => r.bool(), w => w.bool(false)],
    ['8000', -32768, r => r.int16(), w => w.int16(-32768)],
    ['ffff', 65535, r => r.uint16(), w => w.uint16(65535)],
    ['7fffffff', 2147483647, r => r.int32(), w => w.int32(2147483647)],
    ['ffffffffffffffff', -1, r => r.int64(), w => w.int64(-1)],
    ['0000000100000000', 4294967296, r => r.int64(), w => w.int64(4294967296)],
    ['fffffffeffffffff', -4294967297, r => r.int64(), w => w.int64(-4294967297)],
    ['001fffffffffffff', 2 ** 53 - 1, r => r.int64(), w => w.int64(2 ** 53 - 1)],
    ['ffe0000000000001', -(2 ** 53) + 1, r => r.int64(), w => w.int64(-(2 ** 53) + 1)],
    ['7fffffffffffffff', 2n ** 63n - 1n, r => r.exactInt64(), w => w.exactInt64(2n ** 63n - 1n)],
    ['3ff8000000000000', 1.5, r => r.float64(), w => w.float64(1.5)],
    ['00', 0, r => r.uvarint(), w => w.uvarint(0)],
    ['7f', 127, r => r.uvarint(), w => w.uvarint(127)],
    ['8001', 128, r => r.uvarint(), w => w.uvarint(128)],
    ['ffffffff0f', 4294967295, r => r.uvarint(), w => w.uvarint(4294967295)],
    ['01', -1, r => r.varint(), w => w.varint(-1)],
    ['02', 1, r => r.varint(), w => w.varint(1)],
    ['ffffffff0f', -2147483648, r => r.varint(), w => w.varint(-2147483648)],
    ['feffffff0f', 2147483647, r => r.varint(), w => w.varint(2147483647)],
    ['80a0abfef962', 1700000000000, r => r.varlong(), w => w.varlong(1700000000000)],
    ['01', -1, r => r.varlong(), w => w.varlong(-1)],
    ['ffffffffffffff0f', -(2 ** 52), r => r.varlong(), w => w.varlong(-(2 ** 52))],
    ['00'.repeat(16), zeroUuid, r => r.uuid(), w => w.uuid(zeroUuid)],
    [
      '000102030405060708090a0b0c0d0e0f',
      'AAECAwQFBgcICQoLDA0ODw',
      r => r.uuid(),
      w => w.uuid('AAECAwQFBgcICQoLDA0ODw'),
    ],
  ]
  for (const [hex, value, reading, writing] of table) {
    const reader = read(hex)
    assert.deepEqual(reading(reader), value, `reading ${hex}`)
    assert.equal(reader.remaining, 0, `${hex} is read to its end`)
    assert.equal(written(writing), hex, `writing ${String(value)}`)
  }
})

test('Reader refuses what runs beyond its end, and says where', () => {
  const refusals: [hex: string, position: number, read: (r: Reader) => unknown][] = [
    ['', 0, r => r.int8()],
    ['00', 0, r => r.int16()],
    ['000000', 0, r => r.int32()],
    ['00000000000000', 0, r => r.int64()],
    ['00'.repeat(15), 0, r => r.uuid()],
    ['80', 1, r => r.uvarint()],
    ['616263', 0, r => r.string(4)],
    ['616263', 0, r => r.bytes(-1)],
    ['616263', 0, r => r.bytes(0x7fffffff)],
    ['616263', 0, r => r.takeElements(4, 1, false)],
  ]
  for (const [hex, position, reading] of refusals) {
    assert.throws(
      () => reading(read(hex)),
      (error: unknown) => error instanceof ProtocolError && error.position === position,
      `${hex} is refused at ${position}`,
    )
  }
})

test('Reader stays within the end it was given, though the buffer goes on', () => {
  const reader = new Reader(Buffer.from('0011223344', 'hex'), 1, 3)
  assert.equal(reader.remaining, 2)
  assert.throws(() => reader.int32(), ProtocolError)
  assert.equal(reader.int16(), 0x1122)
})

test('Reader refuses numbers that would not be exact', () => {
  assert.throws(() => read('0020000000000000').int64(), /beyond 2\^53/)
  assert.throws(() => read('8000000000000000').int64(), ProtocolError)
  assert.throws(() => read('ffffffff1f').uvarint(), /longer than 32 bits/)
  assert.throws(() => read('ffffffffff0f').uvarint(), /longer than 32 bits/)
  assert.throws(() => read('ffffffffffffffffff01').varlong(), /beyond 2\^52/)
  assert.throws(() => written(w => w.int64(2 ** 53)), RangeError)
  assert.throws(() => written(w => w.int64(0.5)), RangeError)
  assert.throws(() => written(w => w.uuid('short')), RangeError)
  assert.throws(() => written(w => w.uuid('!'.repeat(22))), RangeError)
})

test('Reader.bytes() is a view of the buffer, not a copy', () => {
  const buffer = Buffer.from('00112233', 'hex')
  const view = new Reader(buffer).bytes(2)
  buffer[0] = 0xaa
  assert.equal(view.toString('hex'), 'aa11')
})

test('Writer grows in the middle of anything and keeps what it had', () => {
  const writer = new Writer(1)
  const expected: string[] = []
  for (let i = 0; i < 300; i++) {
    writer.int32(i)
    writer.bytes(Buffer.from('abcdefg'))
    writer.utf8('ü', 2)
    expected.push(i.toString(16).padStart(8, '0'), '61626364656667', 'c3bc')
  }
  assert.equal(writer.view().toString('hex'), expected.join(''))
})

test('Writer.reset() reuses its memory, and lets go of it after a very large frame', () => {
  const writer = new Writer(16)
  writer.bytes(Buffer.alloc(1000))
  const memory = writer.buffer
  writer.reset()
  assert.equal(writer.buffer, memory)
  assert.equal(writer.position, 0)
  writer.bytes(Buffer.alloc(2 << 20))
  writer.reset()
  assert.equal(writer.buffer.length, 16)
})

test('Writer.external() leaves room in the order of sending and copies nothing', () => {
  const writer = new Writer()
  const first = { sizeInBytes: 100 }
  const second = { sizeInBytes: 7 }
  writer.int8(1)
  writer.external(first)
  writer.external(second)
  writer.int8(2)
  assert.equal(writer.externalBytes, 107)
  assert.deepEqual(framePieces(writer), [Buffer.from([1]), first, second, Buffer.from([2])])
  assert.throws(() => writer.view(), /external/)
  writer.reset()
  assert.deepEqual(framePieces(writer), [])
})

test('prefixLengthSince() puts one or two bytes of length in front', () => {
  for (const [length, prefix] of [
    [0, '00'],
    [5, '05'],
    [200, 'c801'],
  ] as const) {
    assert.equal(
      written(w => {
        w.int8(9)
        w.bytes(Buffer.alloc(length, 0x61))
        w.prefixLengthSince(1)
      }),
      `09${prefix}${'61'.repeat(length)}`,
    )
  }
})

test('readInt64() is NaN where a number cannot be exact, and writeInt64() mirrors it elsewhere', () => {
  const buffer = Buffer.alloc(8)
  for (const value of [0, -1, 5, 2 ** 53 - 1, -(2 ** 53) + 1, -(2 ** 32)]) {
    writeInt64(buffer, 0, value)
    assert.equal(readInt64(buffer, 0), value)
    assert.equal(buffer.readBigInt64BE(0), BigInt(value))
  }
  buffer.writeBigInt64BE(2n ** 62n)
  assert.equal(readInt64(buffer, 0), Number.NaN)
})
