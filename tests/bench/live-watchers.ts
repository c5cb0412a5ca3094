// Watching clients without a browser: sockets that subscribe to what the overview does and read, or do not read, what
// comes. A browser session may hold eight sockets, so a hundred of them take several sign-ins.
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import type { ServerMessage } from '../../analytics/http/contract.ts'
import { liveLimits } from '../../analytics/live/live-client.ts'
import type { Appliance } from '../system/appliance.ts'
import { cpuOf, type LiveBench, targets, verdict, wait } from './live-bench.ts'
import type { WantedTopic } from './live-page.ts'
import { quantile } from './usage.ts'

const watcherCount = 100
const linesPerSecond = 200
/** A source that nobody asks for is closed after 30 s: only then is the server as it is without anybody. */
const lingersMs = 31_500

/** The same traffic with nobody, one and a hundred watching, in turn. */
export async function measureWatchers({ appliance, writer, topics, isQuick }: LiveBench): Promise<void> {
  const cookies = await signIns(appliance, watcherCount)
  // The first watcher has a place of the first session.
  const rest = [...cookies.slice(1), cookies[0]!]
  const seconds = isQuick ? 8 : 20
  const cores = { nobody: [] as number[], one: [] as number[], hundred: [] as number[] }
  const bytesEach: number[] = []
  const messagesEach: number[] = []
  using _ = writer.steadily(linesPerSecond)
  const coresFor = async (): Promise<number> => {
    const before = cpuOf(appliance)[2]!
    await wait(seconds * 1_000)
    return (cpuOf(appliance)[2]! - before) / seconds
  }
  for (let round = 0; round < (isQuick ? 1 : 3); round++) {
    await wait(lingersMs)
    cores.nobody.push(await coresFor())
    const watchers = await openWatchers(appliance, cookies, 1, topics)
    await wait(1_000)
    cores.one.push(await coresFor())
    watchers.push(...(await openWatchers(appliance, rest, watcherCount - 1, topics)))
    await wait(1_000)
    const bytesBefore = watchers.map(({ wireBytes }) => wireBytes)
    const messagesBefore = watchers.map(({ messages }) => messages)
    cores.hundred.push(await coresFor())
    watchers.forEach((watcher, at) => {
      bytesEach.push((watcher.wireBytes - bytesBefore[at]!) / seconds)
      messagesEach.push((watcher.messages - messagesBefore[at]!) / seconds)
      watcher.close()
    })
  }
  const percent = (share: number, digits = 1) => `${(share * 100).toFixed(digits)} %`
  const median = (values: readonly number[]) => Number(quantile(values, 0.5))
  const extra = median(cores.hundred) - median(cores.nobody)
  const limit = targets.coreShareEach * watcherCount
  console.log(
    `server, ${watcherCount} clients at 4 Hz, ${linesPerSecond} lines/s: ${percent(extra)} of a core more than with ` +
      `nobody: ${verdict(extra <= limit, percent(limit))}`,
  )
  const all = (values: readonly number[]) => values.map(value => percent(value)).join(', ')
  console.log(`  nobody ${all(cores.nobody)}; one ${all(cores.one)}; ${watcherCount} ${all(cores.hundred)}`)
  const each = (median(cores.hundred) - median(cores.one)) / (watcherCount - 1)
  console.log(`  each client beyond the first: ${percent(each, 3)} of a core`)
  console.log(
    `bytes to a client: ${(median(bytesEach) / 1024).toFixed(1)} KiB/s on the wire, ` +
      `${median(messagesEach).toFixed(1)} messages/s (no target)`,
  )
}

export class Watcher {
  readonly socket: WebSocket
  #wire!: Socket
  messages = 0
  /** When each message came, while it is asked for. */
  arrivals: number[] | null = null
  /** Everything that came, while it is asked for. */
  received: { readonly atMs: number; readonly message: ServerMessage }[] | null = null

  private constructor(socket: WebSocket) {
    this.socket = socket
  }

  static async open(appliance: Appliance, cookie: string, topics: readonly WantedTopic[]): Promise<Watcher> {
    const address = `${appliance.origin.replace('http', 'ws')}/api/v1/live`
    const headers = { cookie, origin: appliance.origin }
    const socket = new WebSocket(address, ['tailrace.v1'], { headers, perMessageDeflate: false })
    const watcher = new Watcher(socket)
    socket.once('upgrade', response => {
      watcher.#wire = response.socket
    })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    socket.once('open', () => {
      socket.send(JSON.stringify({ type: 'hello', version: 1, build: 'bench' }))
      topics.forEach(({ topic, args }, id) => {
        socket.send(JSON.stringify({ type: 'sub', id, topic, args }))
      })
    })
    socket.once('message', () => resolve())
    socket.once('error', reject)
    socket.once('close', (code, reason) =>
      reject(new Error(`The live socket was closed with ${code}: ${reason}`)),
    )
    socket.on('message', data => watcher.#take(String(data)))
    await promise
    return watcher
  }

  /** Of this socket, headers and framing included. */
  get wireBytes(): number {
    return this.#wire.bytesRead
  }

  get localPort(): number {
    return this.#wire.localPort!
  }

  stopReading(): void {
    this.#wire.pause()
  }

  readAgain(): void {
    this.#wire.resume()
  }

  close(): void {
    this.socket.removeAllListeners('close')
    this.socket.terminate()
  }

  #take(text: string): void {
    this.messages++
    if (this.arrivals && text.startsWith('{"type":"delta","id":0,')) this.arrivals.push(Date.now())
    this.received?.push({ atMs: Date.now(), message: JSON.parse(text) as ServerMessage })
  }
}

/** Cookies of as many sessions as `count` sockets need. */
export async function signIns(appliance: Appliance, count: number): Promise<string[]> {
  const cookies: string[] = []
  while (cookies.length * liveLimits.socketsPerSession < count) {
    const token = (await appliance.loginLink()).split('#t=')[1]!
    const response = await fetch(`${appliance.origin}/api/v1/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: appliance.origin },
      body: JSON.stringify({ token }),
    })
    const cookie = response.headers.getSetCookie()[0]?.split(';')[0]
    if (!response.ok || cookie === undefined) throw new Error(`Cannot sign in: ${response.status}`)
    cookies.push(cookie)
  }
  return cookies
}

export async function openWatchers(
  appliance: Appliance,
  cookies: readonly string[],
  count: number,
  topics: readonly WantedTopic[],
): Promise<Watcher[]> {
  const watchers: Watcher[] = []
  for (let index = 0; index < count; index++)
    watchers.push(await Watcher.open(appliance, cookies[index % cookies.length]!, topics))
  return watchers
}
