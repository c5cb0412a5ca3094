// A broker that lies: everything goes to a real one, and of what comes back some answers are damaged, from a seed, cut
// off, said twice or of absurd length. It can be told to be honest again.
import { connect, createServer, type Server, type Socket } from 'node:net'
import { FrameSplitter, lengthPrefixBytes } from '../../broker/protocol/frame.ts'
import { Random } from '../chaos/random.ts'
import { mutate } from './mutations.ts'

/** The correlation id is left alone more often than not: an answer to nothing ends the connection at once. */
const correlationIdBytes = 4

export class HostileBroker implements AsyncDisposable {
  readonly port: number
  /** Where the real one is. */
  upstreamPort = 0
  isHonest = false
  /** Answers that were not passed on as they came. */
  faults = 0
  /** Bytes that clients have sent: whoever asks again and again without a pause sends many. */
  askedBytes = 0
  readonly #server: Server
  readonly #dice: Random
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server, seed: number) {
    this.#server = server
    this.#dice = new Random(seed)
    this.port = (server.address() as { port: number }).port
    server.on('connection', socket => this.#relay(socket))
  }

  static async listen(seed: number): Promise<HostileBroker> {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return new HostileBroker(server, seed)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise(resolve => this.#server.close(resolve))
  }

  #relay(client: Socket): void {
    const upstream = connect({ host: '127.0.0.1', port: this.upstreamPort })
    const splitter = new FrameSplitter(2 ** 28)
    const ends: readonly (readonly [Socket, Socket])[] = [
      [client, upstream],
      [upstream, client],
    ]
    for (const [one, other] of ends) {
      this.#sockets.add(one)
      one.on('error', () => {})
      one.on('close', () => {
        this.#sockets.delete(one)
        other.destroy()
      })
    }
    client.on('data', chunk => {
      this.askedBytes += chunk.length
      upstream.write(chunk)
    })
    upstream.on('data', chunk => {
      splitter.push(chunk)
      for (let frame = splitter.next(); frame !== null; frame = splitter.next()) this.#answer(client, frame)
    })
  }

  #answer(client: Socket, frame: Buffer): void {
    const dice = this.#dice
    const framed = Buffer.concat([Buffer.alloc(lengthPrefixBytes), frame])
    framed.writeInt32BE(frame.length)
    if (this.isHonest || dice.below(3) > 0) {
      client.write(framed)
      return
    }
    this.faults++
    const what = dice.below(12)
    if (what === 0) client.end(framed.subarray(0, dice.below(framed.length)))
    else if (what === 1) client.write(Buffer.concat([framed, framed]))
    else if (what === 2) {
      framed.writeInt32BE(dice.pick([-1, 0, 1, 0x7fff_ffff, frame.length + 7, 2 ** 29]))
      client.write(framed)
    } else {
      const from = lengthPrefixBytes + (what === 3 ? 0 : correlationIdBytes)
      const damaged = mutate(framed, dice, from)
      if (damaged.length >= lengthPrefixBytes) damaged.writeInt32BE(damaged.length - lengthPrefixBytes)
      client.write(damaged)
    }
  }
}
