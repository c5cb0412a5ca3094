// The cheapest client there is: whole frames out, and of every frame that comes the first bytes. Nothing is kept,
// copied or decoded beyond them; answers come in the order of the requests.
import { connect, type Socket } from 'node:net'

const headBytesMax = 160
const readBufferBytes = 256 * 1_024

export class RawConnection {
  onFrame: (head: Buffer, length: number) => void = () => {}
  readonly #socket: Socket
  readonly #head = Buffer.alloc(4 + headBytesMax)
  /** Of the frame that is arriving, its prefix included. */
  #arrived = 0
  #length = -1

  private constructor(port: number) {
    const memory = {
      buffer: Buffer.allocUnsafeSlow(readBufferBytes),
      callback: (count: number, bytes: Uint8Array) => {
        this.#onData(bytes as Buffer, count)
        return true
      },
    }
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true, onread: memory })
  }

  static async open(port: number): Promise<RawConnection> {
    const connection = new RawConnection(port)
    const socket = connection.#socket
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    socket.on('error', fail)
    socket.on('close', () => fail(new Error('The broker closed a connection')))
    return connection
  }

  send(frame: Buffer): void {
    this.#socket.write(frame)
  }

  #onData(bytes: Buffer, count: number): void {
    for (let at = 0; at < count; ) {
      const headMissing = Math.min(this.#head.length, this.#length < 0 ? 4 : this.#length) - this.#arrived
      if (headMissing > 0) {
        const taken = Math.min(headMissing, count - at)
        bytes.copy(this.#head, this.#arrived, at, at + taken)
        this.#arrived += taken
        at += taken
        if (this.#length < 0 && this.#arrived === 4) this.#length = 4 + this.#head.readInt32BE(0)
      } else {
        const skipped = Math.min(this.#length - this.#arrived, count - at)
        this.#arrived += skipped
        at += skipped
      }
      if (this.#arrived === this.#length) this.#end()
    }
  }

  #end(): void {
    const { length } = this.#head.subarray(0, Math.min(this.#head.length, this.#length))
    const frameBytes = this.#length - 4
    this.#arrived = 0
    this.#length = -1
    this.onFrame(this.#head.subarray(4, length), frameBytes)
  }
}

function fail(error: Error): void {
  console.error(`load: ${error.message}`)
  process.exit(1)
}
