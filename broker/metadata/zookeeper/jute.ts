// ZooKeeper's encoding ("jute"): big-endian integers, and strings, byte arrays and vectors with a 32-bit length in
// front, -1 for null. A reader never looks beyond its end: what lies about its length is a JuteError. No I/O.

export class JuteError extends Error {
  override readonly name = 'JuteError'
}

export class JuteReader {
  readonly buffer: Buffer
  position: number

  constructor(buffer: Buffer, position = 0) {
    this.buffer = buffer
    this.position = position
  }

  get remaining(): number {
    return this.buffer.length - this.position
  }

  /** Steps over `length` bytes and returns where they start. */
  take(length: number): number {
    const start = this.position
    if (length < 0 || length > this.remaining) {
      throw new JuteError(`Cannot read ${length} bytes at ${start}: ${this.remaining} are left`)
    }
    this.position = start + length
    return start
  }

  bool(): boolean {
    return this.buffer[this.take(1)] !== 0
  }

  int(): number {
    return this.buffer.readInt32BE(this.take(4))
  }

  long(): bigint {
    return this.buffer.readBigInt64BE(this.take(8))
  }

  /** A view into the frame; null as an empty one, which is what it means wherever we read. */
  bytes(): Buffer {
    const length = this.int()
    if (length === -1) return this.buffer.subarray(this.position, this.position)
    const start = this.take(length)
    return this.buffer.subarray(start, this.position)
  }

  string(): string {
    return this.bytes().toString('utf8')
  }

  strings(): string[] {
    const count = this.int()
    if (count * 4 > this.remaining) throw new JuteError(`Cannot read ${count} strings: the frame is shorter`)
    return Array.from({ length: Math.max(0, count) }, () => this.string())
  }
}

export class JuteWriter {
  #buffer: Buffer
  #length = 0

  constructor(sizeGuess = 256) {
    this.#buffer = Buffer.allocUnsafe(sizeGuess)
  }

  get length(): number {
    return this.#length
  }

  bool(value: boolean): this {
    this.#reserve(1)
    this.#buffer[this.#length++] = value ? 1 : 0
    return this
  }

  int(value: number): this {
    this.#reserve(4)
    this.#length = this.#buffer.writeInt32BE(value, this.#length)
    return this
  }

  long(value: bigint): this {
    this.#reserve(8)
    this.#length = this.#buffer.writeBigInt64BE(value, this.#length)
    return this
  }

  bytes(value: Uint8Array): this {
    this.int(value.length)
    return this.raw(value)
  }

  string(value: string): this {
    return this.bytes(Buffer.from(value, 'utf8'))
  }

  raw(value: Uint8Array): this {
    this.#reserve(value.length)
    this.#buffer.set(value, this.#length)
    this.#length += value.length
    return this
  }

  /** What was written. The writer is not used after it. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  /** The same behind its own length: a frame as it goes on the wire. */
  finishFrame(): Buffer {
    const frame = Buffer.allocUnsafe(4 + this.#length)
    frame.writeInt32BE(this.#length, 0)
    this.#buffer.copy(frame, 4, 0, this.#length)
    return frame
  }

  #reserve(length: number): void {
    if (this.#length + length <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + length))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }
}
