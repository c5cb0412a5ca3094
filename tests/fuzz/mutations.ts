// What is done to bytes that were right: bits flipped, lengths and counts made to lie, parts cut, doubled or moved.
// Pure: the same dice give the same bytes.
import type { Random } from '../chaos/random.ts'

type Mutation = (bytes: Buffer, from: number, dice: Random) => Buffer

const int32s = [0, -1, 1, 0x7fff_ffff, -0x8000_0000, 0x00ff_ffff, 0x7fff_fff0, -2, 1_000_000]
const int16s = [0, -1, 1, 0x7fff, -0x8000, -2, 249, 250]
/** The largest unsigned varint, one too long, none at all, and small ones. */
const varints = ['ffffffff0f', 'ffffffffffffffffff01', '8080808000', '00', '01', '02', 'ff01'].map(hex =>
  Buffer.from(hex, 'hex'),
)

const mutations: readonly Mutation[] = [
  (bytes, from, dice) => {
    for (let flips = 1 + dice.below(8); flips > 0; flips--)
      bytes[place(bytes, from, dice)]! ^= 1 << dice.below(8)
    return bytes
  },
  (bytes, from, dice) => {
    bytes[place(bytes, from, dice)] = dice.pick([0, 1, 0x7f, 0x80, 0xff, dice.below(256)])
    return bytes
  },
  (bytes, from, dice) => {
    const at = place(bytes, from, dice)
    if (at + 4 <= bytes.length) bytes.writeInt32BE(dice.pick(int32s), at)
    return bytes
  },
  (bytes, from, dice) => {
    const at = place(bytes, from, dice)
    if (at + 2 <= bytes.length) bytes.writeInt16BE(dice.pick(int16s), at)
    return bytes
  },
  (bytes, from, dice) => {
    const at = place(bytes, from, dice)
    return Buffer.concat([bytes.subarray(0, at), dice.pick(varints), bytes.subarray(at + 1)])
  },
  (bytes, from, dice) => bytes.subarray(0, place(bytes, from, dice)),
  (bytes, from, dice) => {
    const at = place(bytes, from, dice)
    const part = bytes.subarray(at, at + 1 + dice.below(40))
    return Buffer.concat([bytes.subarray(0, at), part, part, bytes.subarray(at + part.length)])
  },
  (bytes, from, dice) => {
    const at = place(bytes, from, dice)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + dice.below(20))])
  },
  (bytes, from, dice) => {
    const at = place(bytes, from, dice)
    const noise = Buffer.from(Array.from({ length: 1 + dice.below(30) }, () => dice.below(256)))
    return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)])
  },
  (bytes, from, dice) => {
    const one = place(bytes, from, dice)
    const other = place(bytes, from, dice)
    bytes.copyWithin(one, other, other + 1 + dice.below(16))
    return bytes
  },
]

/** One to three changes from `from` on. The given bytes may be changed in place. */
export function mutate(bytes: Buffer, dice: Random, from = 0): Buffer {
  let changed = bytes
  for (let left = 1 + dice.below(3); left > 0 && changed.length > from; left--) {
    changed = dice.pick(mutations)(changed, from, dice)
  }
  return changed
}

/** Tags that nobody has defined in place of none, where a flexible body ends. */
export function withUnknownTags(body: Buffer, dice: Random): Buffer {
  if (body.at(-1) !== 0) return body
  const count = 1 + dice.below(3)
  const tags = [Buffer.of(count)]
  for (let tag = 0; tag < count; tag++) {
    const value = Buffer.alloc(dice.below(100), tag)
    tags.push(Buffer.of(0x80 | (100 + tag), 0x7f, value.length), value)
  }
  return Buffer.concat([body.subarray(0, -1), ...tags])
}

function place(bytes: Buffer, from: number, dice: Random): number {
  return from + dice.below(Math.max(1, bytes.length - from))
}
