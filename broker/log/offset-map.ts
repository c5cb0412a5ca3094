// The newest offset of every key of a stretch of log, in bounded memory: a table of 16 bytes of each key's SHA-256 and
// its offset, 24 bytes a slot, open addressing. Two keys of one hash would be taken for one; at 128 bits of a
// cryptographic hash nobody can make such a pair, and chance does not. Pure.
import { hash } from 'node:crypto'

const slotBytes = 24
const firstSlots = 1024
const fullestShare = 0.75
const wordsPerSlot = 4

export class OffsetMap {
  readonly #slotsMax: number
  #words: Uint32Array
  /** -1: empty. */
  #offsets: Float64Array
  #count = 0

  constructor(budgetBytes: number) {
    this.#slotsMax = Math.max(firstSlots, 2 ** Math.floor(Math.log2(budgetBytes / slotBytes)))
    this.#words = new Uint32Array(firstSlots * wordsPerSlot)
    this.#offsets = new Float64Array(firstSlots).fill(-1)
  }

  get size(): number {
    return this.#count
  }

  get memoryBytes(): number {
    return this.#offsets.length * slotBytes
  }

  /** Notes that the key occurs at `offset`, later than all before. False, and nothing noted: the budget is spent. */
  put(key: Uint8Array, offset: number): boolean {
    const digest = digestOf(key)
    let slot = this.#slotOf(digest)
    if (this.#offsets[slot]! < 0) {
      if (this.#count + 1 > this.#offsets.length * fullestShare) {
        if (this.#offsets.length * 2 > this.#slotsMax) return false
        this.#grow()
        slot = this.#slotOf(digest)
      }
      this.#count++
      for (let i = 0; i < wordsPerSlot; i++) this.#words[slot * wordsPerSlot + i] = digest.readUInt32LE(i * 4)
    }
    this.#offsets[slot] = offset
    return true
  }

  /** -1 for a key that is not there. */
  get(key: Uint8Array): number {
    return this.#offsets[this.#slotOf(digestOf(key))]!
  }

  /** Where the key is, or the empty slot where it would go. */
  #slotOf(digest: Buffer): number {
    const mask = this.#offsets.length - 1
    for (let slot = digest.readUInt32LE(0) & mask; ; slot = (slot + 1) & mask) {
      if (this.#offsets[slot]! < 0) return slot
      const at = slot * wordsPerSlot
      let isSame = true
      for (let i = 0; isSame && i < wordsPerSlot; i++)
        isSame = this.#words[at + i] === digest.readUInt32LE(i * 4)
      if (isSame) return slot
    }
  }

  #grow(): void {
    const words = this.#words
    const offsets = this.#offsets
    this.#words = new Uint32Array(words.length * 2)
    this.#offsets = new Float64Array(offsets.length * 2).fill(-1)
    const mask = this.#offsets.length - 1
    for (let from = 0; from < offsets.length; from++) {
      if (offsets[from]! < 0) continue
      let slot = words[from * wordsPerSlot]! & mask
      while (this.#offsets[slot]! >= 0) slot = (slot + 1) & mask
      this.#offsets[slot] = offsets[from]!
      for (let i = 0; i < wordsPerSlot; i++)
        this.#words[slot * wordsPerSlot + i] = words[from * wordsPerSlot + i]!
    }
  }
}

function digestOf(key: Uint8Array): Buffer {
  return hash('sha256', key, 'buffer')
}
