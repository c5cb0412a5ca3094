// The batches that the benchmark of the broker sends: access lines that differ as real ones do, cut into records of
// one size, so that compression has something honest to do. The same bytes for the same shape, always.
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import type { BatchShape } from './broker-jobs.ts'

const corpusBytes = 1 << 20
const paths = ['/', '/products', '/cart', '/checkout', '/search', '/account/orders', '/assets/app.js']
/** 1 January 2026: fixed, so that every run sends the same. */
const timestampMs = 1_767_225_600_000
/** What a record needs beside its value, at most. */
const recordOverheadBytes = 12
const batchHeaderBytes = 61

let corpus: Buffer | undefined

export function batchOf(shape: BatchShape): { readonly bytes: Buffer; readonly records: number } {
  corpus ??= accessLines()
  const builder = new BatchBuilder()
  const perRecord = shape.recordBytes + recordOverheadBytes
  const records = Math.max(1, Math.floor((shape.batchBytes - batchHeaderBytes) / perRecord))
  for (let at = 0; at < records; at++) {
    const from = (at * shape.recordBytes) % (corpusBytes - shape.recordBytes)
    builder.append(null, corpus.subarray(from, from + shape.recordBytes), undefined, timestampMs)
  }
  return { bytes: Buffer.from(builder.build({ codec: shape.codec })), records }
}

function accessLines(): Buffer {
  let state = 1
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const lines: string[] = []
  for (let length = 0; length < corpusBytes + 200; length += lines.at(-1)!.length) {
    const address = `203.0.${random(256)}.${random(256)}`
    const at = `01/Jan/2026:00:${String(random(60)).padStart(2, '0')}:${String(random(60)).padStart(2, '0')}`
    const path = `${paths[random(paths.length)]}?id=${random(100_000)}`
    const outcome = `${random(20) === 0 ? 500 : 200} ${random(50_000)}`
    lines.push(
      `${address} - - [${at} +0000] "GET ${path} HTTP/1.1" ${outcome} "-" "curl/8.14.1" 0.${random(999)}\n`,
    )
  }
  return Buffer.from(lines.join(''))
}
