// Bytes as they arrive in, whole frames out. A length is checked before anything is kept for it, and what is kept
// grows with what has arrived, not with what was announced. No I/O.
import { JuteError } from './jute.ts'

/** Far above any answer we ask for: a list of 100,000 partitions is 5 MB. */
const frameBytesMax = 64 * 1024 * 1024

export class FrameSplitter {
  #chunks: Buffer[] = []
  #length = 0

  /** Calls `onFrame` for each frame that is now whole, without its length. */
  push(chunk: Buffer, onFrame: (frame: Buffer) => void): void {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    for (;;) {
      if (this.#length < 4) return
      const wanted = this.#first(4).readInt32BE(0)
      if (wanted < 0 || wanted > frameBytesMax) {
        throw new JuteError(`Cannot read a frame: it announces ${wanted} bytes, ${frameBytesMax} is the most`)
      }
      if (this.#length < 4 + wanted) return
      const joined = this.#first(4 + wanted)
      const rest = joined.subarray(4 + wanted)
      this.#chunks[0] = rest
      if (rest.length === 0) this.#chunks.shift()
      this.#length -= 4 + wanted
      onFrame(joined.subarray(4, 4 + wanted))
    }
  }

  /** The first chunk, made at least `length` bytes long; chunks are joined only when a frame spans them. */
  #first(length: number): Buffer {
    if (this.#chunks[0]!.length < length) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0]!
  }
}
