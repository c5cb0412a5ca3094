// Frames written as annotated hex and held against the codecs both ways. For tests; no I/O.
import assert from 'node:assert/strict'
import type { AnyApi } from './apis.ts'
import { Writer } from './bytes.ts'
import { decodeRequest, decodeRequestHeader, decodeResponse, encodeRequest, encodeResponse } from './frame.ts'

/** Hex up to the first double space of a line, or the whole line; the rest is commentary. */
export function annotated(text: string): Buffer {
  const bytes = text
    .trim()
    .split('\n')
    .map(line => line.trim().split(/ {2,}/)[0]!.replaceAll(' ', ''))
  return Buffer.from(bytes.join(''), 'hex')
}

/** The frame reads as the body (what the body leaves out is not looked at), and the body writes as the frame. */
export function assertRequest(api: AnyApi, version: number, text: string, body: object): void {
  const frame = annotated(text)
  const header = decodeRequestHeader(frame)
  assert.deepEqual([header.apiKey, header.apiVersion], [api.key, version])
  assert.partialDeepStrictEqual(decodeRequest(frame, header, api) as object, body)
  const writer = new Writer()
  encodeRequest(writer, api, version, header.correlationId, header.clientId, body)
  assert.equal(writer.view(4).toString('hex'), frame.toString('hex'))
  assert.equal(writer.buffer.readInt32BE(0), frame.length)
}

export function assertResponse(api: AnyApi, version: number, text: string, body: object): void {
  const frame = annotated(text)
  assert.partialDeepStrictEqual(decodeResponse(frame, api, version) as object, body)
  const writer = new Writer()
  encodeResponse(writer, api, version, frame.readInt32BE(0), body)
  assert.equal(writer.view(4).toString('hex'), frame.toString('hex'))
}
