// A batch that a broker refuses for what is in it, taken apart: halves, so that one bad record does not hold up the
// others; other timestamps, where the broker's clock will not have ours. The rare path, so it may cost. Pure.
import { BatchBuilder } from '../broker/protocol/batch-builder.ts'
import { decodeHeaders, encodeHeaders } from '../broker/protocol/record-headers.ts'
import { walkRecords } from '../broker/protocol/record-walk.ts'

/** The same records in two batches, in order. */
export function halve(batch: Buffer, recordCount: number): [Buffer, Buffer] {
  const middle = recordCount >> 1
  const first = new BatchBuilder()
  const second = new BatchBuilder()
  copyRecords(batch, index => (index < middle ? first : second), 0)
  return [first.build({ codec: 'zstd' }), second.build({ codec: 'zstd' })]
}

/** The same records, `shiftMs` earlier. */
export function shiftTimestamps(batch: Buffer, shiftMs: number): Buffer {
  const shifted = new BatchBuilder()
  copyRecords(batch, () => shifted, shiftMs)
  return shifted.build({ codec: 'zstd' })
}

/** Where a batch's only record came from: what its headers say. */
export function originOf(batch: Buffer): { readonly src: string; readonly position: number } {
  let src = ''
  let position = 0
  walkRecords(batch, (_offset, _time, buffer, _ks, _ke, _vs, _ve, headersStart, headerCount) => {
    for (const [name, value] of decodeHeaders(buffer, headersStart, headerCount)) {
      if (name === 'src') src = value?.toString('latin1') ?? ''
      if (name === 'pos') position = Number(value?.toString('latin1'))
    }
  })
  return { src, position }
}

function copyRecords(batch: Buffer, builderOf: (index: number) => BatchBuilder, shiftMs: number): void {
  let index = 0
  walkRecords(
    batch,
    (_offset, timestamp, buffer, keyStart, keyEnd, valueStart, valueEnd, headersStart, headerCount) => {
      const key = keyStart < 0 ? null : buffer.subarray(keyStart, keyEnd)
      const value = valueStart < 0 ? null : buffer.subarray(valueStart, valueEnd)
      const headers = encodeHeaders(decodeHeaders(buffer, headersStart, headerCount))
      builderOf(index++).append(key, value, headers, timestamp - shiftMs)
    },
  )
}
