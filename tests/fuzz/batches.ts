// Record batches of every kind a client could send: sound ones in all codecs, of producers that count and of those
// that do not, and ones that lie in their header, in their records or in their compression. Pure.
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { batchHeaderBytes, type CodecName, codecs, sealCrc } from '../../broker/protocol/record-batch.ts'
import { encodeHeaders } from '../../broker/protocol/record-headers.ts'
import type { Random } from '../chaos/random.ts'
import { mutate } from './mutations.ts'

/** Who a batch says has made it. */
export interface ProducerFacts {
  readonly producerId: number
  readonly producerEpoch: number
}

const headers = encodeHeaders([
  ['src', 'a.b.0'],
  ['', null],
])

/** A batch that any broker takes. */
export function soundBatch(dice: Random, producer?: ProducerFacts, codec = dice.pick(codecs)): Buffer {
  const builder = new BatchBuilder(1_024)
  for (let left = 1 + dice.below(5); left > 0; left--) {
    const key = dice.below(3) === 0 ? null : Buffer.from(`key-${dice.below(4)}`)
    const value = dice.below(8) === 0 ? null : Buffer.alloc(dice.below(60), 97)
    builder.append(key, value, dice.below(2) === 0 ? headers : undefined, 1_700_000_000_000 + dice.below(9))
  }
  if (!producer) return builder.build({ codec })
  const { producerId, producerEpoch: epoch } = producer
  return builder.build({ codec, producerId, epoch, sequence: dice.pick([0, 0, 0, 1, 5, 2 ** 31 - 1, -1]) })
}

/** Where the header keeps what, and how wide, by record-batch.ts. */
const headerFields: readonly (readonly [at: number, bytes: number])[] = [
  [0, 8],
  [8, 4],
  [12, 4],
  [16, 1],
  [17, 4],
  [21, 2],
  [23, 4],
  [27, 8],
  [35, 8],
  [43, 8],
  [51, 2],
  [53, 4],
  [57, 4],
]

/** Anything from sound to absurd. The checksum is mended more often than not, or nothing else would be looked at. */
export function someRecords(dice: Random, producer?: ProducerFacts): Buffer | null {
  const what = dice.below(20)
  const batch = soundBatch(dice, dice.below(2) === 0 ? producer : undefined)
  if (what < 9) return batch
  if (what === 9) return null
  if (what === 10) return Buffer.alloc(0)
  if (what === 11) return Buffer.concat([batch, soundBatch(dice)])
  if (what === 12) return batch.subarray(0, dice.below(batch.length))
  if (what === 13) return bomb(dice.pick(codecs.slice(1)), dice.pick([100_000, 3_000_000]))
  const changed =
    what < 17 ? lyingHeader(batch, dice) : mutate(batch, dice, what === 17 ? 0 : batchHeaderBytes)
  if (dice.below(4) > 0) seal(changed)
  return changed
}

/** A few bytes that are many once they are decompressed, in one record that says so. */
export function bomb(codec: CodecName, bytes: number): Buffer {
  const builder = new BatchBuilder(bytes + 1_024)
  builder.append(null, Buffer.alloc(bytes), undefined, 1_700_000_000_000)
  return builder.build({ codec })
}

/** Right by its checksum, if its length allows one. */
export function seal(batch: Buffer): void {
  if (batch.length < batchHeaderBytes) return
  const size = batch.readInt32BE(8) + 12
  if (size >= batchHeaderBytes && size <= batch.length) sealCrc(batch, 0)
}

function lyingHeader(batch: Buffer, dice: Random): Buffer {
  const [at, bytes] = dice.pick(headerFields)
  const fill = dice.pick([0x00, 0xff, 0x7f, 0x80, 0x01])
  if (dice.below(2) === 0) batch.fill(fill, at, at + bytes)
  else batch[at + bytes - 1]! += dice.pick([1, 255, 2, 16, 32])
  return batch
}
