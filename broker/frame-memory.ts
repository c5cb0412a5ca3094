// Memory that requests arrive in: one buffer into which every socket is read, and a pool for frames that span
// reads. Produce requests are on disk when their handler returns, so their memory serves the next one: a broker
// under load neither allocates nor collects per request.
import type { FrameAllocator } from './protocol/frame.ts'

/** Shared by all sockets: what is read is taken out of it before the next read. */
export const readBufferBytes = 256 * 1024

const smallestClassBytes = 64 * 1024
/** 64 KiB, 128 KiB … 4 MiB; larger frames are rare and their memory is not kept. */
const classCount = 7
/** Unused memory kept for the next requests. */
const keptBytesMax = 24 * 1024 * 1024

export class FrameMemory implements FrameAllocator {
  readonly #free: Buffer[][] = Array.from({ length: classCount }, () => [])
  readonly #ours = new WeakSet<ArrayBufferLike>()
  #keptBytes = 0

  get keptBytes(): number {
    return this.#keptBytes
  }

  /** At least that much, not cleared. */
  take(bytes: number): Buffer {
    const index = classOf(bytes)
    if (index >= classCount) return Buffer.allocUnsafeSlow(bytes)
    const used = this.#free[index]!.pop()
    if (used) {
      this.#keptBytes -= used.length
      return used
    }
    const fresh = Buffer.allocUnsafeSlow(smallestClassBytes << index)
    this.#ours.add(fresh.buffer)
    return fresh
  }

  /** Nobody looks at it any more. Views of other memory are ignored. */
  give(view: Buffer): void {
    const memory = view.buffer
    if (!this.#ours.has(memory) || this.#keptBytes + memory.byteLength > keptBytesMax) return
    this.#keptBytes += memory.byteLength
    this.#free[classOf(memory.byteLength)]!.push(Buffer.from(memory))
  }
}

function classOf(bytes: number): number {
  return Math.max(0, Math.ceil(Math.log2(bytes / smallestClassBytes)))
}
