// Golden bytes: what ZooKeeper's own Java client 3.8.0 sent to a member of a real 3.8.0 ensemble, and what that
// answered, in the order of one conversation. Our requests are these bytes, and we read the answers as it did.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JuteError, JuteReader } from './jute.ts'
import {
  addWatch,
  anyVersion,
  closeSession,
  create,
  creatorAcl,
  decodeChildren2,
  decodeConnect,
  decodeExists,
  decodeGetData,
  decodeMulti,
  decodeReplyHeader,
  decodeWatchEvent,
  digestAuth,
  encodeConnect,
  encodeRequest,
  errorCodes,
  exists,
  getChildren2,
  getData,
  multi,
  noPassword,
  openAcl,
  pingFrame,
  type Request,
  sync,
} from './protocol.ts'

const bytes = (text: string) => Buffer.from(text)
const watchedMulti = multi([
  { type: 'check', path: '/golden', version: 0 },
  { type: 'create', path: '/golden/a', data: bytes('1'), acl: openAcl, isEphemeral: false },
  { type: 'create', path: '/golden/a/m', data: bytes(''), acl: creatorAcl, isEphemeral: true },
  { type: 'setData', path: '/golden/a', data: bytes('2'), version: 0 },
])
const refusedMulti = multi([
  { type: 'check', path: '/golden', version: 0 },
  { type: 'delete', path: '/golden', version: 0 },
  { type: 'delete', path: '/golden/a/m', version: 0 },
])
const deletingMulti = multi([
  { type: 'delete', path: '/golden/a/m', version: 0 },
  { type: 'delete', path: '/golden/a', version: 1 },
  { type: 'check', path: '/golden', version: anyVersion },
])

const world = '00000005776f726c6400000006616e796f6e65'
const golden = '/golden'
const requests: readonly (readonly [name: string, xid: number, request: Request, frame: string])[] = [
  [
    'authentication',
    -4,
    digestAuth('user', 'secret'),
    '00000025fffffffc0000006400000000000000066469676573740000000b757365723a736563726574',
  ],
  [
    'create',
    1,
    create(golden, bytes('{}'), openAcl),
    `000000380000000100000001000000072f676f6c64656e000000027b7d000000010000001f${world}00000000`,
  ],
  ['addWatch', 2, addWatch(golden), '00000017000000020000006a000000072f676f6c64656e00000001'],
  ['exists', 3, exists(golden), '000000140000000300000003000000072f676f6c64656e00'],
  [
    'multi',
    5,
    watchedMulti,
    '000000b6000000050000000e0000000d00ffffffff000000072f676f6c64656e000000000000000100ffffffff000000092f676f6c' +
      `64656e2f610000000131000000010000001f${world}000000000000000100ffffffff0000000b2f676f6c64656e2f612f6d00000000` +
      '000000010000001f000000046175746800000000000000010000000500ffffffff000000092f676f6c64656e2f6100000001320000' +
      '0000ffffffff01ffffffff',
  ],
  ['getData', 6, getData('/golden/a'), '000000160000000600000004000000092f676f6c64656e2f6100'],
  ['getChildren2', 7, getChildren2(golden), '00000014000000070000000c000000072f676f6c64656e00'],
  ['sync', 8, sync(golden), '000000130000000800000009000000072f676f6c64656e'],
  [
    'multi that is refused',
    9,
    refusedMulti,
    '0000005d000000090000000e0000000d00ffffffff000000072f676f6c64656e000000000000000200ffffffff000000072f676f6c' +
      '64656e000000000000000200ffffffff0000000b2f676f6c64656e2f612f6d00000000ffffffff01ffffffff',
  ],
  [
    'multi that deletes',
    11,
    deletingMulti,
    '0000005f0000000b0000000e0000000200ffffffff0000000b2f676f6c64656e2f612f6d000000000000000200ffffffff00000009' +
      '2f676f6c64656e2f61000000010000000d00ffffffff000000072f676f6c64656effffffffffffffff01ffffffff',
  ],
  ['closeSession', 12, closeSession, '000000080000000cfffffff5'],
]

for (const [name, xid, request, frame] of requests) {
  test(`${name} is written as Java's client writes it`, () => {
    assert.equal(encodeRequest(xid, request).toString('hex'), frame)
  })
}

test('a ping is written as Java’s client writes it', () => {
  assert.equal(pingFrame.toString('hex'), '00000008fffffffe0000000b')
})

test('a connect request is written as Java’s client writes it, and its answer read', () => {
  const request = { lastZxid: 0n, timeoutMs: 6_000, sessionId: 0n, password: noPassword }
  const frame =
    '0000002d000000000000000000000000000017700000000000000000000000100000000000000000000000000000000000'
  assert.equal(encodeConnect(request).toString('hex'), frame)
  const answer =
    '0000000000001770' + '0100003b549f0000' + '0000001093' + '50715e2492bc92295dc77e0dc9031e' + '00'
  assert.deepEqual(decodeConnect(Buffer.from(answer, 'hex')), {
    timeoutMs: 6_000,
    sessionId: 0x0100_003b_549f_0000n,
    password: Buffer.from('9350715e2492bc92295dc77e0dc9031e', 'hex'),
  })
})

/** The frame without its length, behind its header. */
function answerOf(frame: string) {
  const buffer = Buffer.from(frame, 'hex').subarray(4)
  const reader = new JuteReader(buffer)
  return { header: decodeReplyHeader(reader), reader, body: buffer.subarray(reader.position) }
}

test('answers of reads are read with what the store needs of their stat', () => {
  const data = answerOf(
    '0000005900000006000000010000000300000000000000013200000001000000030000000100000003000001a20cce00eb000001a2' +
      '0cce00eb000000010000000100000000000000000000000000000001000000010000000100000003',
  )
  assert.deepEqual(data.header, { xid: 6, zxid: 0x1_0000_0003n, error: errorCodes.none })
  const stat = { czxid: 0x1_0000_0003n, mzxid: 0x1_0000_0003n, version: 1, ephemeralOwner: 0n, childCount: 1 }
  assert.deepEqual(decodeGetData(data.body), { data: bytes('2'), stat })

  const existing = answerOf(
    '000000540000000300000001000000020000000000000001000000020000000100000002000001a20cce00ae000001a20cce00ae00' +
      '0000000000000000000000000000000000000000000002000000000000000100000002',
  )
  assert.equal(decodeExists(existing.body).czxid, 0x1_0000_0002n)

  const children = answerOf(
    '0000005d0000000700000001000000030000000000000001000000016100000001000000020000000100000002000001a20cce00ae' +
      '000001a20cce00ae000000000000000100000000000000000000000000000002000000010000000100000003',
  )
  const { children: names, stat: parent } = decodeChildren2(children.body)
  assert.deepEqual([names, parent.childCount], [['a'], 1])
})

test('a node that is not there is an error in the header', () => {
  const { header } = answerOf('00000010000000040000000100000002ffffff9b')
  assert.deepEqual(header, { xid: 4, zxid: 0x1_0000_0002n, error: errorCodes.noNode })
})

test('a multi answers each step; what setData wrote has its version', () => {
  const { header, body } = answerOf(
    '0000009d000000050000000100000003000000000000000d0000000000000000010000000000000000092f676f6c64656e2f610000' +
      '000100000000000000000b2f676f6c64656e2f612f6d000000050000000000000000010000000300000001000000030000' +
      '01a20cce00eb000001a20cce00eb000000010000000100000000000000000000000000000001000000010000000100000003ffff' +
      'ffff01ffffffff',
  )
  assert.equal(header.zxid, 0x1_0000_0003n)
  const results = decodeMulti(body)
  assert.deepEqual(
    results.map(({ error, stat }) => [error, stat?.version]),
    [
      [0, undefined],
      [0, undefined],
      [0, undefined],
      [0, 1],
    ],
  )
})

test('a multi that is refused has no error in its header, and one in its results', () => {
  const { header, body } = answerOf(
    '0000004000000009000000010000000400000000ffffffff000000000000000000ffffffff00ffffff91ffffff91ffffffff00ffff' +
      'fffefffffffeffffffff01ffffffff',
  )
  assert.equal(header.error, errorCodes.none)
  const errors = decodeMulti(body).map(({ error }) => error)
  assert.deepEqual(errors, [errorCodes.none, errorCodes.notEmpty, errorCodes.runtimeInconsistency])
})

test('a watch tells the path of the node below it that changed', () => {
  const created = answerOf(
    '00000027ffffffffffffffffffffffff0000000000000001000000030000000b2f676f6c64656e2f612f6d',
  )
  assert.deepEqual([created.header.xid, created.header.zxid], [-1, -1n])
  assert.deepEqual(decodeWatchEvent(created.reader), { type: 1, path: '/golden/a/m' })
  const deleted = answerOf(
    '00000025ffffffffffffffffffffffff000000000000000200000003000000092f676f6c64656e2f61',
  )
  assert.deepEqual(decodeWatchEvent(deleted.reader), { type: 2, path: '/golden/a' })
})

test('an answer that lies about a length is refused', () => {
  const cases = ['7fffffff', '0000000500', 'fffffffe', '']
  for (const hex of cases) assert.throws(() => decodeGetData(Buffer.from(hex, 'hex')), JuteError)
  assert.throws(() => decodeChildren2(Buffer.from('10000000', 'hex')), JuteError)
  assert.throws(() => decodeMulti(Buffer.from('0000006300000000000000000000', 'hex')), JuteError)
})
