// A real three-member ZooKeeper ensemble for tests, by scripts/real/zookeeper.sh, with the faults we put it through.
// Starts and ends processes of its own only; everything else of it lies in a temporary directory.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const script = new URL('../../scripts/real/zookeeper.sh', import.meta.url).pathname
const run = promisify(execFile)
/** Offsets from the base port at which the script listens. */
const portOffsets = [1, 2, 3, 11, 12, 13, 21, 22, 23, 31, 32, 33]

export const memberNumbers = [1, 2, 3] as const

export class Ensemble {
  readonly directory: string
  readonly #process: ChildProcess
  readonly #plain: string
  readonly #encrypted: string

  private constructor(directory: string, process: ChildProcess, plain: string, encrypted: string) {
    this.directory = directory
    this.#process = process
    this.#plain = plain
    this.#encrypted = encrypted
  }

  static async start(): Promise<Ensemble> {
    const directory = await mkdtemp(join(tmpdir(), 'zookeeper-'))
    const args = ['start', '--tls', String(await freeBasePort()), directory]
    const child = spawn(script, args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, TAILRACE_SUPERVISED: '1' },
    })
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
    const plain = await lines.next()
    const encrypted = await lines.next()
    if (encrypted.done) throw new Error('Cannot start ZooKeeper: scripts/real/zookeeper.sh says why above')
    return new Ensemble(directory, child, plain.value!, encrypted.value!)
  }

  address(chroot: string): string {
    return `${this.#plain}/${chroot}`
  }

  encryptedAddress(chroot: string): string {
    return `${this.#encrypted}/${chroot}`
  }

  /** Of one member only. */
  addressOf(member: number, chroot: string): string {
    return `zookeeper://127.0.0.1:${this.port(member)}/${chroot}`
  }

  port(member: number): number {
    return Number(readFileSync(join(this.directory, String(member), 'port'), 'utf8'))
  }

  memberAt(endpoint: string): number {
    return memberNumbers.find(member => endpoint.endsWith(`:${this.port(member)}`))!
  }

  pem(name: string): string {
    return readFileSync(join(this.directory, 'tls', `${name}.pem`), 'utf8')
  }

  signal(member: number, signal: NodeJS.Signals): void {
    process.kill(Number(readFileSync(join(this.directory, String(member), 'pid'), 'utf8')), signal)
  }

  /** Starts a member that was killed, and waits until it serves. */
  async restart(...members: readonly number[]): Promise<void> {
    await Promise.all(members.map(member => run(script, ['member', String(member), this.directory])))
  }

  /** `leader` or `follower`; null for one that does not serve. */
  async mode(member: number): Promise<string | null> {
    const answer = await fourLetters(this.port(member), 'srvr')
    return /^Mode: (\w+)/m.exec(answer)?.[1] ?? null
  }

  async leader(): Promise<number> {
    for (;;) {
      for (const member of memberNumbers) if ((await this.mode(member)) === 'leader') return member
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  }

  async stop(): Promise<void> {
    this.#process.stdin!.end()
    if (this.#process.exitCode === null) await once(this.#process, 'exit')
    await rm(this.directory, { recursive: true })
  }
}

/** One of ZooKeeper's questions that need no session. Empty when nobody answers within a second. */
function fourLetters(port: number, word: string): Promise<string> {
  return new Promise(resolve => {
    let answer = ''
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(word))
    socket.setTimeout(1_000, () => socket.destroy())
    socket.on('data', chunk => {
      answer += chunk
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
  })
}

async function freeBasePort(): Promise<number> {
  for (let base = 22_000 + (process.pid % 100) * 50; ; base += 50) {
    const servers = portOffsets.map(offset => createServer().listen(base + offset, '127.0.0.1'))
    const results = await Promise.allSettled(servers.map(server => once(server, 'listening')))
    for (const server of servers) server.close()
    if (results.every(({ status }) => status === 'fulfilled')) return base
  }
}

/** Between a client and one member: can lose answers while requests pass. */
export class AnswerLoser {
  readonly port: number
  readonly #close: () => void
  readonly #pairs: readonly { readonly client: Socket }[]
  isLosing = false

  private constructor(port: number, pairs: readonly { readonly client: Socket }[], close: () => void) {
    this.port = port
    this.#pairs = pairs
    this.#close = close
  }

  static async start(memberPort: number): Promise<AnswerLoser> {
    const pairs: { client: Socket; server: Socket }[] = []
    const proxy = createServer(client => {
      const server = connect({ port: memberPort, host: '127.0.0.1' })
      pairs.push({ client, server })
      client.on('data', chunk => server.write(chunk))
      server.on('data', chunk => {
        if (loser.isLosing) client.destroy()
        else client.write(chunk)
      })
      for (const socket of [client, server]) socket.on('error', () => {})
      client.on('close', () => server.destroy())
      server.on('close', () => client.destroy())
    })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const loser = new AnswerLoser((proxy.address() as { port: number }).port, pairs, () => proxy.close())
    return loser
  }

  close(): void {
    this.#close()
    for (const { client } of this.#pairs) client.destroy()
  }
}
