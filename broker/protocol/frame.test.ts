// Headers against bytes written by hand, and a splitter that trusts no length before the bytes are there.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apis } from './apis.ts'
import { arbitraryBytes, seededRandom } from './arbitrary-body.ts'
import { noBytes, Writer } from './bytes.ts'
import {
  decodeCorrelationId,
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  FrameSplitter,
  framePieces,
} from './frame.ts'
import { ProtocolError } from './protocol-error.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(/[^0-9a-f]/g, ''), 'hex')
const requestFrame = (
  ...args: Parameters<typeof encodeRequest> extends [Writer, ...infer Rest] ? Rest : never
) => {
  const writer = new Writer()
  encodeRequest(writer, ...args)
  return writer.view().toString('hex')
}

test('a request of a classic version has header v1', () => {
  // length 12 | key 12 v3 | correlation 7 | client id "me" | body
  const frame = '00000017 000c 0003 00000007 0002 6d65 0001 67 00000005 0000 ffff'
  const body = { groupId: 'g', generationId: 5, memberId: '', groupInstanceId: null }
  const expected = hex(frame)
  expected.writeInt32BE(expected.length - 4)
  assert.equal(requestFrame(apis.heartbeat, 3, 7, 'me', body), expected.toString('hex'))
  const header = decodeRequestHeader(expected.subarray(4))
  assert.deepEqual(header, { apiKey: 12, apiVersion: 3, correlationId: 7, clientId: 'me', bodyOffset: 12 })
  assert.deepEqual(decodeRequest(expected.subarray(4), header, apis.heartbeat), body)
})

test('a request of a flexible version has header v2: two-byte client id, then tags, which are stepped over', () => {
  const frame = hex('000c 0004 00000008 ffff 01 07 02 aabb 02 67 00000005 01 00 00')
  const header = decodeRequestHeader(frame)
  assert.deepEqual(header, { apiKey: 12, apiVersion: 4, correlationId: 8, clientId: null, bodyOffset: 15 })
  assert.equal(decodeRequest(frame, header, apis.heartbeat).groupId, 'g')
})

test('the header of an unknown API reads as far as the client id, so that it can be named in the log', () => {
  const header = decodeRequestHeader(hex('7fff 0063 00000009 0003 6b6366'))
  assert.deepEqual(header, {
    apiKey: 32767,
    apiVersion: 99,
    correlationId: 9,
    clientId: 'kcf',
    bodyOffset: 13,
  })
})

test('decodeRequest() refuses a version outside the accepted range', () => {
  for (const version of [-1, 2, 14]) {
    const header = { apiKey: 0, apiVersion: version, correlationId: 1, clientId: null, bodyOffset: 0 }
    assert.throws(() => decodeRequest(noBytes, header, apis.produce), /Produce v-?\d+ is not accepted/)
  }
})

test('a cut or impossible header is a ProtocolError', () => {
  for (const cut of [
    '',
    '00',
    '000c0003000000',
    '000c000300000007',
    '000c0003000000070005 6d65',
    '000c000300000007fffe',
  ]) {
    assert.throws(() => decodeRequestHeader(hex(cut)), ProtocolError, `"${cut}"`)
  }
})

test('a response header carries tags from the first flexible version, but never for ApiVersions', () => {
  const frameOf = (write: (writer: Writer) => void) => {
    const writer = new Writer()
    write(writer)
    return writer.view().toString('hex')
  }
  const beat = { throttleTimeMs: 0, errorCode: 27 }
  assert.equal(
    frameOf(w => encodeResponse(w, apis.heartbeat, 3, 1, beat)),
    '0000000a0000000100000000001b',
  )
  assert.equal(
    frameOf(w => encodeResponse(w, apis.heartbeat, 4, 1, beat)),
    '0000000c000000010000000000001b00',
  )
  assert.equal(
    frameOf(w => encodeResponse(w, apis.apiVersions, 3, 1, {})),
    //length   correlation error keys throttle tags
    '0000000c' + '00000001' + '0000' + '01' + '00000000' + '00',
  )
  assert.equal(decodeCorrelationId(hex('00000001 00')), 1)
  assert.deepEqual(decodeResponse(hex('00000001 00 00000000 001b 00'), apis.heartbeat, 4), beat)
})

test('frames can be appended to one writer, and external pieces count in their length', () => {
  const writer = new Writer()
  const records = { sizeInBytes: 1000 }
  const partitions = [{ partitionIndex: 0, records }]
  encodeResponse(writer, apis.heartbeat, 0, 1, {})
  encodeResponse(writer, apis.fetch, 4, 2, { responses: [{ topic: 't', partitions }] })
  encodeResponse(writer, apis.heartbeat, 0, 3, {})
  const pieces = framePieces(writer)
  assert.deepEqual(
    pieces.map(piece => (Buffer.isBuffer(piece) ? 'written' : piece)),
    ['written', records, 'written'],
  )
  const sent = Buffer.concat(pieces.map(piece => (Buffer.isBuffer(piece) ? piece : Buffer.alloc(1000, 7))))
  const splitter = new FrameSplitter(10_000)
  splitter.push(sent)
  assert.equal(decodeCorrelationId(splitter.next()!), 1)
  const fetched = decodeResponse(splitter.next()!, apis.fetch, 4)
  assert.deepEqual(fetched.responses[0]!.partitions[0]!.records, Buffer.alloc(1000, 7))
  assert.equal(decodeCorrelationId(splitter.next()!), 3)
  assert.equal(splitter.next(), null)
})

test('FrameSplitter gives the same frames however the bytes arrive', () => {
  const random = seededRandom(20261124)
  const frames = [0, 1, 5, 0, 300, 70_000, 2, 20_000].map(length => arbitraryBytes(length, random))
  const stream = Buffer.concat(frames.flatMap(frame => [lengthOf(frame.length), frame]))
  for (const chunkBytes of [1, 2, 3, 7, 1000, 16_384, 65_536, stream.length]) {
    const splitter = new FrameSplitter(100_000)
    const out: Buffer[] = []
    for (let at = 0; at < stream.length; at += chunkBytes) {
      splitter.push(stream.subarray(at, at + chunkBytes))
      for (let frame = splitter.next(); frame !== null; frame = splitter.next()) out.push(frame)
    }
    assert.deepEqual(out, frames, `chunks of ${chunkBytes}`)
    assert.equal(splitter.heldBytes, 0)
  }
})

test('FrameSplitter keeps frames that nobody asked for yet', () => {
  const splitter = new FrameSplitter(100)
  splitter.push(hex('00000001 aa 00000001 bb 00'))
  assert.deepEqual(splitter.next(), hex('aa'))
  splitter.push(hex('0000 01 cc'))
  assert.deepEqual([splitter.next(), splitter.next(), splitter.next()], [hex('bb'), hex('cc'), null])
})

test('FrameSplitter hands out a frame that came in one chunk without copying it', () => {
  const chunk = hex('00000002 aabb')
  const splitter = new FrameSplitter(100)
  splitter.push(chunk)
  assert.equal(splitter.next()!.buffer, chunk.buffer)
})

test('FrameSplitter refuses a negative or too large length before anything is allocated', () => {
  for (const [length, reason] of [
    ['ffffffff', /frame length -1 is negative/],
    ['80000000', /negative/],
    ['00000065', /frame length 101 exceeds 100/],
    ['7fffffff', /exceeds 100/],
    ['47455420', /exceeds/], // "GET " of a browser on the wrong port
  ] as const) {
    const splitter = new FrameSplitter(100)
    splitter.push(hex(length))
    assert.throws(() => splitter.next(), reason)
    assert.equal(splitter.heldBytes, 0)
  }
})

test('FrameSplitter holds memory in proportion to what arrived, not to what was claimed', () => {
  const splitter = new FrameSplitter(100 << 20)
  splitter.push(lengthOf(100 << 20))
  assert.equal(splitter.next(), null)
  assert.ok(splitter.heldBytes <= 16 * 1024, `${splitter.heldBytes} held for a bare length`)
  let arrived = 0
  for (let i = 0; i < 64; i++) {
    splitter.push(Buffer.alloc(8 * 1024))
    arrived += 8 * 1024
    assert.equal(splitter.next(), null)
    assert.ok(
      splitter.heldBytes <= Math.max(16 * 1024, arrived * 4),
      `${splitter.heldBytes} held for ${arrived}`,
    )
  }
})

test('FrameSplitter lets the limit be raised for a connection that has proved itself', () => {
  const splitter = new FrameSplitter(1)
  splitter.frameBytesMax = 2
  splitter.push(hex('00000002 aabb'))
  assert.deepEqual(splitter.next(), hex('aabb'))
  splitter.push(noBytes)
  assert.equal(splitter.next(), null)
})

function lengthOf(bytes: number): Buffer {
  const prefix = Buffer.alloc(4)
  prefix.writeInt32BE(bytes)
  return prefix
}
