// The memory that batches lie in, from their first line until they are acknowledged: buffers of a few sizes, used
// again and again, so that nothing waits for the garbage collector to find it. A batch starts small and moves to a
// buffer of twice the size when it has to. What is handed out is counted; what is spare is bounded.
import type { BatchMemory } from '../broker/protocol/batch-builder.ts'

const smallestBytes = 4_096
/** A batch of any usual size; a larger one gets memory that is not kept. */
const largestBytes = 1_048_576

export class BatchPool implements BatchMemory {
  readonly #budgetBytes: number
  readonly #spare = new Map<number, ArrayBuffer[]>()
  #spareBytes = 0
  #takenBytes = 0

  /** Of what is handed out and what is spare together, no more than this is kept. */
  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes
  }

  /** Handed out and not given back. */
  get takenBytes(): number {
    return this.#takenBytes
  }

  get spareBytes(): number {
    return this.#spareBytes
  }

  take(bytes: number): Buffer {
    const size = sizeFor(bytes)
    this.#takenBytes += size
    const used = this.#spare.get(size)?.pop()
    if (used !== undefined) {
      this.#spareBytes -= size
      return Buffer.from(used)
    }
    this.#letGo()
    return Buffer.allocUnsafeSlow(size)
  }

  /** Any view of what was taken. */
  give({ buffer }: Buffer): void {
    const size = buffer.byteLength
    this.#takenBytes -= size
    if (size > largestBytes || this.#takenBytes + this.#spareBytes + size > this.#budgetBytes) return
    let spare = this.#spare.get(size)
    if (!spare) {
      spare = []
      this.#spare.set(size, spare)
    }
    spare.push(buffer as ArrayBuffer)
    this.#spareBytes += size
  }

  /** Sizes that are not asked for any more make room for those that are. */
  #letGo(): void {
    for (const [size, spare] of this.#spare) {
      while (this.#takenBytes + this.#spareBytes > this.#budgetBytes && spare.pop() !== undefined) {
        this.#spareBytes -= size
      }
    }
  }
}

function sizeFor(bytes: number): number {
  if (bytes > largestBytes) return bytes
  let size = smallestBytes
  while (size < bytes) size *= 2
  return size
}
