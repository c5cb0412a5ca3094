// The memory that a leader's answers arrive in, one after the other: used again for each round, kept while small.
import type { LentMemory } from '../client/open-socket.ts'

const readBufferBytes = 256 * 1024
/** An answer of the usual limit fits; what a single huge batch needed is let go. */
const keptBytesMax = 8 * 1024 * 1024

export class RoundMemory implements LentMemory {
  readonly readBuffer = Buffer.allocUnsafeSlow(readBufferBytes)
  #spare: Buffer | null = null

  take(bytes: number): Buffer {
    const spare = this.#spare
    this.#spare = null
    if (spare && spare.length >= bytes) return spare
    return Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(bytes)))
  }

  /** A view of the read buffer is nobody's to keep. Of two the larger one stays: it spares the next growth. */
  give(memory: Buffer): void {
    const { buffer } = memory
    if (buffer === this.readBuffer.buffer || buffer.byteLength > keptBytesMax) return
    if (!this.#spare || this.#spare.length < buffer.byteLength) this.#spare = Buffer.from(buffer)
  }
}
