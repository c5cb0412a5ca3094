// What a process said, in a file that does not grow for ever: at its limit it becomes NAME.log.1, and a new one begins.
import { createWriteStream, renameSync, statSync, type WriteStream } from 'node:fs'

const bytesMax = 16 * 2 ** 20

export class LogFile {
  readonly #path: string
  readonly #bytesMax: number
  #stream: WriteStream
  #bytes: number

  constructor(path: string, limit = bytesMax) {
    this.#path = path
    this.#bytesMax = limit
    this.#bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0
    this.#stream = this.#open()
  }

  write(line: string): void {
    if (this.#bytes + line.length > this.#bytesMax) this.#turn()
    this.#bytes += Buffer.byteLength(line) + 1
    this.#stream.write(`${line}\n`)
  }

  /** Resolves when what was written has left this process. */
  end(): Promise<void> {
    return new Promise(resolve => this.#stream.end(resolve))
  }

  #turn(): void {
    this.#stream.end()
    try {
      renameSync(this.#path, `${this.#path}.1`)
    } catch {
      // A disk that refuses a rename must not take the appliance with it; the file goes on.
    }
    this.#bytes = 0
    this.#stream = this.#open()
  }

  #open(): WriteStream {
    const stream = createWriteStream(this.#path, { flags: 'a' })
    // A full disk loses lines of this log, not the process that writes it.
    stream.on('error', () => {})
    return stream
  }
}
