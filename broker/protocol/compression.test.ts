// Codecs against bytes made by other implementations, both ways, and bombs.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { compress, decompress } from './compression.ts'
import { ProtocolError } from './protocol-error.ts'
import { codecs } from './record-batch.ts'

const text = 'tailrace tailrace tailrace tailrace'
const limit = 1 << 20

test('every codec gives back what it was given, empty and large alike', () => {
  const large = Buffer.from(Array.from({ length: 20_000 }, (_, i) => `line ${i % 977}\n`).join(''))
  for (const codec of codecs) {
    for (const source of [Buffer.alloc(0), Buffer.from('x'), large]) {
      const packed = compress(codec, source)
      assert.deepEqual(decompress(codec, packed, limit), source, `${codec} of ${source.length}`)
      if (codec !== 'none' && source === large) assert.ok(packed.length < source.length / 2, codec)
    }
  }
})

test('compress() leaves headroom in front and the bytes the same', () => {
  for (const codec of codecs) {
    const plain = compress(codec, Buffer.from(text))
    const roomy = compress(codec, Buffer.from(text), 61)
    assert.deepEqual(roomy.subarray(61), plain, codec)
  }
})

test('decompress() reads what the reference tools write', () => {
  const table: [codec: (typeof codecs)[number], madeBy: string, hex: string][] = [
    // From a pipe: zstd does not know the size and does not write it, as producers that stream do not.
    ['zstd', 'zstd -c', '28b52ffd04587d0000487461696c72616365200100b4cb11d474dca3'],
    // With a checksum over the content, which Java's frames do not have.
    ['lz4', 'lz4 -c', '04224d186440a7130000009f7461696c7261636520090002506c7261636500000000c66d2be5'],
    // Raw snappy by its format description: length 35, a literal of 9, a copy of 26 from 9 back.
    ['snappy', 'by hand, raw', '23 20 7461696c7261636520 66 0900'],
    [
      'snappy',
      'by hand, xerial',
      '82534e4150505900 00000001 00000001 0000000e 23 20 7461696c7261636520 66 0900',
    ],
  ]
  for (const [codec, madeBy, hex] of table) {
    const packed = Buffer.from(hex.replaceAll(' ', ''), 'hex')
    assert.equal(decompress(codec, packed, limit).toString(), text, `${codec} by ${madeBy}`)
  }
})

test('compress() writes what other clients read', () => {
  const source = Buffer.from(text)
  assert.equal(gunzipSync(compress('gzip', source)).toString(), text)
  // The xerial header, then one block with its length.
  const snappy = compress('snappy', source)
  assert.equal(snappy.subarray(0, 16).toString('hex'), '82534e41505059000000000100000001')
  assert.equal(snappy.readInt32BE(16), snappy.length - 20)
  // LZ4 frame: magic, version 1 with independent blocks (Java reads no others), and the right header checksum:
  // xxHash32 of the two descriptor bytes, second byte.
  const lz4 = compress('lz4', source)
  assert.equal(lz4.readUInt32LE(0), 0x184d2204)
  assert.equal(lz4[4]! >> 5, 0b011)
  assert.equal(lz4[6], (xxHash32OfTwo(lz4[4]!, lz4[5]!) >>> 8) & 0xff)
  // zstd: magic.
  assert.equal(compress('zstd', source).readUInt32LE(0), 0xfd2fb528)
})

test('xerial snappy of many blocks is read block by block', () => {
  const source = Buffer.alloc(100_000, 'abcdefgh')
  assert.deepEqual(decompress('snappy', compress('snappy', source), limit), source)
})

test('zstd frames of unknown size grow as they come, and several frames are one', () => {
  const piece = Buffer.from('28b52ffd04587d0000487461696c72616365200100b4cb11d474dca3', 'hex')
  assert.equal(decompress('zstd', Buffer.concat([piece, piece]), limit).toString(), text + text)
  const known = compress('zstd', Buffer.from(text))
  assert.equal(decompress('zstd', Buffer.concat([known, known]), limit).toString(), text + text)
  assert.equal(decompress('zstd', Buffer.concat([known, piece]), limit).toString(), text + text)
})

test('decompress() stops a bomb of any codec, and takes exactly the limit', () => {
  for (const size of [1000, 3_000_000]) {
    for (const codec of codecs) {
      const packed = compress(codec, Buffer.alloc(size))
      assert.throws(() => decompress(codec, packed, size - 1), ProtocolError, `${codec} of ${size}`)
      assert.equal(decompress(codec, packed, size).length, size, `${codec} of ${size}`)
    }
  }
})

test('a length that lies is refused before memory is spent on it', () => {
  const before = process.memoryUsage().arrayBuffers
  const lies: [(typeof codecs)[number], string][] = [
    ['snappy', 'ffffffff0f00'],
    ['snappy', '82534e415050590000000001000000017fffffff'],
    ['snappy', '82534e4150505900000000010000000180000000'],
    ['zstd', '28b52ffde0ffffffffffffff0f0000'],
    ['lz4', '04224d186040'],
    ['lz4', '04224d186040820000007f00'],
  ]
  for (const [codec, hex] of lies)
    assert.throws(() => decompress(codec, Buffer.from(hex, 'hex'), limit), ProtocolError, `${codec} ${hex}`)
  assert.ok(process.memoryUsage().arrayBuffers - before < 8 << 20)
})

test('a zstd stream that broke does not spoil the next one', () => {
  const piece = Buffer.from('28b52ffd04587d0000487461696c72616365200100b4cb11d474dca3', 'hex')
  assert.throws(() => decompress('zstd', piece.subarray(0, 15), limit), ProtocolError)
  assert.equal(decompress('zstd', piece, limit).toString(), text)
})

/** xxHash32, seed 0, of exactly two bytes: all that an LZ4 frame header without options needs. */
function xxHash32OfTwo(first: number, second: number): number {
  const prime = { one: 0x9e3779b1, two: 0x85ebca77, three: 0xc2b2ae3d, five: 0x165667b1 }
  let hash = prime.five + 2
  for (const byte of [first, second]) {
    hash = (hash + Math.imul(byte, prime.five)) | 0
    hash = Math.imul((hash << 11) | (hash >>> 21), prime.one)
  }
  hash = Math.imul(hash ^ (hash >>> 15), prime.two)
  hash = Math.imul(hash ^ (hash >>> 13), prime.three)
  return (hash ^ (hash >>> 16)) >>> 0
}
