// Bytes from enemies: random, cut, changed. Nothing but a ProtocolError may come of them, in bounded time and memory.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnyApi, everyVersion } from './apis.ts'
import { arbitraryBody, arbitraryBytes, seededRandom } from './arbitrary-body.ts'
import { BatchBuilder } from './batch-builder.ts'
import { Reader, Writer } from './bytes.ts'
import { decompress } from './compression.ts'
import type { AnyMessage } from './fields.ts'
import { decodeRequest, decodeRequestHeader } from './frame.ts'
import { ProtocolError } from './protocol-error.ts'
import { batchHeaderBytes, codecs, sealCrc, validateBatch, validateProducerBatch } from './record-batch.ts'
import { decodeHeaders, encodeHeaders, findHeader } from './record-headers.ts'
import { walkRecords } from './record-walk.ts'

/** Runs what may throw a ProtocolError; anything else is a hole. Returns whether it threw. */
function refused(run: () => unknown, label: string): boolean {
  try {
    run()
    return false
  } catch (error) {
    assert.ok(error instanceof ProtocolError, `${label}: ${String((error as Error).stack)}`)
    return true
  }
}

const decode = (message: AnyMessage, version: number, bytes: Buffer) => () =>
  message.decode(new Reader(bytes), version)

test('random bytes as any message decode or are refused', () => {
  const random = seededRandom(1)
  let refusals = 0
  for (const { api, version } of everyVersion()) {
    for (const message of [api.request, api.response]) {
      for (let i = 0; i < 25; i++) {
        const bytes = arbitraryBytes(Math.floor(random() * 120), random)
        if (refused(decode(message, version, bytes), `${message.name} v${version}`)) refusals++
      }
    }
  }
  assert.ok(refusals > 2000, `${refusals} refusals`)
})

test('every message cut at any byte is refused, for none is whole without its last byte', () => {
  const random = seededRandom(2)
  for (const { api, version } of everyVersion()) {
    for (const message of [api.request, api.response]) {
      const writer = new Writer()
      message.encode(writer, version, arbitraryBody(message, version, random))
      const whole = Buffer.from(writer.view())
      const step = Math.max(1, Math.floor(whole.length / 40))
      for (let cut = whole.length - 1; cut >= 0; cut -= step) {
        assert.ok(
          refused(decode(message, version, whole.subarray(0, cut)), `${message.name} v${version} at ${cut}`),
          `${message.name} v${version} was read from its first ${cut} of ${whole.length} bytes`,
        )
      }
    }
  }
})

test('messages with changed bytes decode or are refused', () => {
  const random = seededRandom(3)
  for (const { api, version } of everyVersion()) {
    for (const message of [api.request, api.response]) {
      const writer = new Writer()
      message.encode(writer, version, arbitraryBody(message, version, random))
      for (let i = 0; i < 12; i++) {
        const changed = mutated(Buffer.from(writer.view()), random)
        refused(decode(message, version, changed), `${message.name} v${version}`)
      }
    }
  }
})

test('random frames never get past the header with anything but a ProtocolError', () => {
  const random = seededRandom(4)
  const rows = new Map<number, AnyApi>([...everyVersion()].map(({ api }) => [api.key, api]))
  for (let i = 0; i < 4000; i++) {
    const frame = arbitraryBytes(Math.floor(random() * 100), random)
    if (frame.length > 4 && random() < 0.8) {
      frame.writeInt16BE(Math.floor(random() * 62), 0)
      frame.writeInt16BE(Math.floor(random() * 19), 2)
    }
    refused(() => {
      const header = decodeRequestHeader(frame)
      const api = rows.get(header.apiKey)
      if (api !== undefined) decodeRequest(frame, header, api)
    }, frame.toString('hex'))
  }
})

test('a tiny frame that claims two billion of anything costs next to no memory', () => {
  const claims = [Buffer.from('7fffffff', 'hex'), Buffer.from('ffffffff0f', 'hex'), Buffer.alloc(64, 0x7f)]
  const before = process.memoryUsage()
  let refusals = 0
  for (const { api, version } of everyVersion()) {
    for (const message of [api.request, api.response]) {
      for (const claim of claims) if (refused(decode(message, version, claim), message.name)) refusals++
    }
  }
  const after = process.memoryUsage()
  assert.ok(refusals > 300)
  assert.ok(after.arrayBuffers - before.arrayBuffers < 1 << 20)
  assert.ok(after.heapUsed - before.heapUsed < 64 << 20)
})

function someBatch(codec: (typeof codecs)[number]): Buffer {
  const builder = new BatchBuilder()
  const headers = encodeHeaders([
    ['src', 'a.b.0'],
    ['none', null],
  ])
  for (let i = 0; i < 20; i++)
    builder.append(
      i % 3 ? Buffer.from(`key-${i}`) : null,
      Buffer.from(`value ${i} `.repeat(i)),
      headers,
      1000 + i,
    )
  return builder.build({ codec })
}

test('changed batches are caught by their checksum, or, with the checksum mended, walk or are refused', () => {
  const random = seededRandom(5)
  const name = Buffer.from('none')
  for (const codec of codecs) {
    const batch = someBatch(codec)
    for (let i = 0; i < 150; i++) {
      const changed = mutated(Buffer.from(batch), random, batchHeaderBytes)
      if (!changed.equals(batch)) assert.notEqual(validateProducerBatch(changed), 'none')
      sealCrc(changed, 0)
      refused(
        () =>
          walkRecords(
            changed,
            (_offset, _time, buffer, _k, _ke, _v, _ve, headersStart, headerCount) => {
              findHeader(buffer, headersStart, headerCount, name)
              decodeHeaders(buffer, headersStart, headerCount)
            },
            1 << 20,
          ),
        codec,
      )
    }
  }
})

test('random and cut bytes never validate as a batch and never throw', () => {
  const random = seededRandom(6)
  for (let i = 0; i < 500; i++) {
    const bytes = arbitraryBytes(Math.floor(random() * 200), random)
    if (bytes.length > 17) bytes[16] = 2
    if (bytes.length > 61) bytes.writeInt32BE(bytes.length - 12, 8)
    assert.notEqual(validateProducerBatch(bytes), 'none')
    assert.notEqual(validateBatch(bytes, 0, bytes.length), 'none')
  }
  const batch = someBatch('none')
  for (let cut = 0; cut < batch.length; cut++)
    assert.notEqual(validateProducerBatch(batch.subarray(0, cut)), 'none')
})

test('no codec throws anything but a ProtocolError, whatever it is given', () => {
  const random = seededRandom(7)
  for (const codec of codecs.slice(1)) {
    const packed = someBatch(codec).subarray(batchHeaderBytes)
    for (let i = 0; i < 100; i++) {
      refused(() => decompress(codec, arbitraryBytes(Math.floor(random() * 80), random), 1 << 20), codec)
      refused(() => decompress(codec, mutated(Buffer.from(packed), random), 1 << 20), codec)
      refused(
        () => decompress(codec, packed.subarray(0, Math.floor(random() * packed.length)), 1 << 20),
        codec,
      )
    }
  }
})

function mutated(bytes: Buffer, random: () => number, from = 0): Buffer {
  if (bytes.length <= from) return bytes
  const changes = 1 + Math.floor(random() * 3)
  for (let i = 0; i < changes; i++) {
    const at = from + Math.floor(random() * (bytes.length - from))
    bytes[at] = random() < 0.3 ? 0xff : Math.floor(random() * 256)
  }
  return bytes
}
