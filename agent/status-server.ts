// What an agent answers to its own machine, on a loopback port: health and metrics to everybody; its files, and the
// lines as they leave, to whoever can read the token in `<data>/status.json` (0600), because other users of the machine
// may not read those logs. A reader that is slow misses lines; it never holds the agent up.
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { decodeHeaders } from '../broker/protocol/record-headers.ts'
import { walkRecords } from '../broker/protocol/record-walk.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { type AgentDescription, metricsText } from './description.ts'

export type TapListener = (topic: string, partition: number, batch: Buffer) => void

export interface DescribedAgent {
  describe(): AgentDescription
  /** Every batch as it leaves, until the function that is returned is called. */
  tap(listener: TapListener): () => void
}

export interface StatusAddress {
  readonly pid: number
  readonly port: number
  readonly token: string
}

export interface StatusServer {
  readonly port: number
  close(): void
}

const tapsMax = 4
/** What waits for a slow reader of a tap; beyond it batches are left out. */
const tapBytesMax = 1_048_576

export function statusPath(dataDirectory: string): string {
  return join(dataDirectory, 'status.json')
}

/** `current` is null while the agent is being replaced by one with another configuration. */
export async function startStatusServer(
  current: () => DescribedAgent | null,
  dataDirectory: string,
  wantedPort: number,
): Promise<StatusServer> {
  const token = randomBytes(18).toString('base64url')
  const taps = new Set<Tap>()
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    answer(request, response, { current, token, taps })
  })
  server.maxConnections = 32
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const how = 'Choose another with --status-port, or 0 for any'
      reject(
        new ExitError(exitCodes.config, `Cannot listen on 127.0.0.1:${wantedPort}: ${error.code}. ${how}`),
      )
    })
    server.listen(wantedPort, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
  const path = statusPath(dataDirectory)
  const address: StatusAddress = { pid: process.pid, port, token }
  writeFileSync(`${path}.tmp`, `${JSON.stringify(address)}\n`, { mode: 0o600 })
  renameSync(`${path}.tmp`, path)
  const following = setInterval(() => {
    for (const tap of taps) tap.follow(current())
  }, 200)
  following.unref()
  const close = () => {
    clearInterval(following)
    for (const tap of taps) tap.end()
    server.close()
    server.closeAllConnections()
    rmSync(path, { force: true })
  }
  return { port, close }
}

interface Surroundings {
  readonly current: () => DescribedAgent | null
  readonly token: string
  readonly taps: Set<Tap>
}

const loopbackHost = /^(127\.0\.0\.1|localhost)(:\d+)?$/

function answer(request: IncomingMessage, response: ServerResponse, around: Surroundings): void {
  const say = (status: number, text: string, type = 'text/plain') => {
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(text)
  }
  const agent = around.current()
  const { pathname } = new URL(request.url ?? '/', 'http://localhost')
  const isOpen = pathname === '/healthz' || pathname === '/metrics'
  // A page in a browser of this machine may have rebound its own name to loopback.
  if (!loopbackHost.test(request.headers.host ?? '')) say(421, 'not addressed to this server\n')
  else if (request.method !== 'GET') say(405, 'only GET\n')
  else if (!isOpen && pathname !== '/status' && pathname !== '/tap') {
    say(404, '/healthz /metrics /status /tap\n')
  } else if (!isOpen && !knows(request, around.token)) say(401, 'its token lies in status.json\n')
  else if (pathname === '/tap') openTap(response, around, say)
  else if (!agent) say(503, 'the agent is being replaced\n')
  else if (pathname === '/healthz') say(200, 'ok\n')
  else if (pathname === '/metrics') say(200, metricsText(agent.describe()), 'text/plain; version=0.0.4')
  else say(200, JSON.stringify(agent.describe()), 'application/json')
}

function openTap(
  response: ServerResponse,
  { taps, current }: Surroundings,
  say: (status: number, text: string) => void,
): void {
  if (taps.size >= tapsMax) {
    say(429, `${tapsMax} taps are open already\n`)
    return
  }
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
  response.flushHeaders()
  const tap = new Tap(response)
  taps.add(tap)
  tap.follow(current())
  response.on('close', () => {
    tap.end()
    taps.delete(tap)
  })
}

function knows(request: IncomingMessage, token: string): boolean {
  const given = Buffer.from(/^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '')
  const wanted = Buffer.from(token)
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

/** One reader of what leaves; stays when the agent behind it is replaced. */
class Tap {
  readonly #response: ServerResponse
  #agent: DescribedAgent | null = null
  #stop: (() => void) | null = null
  #missed = 0

  constructor(response: ServerResponse) {
    this.#response = response
  }

  follow(agent: DescribedAgent | null): void {
    if (agent === this.#agent) return
    this.#stop?.()
    this.#agent = agent
    this.#stop = agent?.tap((topic, partition, batch) => this.#write(topic, partition, batch)) ?? null
  }

  end(): void {
    this.#stop?.()
    this.#stop = null
    this.#response.end()
  }

  #write(topic: string, partition: number, batch: Buffer): void {
    if (this.#response.writableLength > tapBytesMax) {
      this.#missed++
      return
    }
    const lines = this.#missed > 0 ? [`${JSON.stringify({ missedBatches: this.#missed })}\n`] : []
    this.#missed = 0
    walkRecords(batch, (_offset, timestamp, buffer, ks, ke, vs, ve, headersStart, headerCount) => {
      const headers: Record<string, string> = {}
      for (const [name, value] of decodeHeaders(buffer, headersStart, headerCount)) {
        headers[name] = value?.toString('latin1') ?? ''
      }
      const key = ks < 0 ? null : buffer.toString('latin1', ks, ke)
      const line = vs < 0 ? null : buffer.toString('utf8', vs, ve)
      lines.push(`${JSON.stringify({ topic, partition, timestamp, key, headers, line })}\n`)
    })
    this.#response.write(lines.join(''))
  }
}
