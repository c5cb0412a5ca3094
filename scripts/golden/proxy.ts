// A TCP proxy that passes bytes on unchanged and writes down what it saw: each request beside its answer.
// Knows of Kafka only the length prefix and the first eight bytes of a request.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export interface SeenExchange {
  readonly apiKey: number
  readonly version: number
  readonly client: string
  /** With their length prefixes. */
  readonly request: Buffer
  response: Buffer | null
}

export class RecordingProxy {
  /** Who is talking; set before each client starts. */
  client = ''
  readonly seen: SeenExchange[]
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  /** Proxies of several brokers may write to one list. */
  constructor(targetPort: number, seen: SeenExchange[] = []) {
    this.seen = seen
    this.#server = createServer({ noDelay: true }, client => {
      const broker = connect({ port: targetPort, host: '127.0.0.1', noDelay: true })
      this.#keep(client)
      this.#keep(broker)
      this.#relay(client, broker)
    })
  }

  async listen(port: number): Promise<number> {
    this.#server.listen(port, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => socket.destroy())
  }

  #relay(client: Socket, broker: Socket): void {
    const name = this.client
    const waiting = new Map<number, SeenExchange>()
    const fromClient = new Frames(frame => {
      const exchange: SeenExchange = {
        apiKey: frame.readInt16BE(4),
        version: frame.readInt16BE(6),
        client: name,
        request: frame,
        response: null,
      }
      waiting.set(frame.readInt32BE(8), exchange)
      this.seen.push(exchange)
    })
    const fromBroker = new Frames(frame => {
      const exchange = waiting.get(frame.readInt32BE(4))
      if (exchange) exchange.response = frame
    })
    client.on('data', chunk => {
      fromClient.push(chunk)
      broker.write(chunk)
    })
    broker.on('data', chunk => {
      fromBroker.push(chunk)
      client.write(chunk)
    })
    client.on('close', () => broker.destroy())
    broker.on('close', () => client.destroy())
  }
}

/** Cuts a stream at its length prefixes. Speed does not matter here, so it simply concatenates. */
class Frames {
  readonly #onFrame: (frame: Buffer) => void
  #held: Buffer = Buffer.alloc(0)

  constructor(onFrame: (frame: Buffer) => void) {
    this.#onFrame = onFrame
  }

  push(chunk: Buffer): void {
    this.#held = Buffer.concat([this.#held, chunk])
    while (this.#held.length >= 4) {
      const end = 4 + this.#held.readInt32BE(0)
      if (this.#held.length < end) return
      this.#onFrame(Buffer.from(this.#held.subarray(0, end)))
      this.#held = this.#held.subarray(end)
    }
  }
}
