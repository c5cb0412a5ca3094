// A ZooKeeper for tests, in this process: the requests our client makes, on real sockets, over a tree in memory that
// several "members" share. It has one zxid for each change, versions, ephemerals, sessions that expire, recursive
// watches, and faults on request. What it does was read off real servers (the golden frames of protocol.test.ts).
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { FrameSplitter } from './frame-splitter.ts'
import { JuteReader, JuteWriter } from './jute.ts'
import { errorCodes, operationCodes as op, specialXids } from './protocol.ts'
import { NodeError, TreeDouble } from './tree-double.ts'

interface DoubleSession {
  readonly timeoutMs: number
  expiresAtMs: number
  connection: Connection | null
}

interface Connection {
  readonly member: MemberDouble
  readonly socket: Socket
  sessionId: bigint
  readonly watched: Set<string>
}

export interface MemberDouble {
  readonly port: number
  /** Takes what arrives and answers nothing, like a stopped process, until resumed. */
  isPaused: boolean
  /** Answers pings only, like a member that has lost its leader. */
  isCutOff: boolean
  held: (() => void)[]
  server: Server
}

export class ServerDouble {
  readonly members: MemberDouble[] = []
  readonly tree = new TreeDouble()
  /** Types of requests as they were taken, pings left out. */
  readonly requests: number[] = []
  readonly #sessions = new Map<bigint, DoubleSession>()
  readonly #connections = new Set<Connection>()
  readonly #minTimeoutMs: number
  readonly #expiry: NodeJS.Timeout
  #nextSession = 0x1000_0001n
  #cutAfter: number | null = null

  private constructor(minTimeoutMs: number) {
    this.#minTimeoutMs = minTimeoutMs
    this.#expiry = setInterval(() => this.#expireSessions(), 10)
  }

  static async start(members = 1, minTimeoutMs = 100): Promise<ServerDouble> {
    const double = new ServerDouble(minTimeoutMs)
    for (let n = 0; n < members; n++) await double.#addMember()
    return double
  }

  /** The connect string of all members. */
  address(chroot: string): string {
    return `zookeeper://${this.members.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${chroot}`
  }

  /** The next request of this type is carried out, and its connection cut instead of an answer. */
  cutInsteadOfAnswering(type: number): void {
    this.#cutAfter = type
  }

  cutConnections(): void {
    for (const { socket } of this.#connections) socket.destroy()
  }

  expireAll(): void {
    for (const session of this.#sessions.values()) session.expiresAtMs = 0
    this.#expireSessions()
  }

  resume(member: MemberDouble): void {
    member.isPaused = false
    for (const action of member.held.splice(0)) action()
  }

  async close(): Promise<void> {
    clearInterval(this.#expiry)
    this.cutConnections()
    for (const { server } of this.members) {
      server.close()
      await once(server, 'close')
    }
  }

  async #addMember(): Promise<void> {
    const server = createServer(socket => this.#accept(member, socket))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const member: MemberDouble = { port, isPaused: false, isCutOff: false, held: [], server }
    this.members.push(member)
  }

  #accept(member: MemberDouble, socket: Socket): void {
    const connection: Connection = { member, socket, sessionId: 0n, watched: new Set() }
    this.#connections.add(connection)
    const splitter = new FrameSplitter()
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#connections.delete(connection)
      const session = this.#sessions.get(connection.sessionId)
      if (session?.connection === connection) session.connection = null
    })
    socket.on('data', chunk => {
      splitter.push(chunk, frame => {
        const action = () => this.#take(connection, frame)
        if (member.isPaused) member.held.push(action)
        else action()
      })
    })
  }

  #take(connection: Connection, frame: Buffer): void {
    if (connection.sessionId === 0n) {
      this.#connect(connection, new JuteReader(frame))
      return
    }
    const reader = new JuteReader(frame)
    const xid = reader.int()
    const type = reader.int()
    const session = this.#sessions.get(connection.sessionId)
    if (!session) {
      connection.socket.destroy()
      return
    }
    session.expiresAtMs = performance.now() + session.timeoutMs
    if (type !== op.ping) this.requests.push(type)
    if (connection.member.isCutOff && type !== op.ping) return
    const answer = this.#carryOut(connection, type, reader)
    if (this.#cutAfter === type) {
      this.#cutAfter = null
      connection.socket.destroy()
      return
    }
    const xidOut = type === op.ping ? specialXids.ping : xid
    send(connection, new JuteWriter().int(xidOut).long(this.tree.zxid).int(answer.error).raw(answer.body))
    if (type === op.closeSession) connection.socket.end()
  }

  #connect(connection: Connection, reader: JuteReader): void {
    reader.int()
    const lastZxid = reader.long()
    const asked = reader.int()
    const sessionId = reader.long()
    // As a real member does with a client that has seen more than it has, or while it has no leader.
    if (lastZxid > this.tree.zxid || connection.member.isCutOff) {
      connection.socket.destroy()
      return
    }
    let session = this.#sessions.get(sessionId)
    if (sessionId === 0n) {
      this.tree.change(() => {})
      const timeoutMs = Math.max(this.#minTimeoutMs, asked)
      session = { timeoutMs, expiresAtMs: performance.now() + timeoutMs, connection: null }
      connection.sessionId = this.#nextSession++
      this.#sessions.set(connection.sessionId, session)
    } else if (session) {
      session.connection?.socket.destroy()
      session.expiresAtMs = performance.now() + session.timeoutMs
      connection.sessionId = sessionId
    }
    if (session) session.connection = connection
    const timeoutMs = session?.timeoutMs ?? 0
    send(
      connection,
      new JuteWriter().int(0).int(timeoutMs).long(connection.sessionId).bytes(Buffer.alloc(16)).bool(false),
    )
    if (!session) connection.socket.end()
  }

  #carryOut(
    connection: Connection,
    type: number,
    reader: JuteReader,
  ): { readonly error: number; readonly body: Buffer } {
    const writer = new JuteWriter()
    try {
      switch (type) {
        case op.getData: {
          const node = this.tree.node(reader.string())
          writer.bytes(node.data).raw(this.tree.stat(node))
          break
        }
        case op.exists:
          writer.raw(this.tree.stat(this.tree.node(reader.string())))
          break
        case op.getChildren2: {
          const node = this.tree.node(reader.string())
          writer.int(node.children.size)
          for (const name of node.children) writer.string(name)
          writer.raw(this.tree.stat(node))
          break
        }
        case op.create:
          this.#announce(() =>
            this.tree.change(() => this.tree.carryOut(type, reader, connection.sessionId, writer)),
          )
          break
        case op.multi:
          this.#announce(() => this.tree.multi(reader, connection.sessionId, writer))
          break
        case op.sync:
          writer.string(reader.string())
          break
        case op.addWatch:
          connection.watched.add(reader.string())
          writer.int(0)
          break
        case op.closeSession:
          this.#endSession(connection.sessionId)
          break
      }
      return { error: errorCodes.none, body: writer.finish() }
    } catch (error) {
      if (!(error instanceof NodeError)) throw error
      return { error: error.code, body: Buffer.alloc(0) }
    }
  }

  /** Tells watchers of what changed before anybody is answered, as real servers do. */
  #announce(change: () => void): void {
    change()
    for (const { type, path } of this.tree.events.splice(0)) {
      for (const connection of this.#connections) {
        const isWatched = [...connection.watched].some(root => path === root || path.startsWith(`${root}/`))
        if (!isWatched) continue
        const event = new JuteWriter()
          .int(specialXids.notification)
          .long(-1n)
          .int(0)
          .int(type)
          .int(3)
          .string(path)
        if (connection.member.isPaused) connection.member.held.push(() => send(connection, event))
        else send(connection, event)
      }
    }
  }

  #expireSessions(): void {
    const now = performance.now()
    for (const [id, session] of this.#sessions) {
      if (session.expiresAtMs > now) continue
      this.#endSession(id)
      session.connection?.socket.destroy()
    }
  }

  #endSession(id: bigint): void {
    this.#sessions.delete(id)
    this.#announce(() => this.tree.change(() => this.tree.removeEphemeralsOf(id)))
  }
}

function send({ socket }: Connection, writer: JuteWriter): void {
  socket.write(writer.finishFrame())
}
