// Every combinator, classic and flexible, against bytes written by hand; then the rules of versions and defaults.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reader, Writer } from './bytes.ts'
import {
  type AnyField,
  array,
  bool,
  bytes,
  exactInt64,
  float64,
  int8,
  int16,
  int32,
  int64,
  isWithin,
  message,
  nullableArray,
  nullableBytes,
  nullableString,
  nullableStruct,
  records,
  string,
  struct,
  tagged,
  uint16,
  uuid,
  versionRange,
} from './fields.ts'
import { ProtocolError } from './protocol-error.ts'

/** Version 0 is classic, version 1 flexible. */
const holding = (value: AnyField) => message('Holding', { flexible: 1 }, { value })

function encoded(field: AnyField, version: number, body: object): string {
  const writer = new Writer()
  holding(field).encode(writer, version, body)
  return writer.view().toString('hex')
}

function decoded(field: AnyField, version: number, hex: string): unknown {
  const reader = new Reader(Buffer.from(hex, 'hex'))
  const body = holding(field).decode(reader, version)
  assert.equal(reader.remaining, 0, `${hex} is read to its end`)
  return body.value
}

const pair = struct({ a: int8(), b: string() })

test('each combinator reads and writes its classic and its flexible bytes', () => {
  // The trailing 00 of the flexible column is the message's own empty tag section.
  const table: [string, AnyField, value: unknown, classic: string, flexible: string][] = [
    ['int8', int8(), -2, 'fe', 'fe00'],
    ['int16', int16(), 258, '0102', '010200'],
    ['uint16', uint16(), 65534, 'fffe', 'fffe00'],
    ['int32', int32(), -1, 'ffffffff', 'ffffffff00'],
    ['int64', int64(), 1, '0000000000000001', '000000000000000100'],
    ['exactInt64', exactInt64(), -(2n ** 63n), '8000000000000000', '800000000000000000'],
    ['float64', float64(), -2, 'c000000000000000', 'c00000000000000000'],
    ['bool', bool(), true, '01', '0100'],
    [
      'uuid',
      uuid(),
      'AAECAwQFBgcICQoLDA0ODw',
      '000102030405060708090a0b0c0d0e0f',
      '000102030405060708090a0b0c0d0e0f00',
    ],
    ['string', string(), 'hé', '000368c3a9', '0468c3a900'],
    ['empty string', string(), '', '0000', '0100'],
    ['nullableString', nullableString(), null, 'ffff', '0000'],
    ['string nullable by option', string('0+', { nullable: '0+' }), null, 'ffff', '0000'],
    ['bytes', bytes(), Buffer.from('abc'), '00000003616263', '0461626300'],
    ['empty bytes', bytes(), Buffer.alloc(0), '00000000', '0100'],
    ['nullableBytes', nullableBytes(), null, 'ffffffff', '0000'],
    ['records', records(), Buffer.from('xyz'), '0000000378797a', '0478797a00'],
    ['null records', records(), null, 'ffffffff', '0000'],
    ['array', array(int16()), [1, 2], '0000000200010002', '030001000200'],
    ['empty array', array(int16()), [], '00000000', '0100'],
    ['nullableArray', nullableArray(int16()), null, 'ffffffff', '0000'],
    ['array of strings', array(string()), ['a', ''], '000000020001610000', '0302610100'],
    ['struct', pair, { a: 1, b: 'x' }, '01000178', '0102780000'],
    ['array of structs', array(pair), [{ a: 1, b: 'x' }], '0000000101000178', '020102780000'],
    ['nullableStruct', nullableStruct({ a: int8() }), { a: 7 }, '0107', '01070000'],
    ['null struct', nullableStruct({ a: int8() }), null, 'ff', 'ff00'],
  ]
  for (const [name, field, value, classic, flexible] of table) {
    assert.equal(encoded(field, 0, { value }), classic, `${name}, classic, written`)
    assert.equal(encoded(field, 1, { value }), flexible, `${name}, flexible, written`)
    assert.deepEqual(decoded(field, 0, classic), value, `${name}, classic, read`)
    assert.deepEqual(decoded(field, 1, flexible), value, `${name}, flexible, read`)
  }
})

test('null where none is allowed is refused both ways', () => {
  const table: [string, AnyField, classic: string, flexible: string][] = [
    ['string', string(), 'ffff', '0000'],
    ['bytes', bytes(), 'ffffffff', '0000'],
    ['array', array(int8()), 'ffffffff', '0000'],
  ]
  for (const [name, field, classic, flexible] of table) {
    assert.throws(() => decoded(field, 0, classic), ProtocolError, `${name}, classic`)
    assert.throws(() => decoded(field, 1, flexible), ProtocolError, `${name}, flexible`)
    assert.throws(() => encoded(field, 0, { value: null }), /Cannot write value: null/, `${name}, written`)
  }
})

test('a length below -1, a count that cannot fit and an odd presence byte are refused', () => {
  assert.throws(() => decoded(string(), 0, 'fffe'), /string of length -2/)
  assert.throws(() => decoded(bytes(), 0, '80000000'), ProtocolError)
  assert.throws(() => decoded(records(), 0, '7fffffff'), /2147483647 bytes wanted, 0 left/)
  assert.throws(
    () => decoded(array(int32()), 0, '0000000200000001'),
    /2 elements of at least 4 bytes, 4 left/,
  )
  assert.throws(() => decoded(array(pair), 1, 'ffffffff0f'), /elements of at least 3 bytes/)
  assert.throws(() => decoded(nullableStruct({ a: int8() }), 0, '0207'), /presence 2/)
})

test('an array may be nullable from a version on', () => {
  const since = array(int8(), '0+', { nullable: '1+' })
  assert.equal(decoded(since, 1, '0000'), null)
  assert.throws(() => decoded(since, 0, 'ffffffff'), ProtocolError)
  assert.throws(() => encoded(since, 0, { value: null }), TypeError)
})

const evolving = message(
  'Evolving',
  { flexible: 3 },
  {
    gone: string('0-1', { default: 'was' }),
    kept: int8(),
    added: int32('2+', { default: -1 }),
    leader: tagged(
      '3+',
      0,
      struct({ id: int32('3+', { default: -1 }), epoch: int32('3+', { default: -1 }) }),
    ),
    ids: tagged('3+', 5, array(int8())),
  },
)

function evolvingHex(version: number, body: Parameters<typeof evolving.encode>[2]): string {
  const writer = new Writer()
  evolving.encode(writer, version, body)
  return writer.view().toString('hex')
}
const evolvingBody = (version: number, hex: string) =>
  evolving.decode(new Reader(Buffer.from(hex, 'hex')), version)

test('every version decodes to the same keys in the same order, absent ones as their defaults', () => {
  assert.deepEqual(evolvingBody(0, '00036f6c6407'), {
    gone: 'old',
    kept: 7,
    added: -1,
    leader: { id: -1, epoch: -1 },
    ids: [],
  })
  const keys = ['gone', 'kept', 'added', 'leader', 'ids']
  for (const [version, hex] of [
    [0, '000007'],
    [2, '0700000001'],
    [3, '070000000100'],
  ] as const) {
    assert.deepEqual(Object.keys(evolvingBody(version, hex)), keys)
  }
})

test('what a body leaves out is written as its default, what a version lacks is not written', () => {
  assert.equal(evolvingHex(0, {}), '000377617300')
  assert.equal(evolvingHex(2, { gone: 'x', kept: 5, leader: { id: 1 } }), '05ffffffff')
})

test('tagged fields are written in order of tag, only when they differ from their defaults', () => {
  assert.equal(evolvingHex(3, { kept: 1, leader: { id: -1 }, ids: [] }), '01ffffffff00')
  //                                                count ┐ tag size value            tag size value
  assert.equal(
    evolvingHex(3, { kept: 1, ids: [9], leader: { id: 2 } }),
    '01ffffffff' + '02' + '00' + '09' + '00000002ffffffff00' + '05' + '02' + '0209',
  )
})

test('tagged fields are read in any order, unknown ones stepped over', () => {
  const hex = '01ffffffff' + '03' + '05020209' + '63' + '03aabbcc' + '00' + '0900000002ffffffff00'
  assert.deepEqual(evolvingBody(3, hex), {
    gone: 'was',
    kept: 1,
    added: -1,
    leader: { id: 2, epoch: -1 },
    ids: [9],
  })
})

test('a tagged field must use exactly the bytes it claims, and no more than there are', () => {
  assert.throws(() => evolvingBody(3, `01ffffffff01${'0503020900'}`), /tagged ids is 3 bytes and used 2/)
  assert.throws(() => evolvingBody(3, `01ffffffff01${'05010209'}`), ProtocolError)
  assert.throws(() => evolvingBody(3, `01ffffffff01${'05ff010209'}`), /255 bytes wanted/)
  assert.throws(() => evolvingBody(3, '01ffffffffffffffff0f'), ProtocolError)
})

test('the defaults of absent structs are shared, so they cannot be changed by whoever reads them', () => {
  const body = evolvingBody(0, '000007')
  assert.equal(body.leader, evolvingBody(2, '0700000001').leader)
  assert.throws(() => {
    body.leader.id = 5
  }, TypeError)
  body.ids.push(1)
  assert.deepEqual(evolvingBody(0, '000007').ids, [])
})

test('a value that cannot be written is named with its path', () => {
  const nested = message('Nested', {}, { topics: array(struct({ offsets: array(int64()) })) })
  assert.throws(
    () => nested.encode(new Writer(), 0, { topics: [{ offsets: [0.5] }] }),
    /^TypeError: Cannot write topics\.offsets: .*not a safe integer/,
  )
})

test('a tag at a version that is not flexible is a mistake in the schema', () => {
  const wrong = message('Wrong', { flexible: 2 }, { late: tagged('1+', 0, int8()) })
  assert.throws(() => wrong.decode(new Reader(Buffer.alloc(4)), 1), /which is not flexible/)
})

test('versionRange() reads the three notations and nothing else', () => {
  assert.deepEqual(versionRange('3+'), { min: 3, max: Number.POSITIVE_INFINITY })
  assert.deepEqual(versionRange('0-4'), { min: 0, max: 4 })
  assert.deepEqual(versionRange('7'), { min: 7, max: 7 })
  assert.throws(() => versionRange('3..4' as '3+'), /Cannot parse versions/)
  assert.deepEqual([isWithin(versionRange('0-4'), 4), isWithin(versionRange('0-4'), 5)], [true, false])
})

test('many small elements in one small frame are refused before they fill the heap', () => {
  const strings = message('Strings', { flexible: 0 }, { values: array(string()) })
  const frame = Buffer.alloc(2_000_004, 1)
  frame.set([0x81, 0x89, 0x7a], 0) // a count of 2,000,000
  assert.throws(() => strings.decode(new Reader(frame), 0), /more than 1048576 elements/)
})
