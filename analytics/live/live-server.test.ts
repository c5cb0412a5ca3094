// The live protocol over real sockets: greeting, snapshots, contiguous deltas, resumption, refusals, limits, doors.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type ClientOptions, WebSocket } from 'ws'
import type { ClientMessage, ServerMessage } from '../http/contract.ts'
import type { AnswerServer } from '../server.ts'
import {
  accessRecord,
  FixedClock,
  fillUsual,
  nowMs,
  StoreFeed,
  startTestServer,
  testConfig,
} from '../test-store.ts'

let directory: Awaited<ReturnType<typeof mkdtempDisposable>>
let server: AnswerServer
let feed: StoreFeed
let clock: FixedClock
let token: string
let lines = 0

before(async () => {
  directory = await mkdtempDisposable(join(tmpdir(), 'live-'))
  const config = testConfig(directory.path)
  clock = new FixedClock()
  feed = new StoreFeed(join(config.dataDirectory, 'windows.db'), clock)
  fillUsual(feed)
  server = await startTestServer(config, clock)
  token = readFileSync(config.tokenPath, 'utf8').trim()
})

after(async () => {
  feed.close()
  await server.close()
  await directory.remove()
})

/** Adds requests at a moment of event time; each call is one commit. */
function addRequests(count: number, atMs = nowMs - 400): void {
  feed.add(
    'logs',
    Array.from({ length: count }, () => accessRecord(atMs, 2 + lines++ * 20)),
  )
}

type Snap = Extract<ServerMessage, { type: 'snap' }>
type Delta = Extract<ServerMessage, { type: 'delta' }>

class TestPage {
  readonly socket: WebSocket
  readonly messages: ServerMessage[] = []
  #waiting: (() => void)[] = []
  #read = 0

  constructor(options: ClientOptions = {}, protocols: string[] = ['tailrace.v1']) {
    const headers = { authorization: `Bearer ${token}` }
    this.socket = new WebSocket(`ws://127.0.0.1:${server.port}/api/v1/live`, protocols, {
      headers,
      ...options,
    })
    this.socket.on('message', data => {
      this.messages.push(JSON.parse(String(data)) as ServerMessage)
      for (const wake of this.#waiting.splice(0)) wake()
    })
    this.socket.on('error', () => {})
  }

  static async open(): Promise<TestPage> {
    const page = new TestPage()
    await once(page.socket, 'open')
    page.send({ type: 'hello', version: 1, build: 'test' })
    await page.next(message => message.type === 'welcome')
    return page
  }

  send(message: ClientMessage | Record<string, unknown>): void {
    this.socket.send(JSON.stringify(message))
  }

  /** The next message that fits, skipping the others. */
  async next<Wanted extends ServerMessage>(fits: (message: ServerMessage) => boolean): Promise<Wanted> {
    for (;;) {
      while (this.#read < this.messages.length) {
        const message = this.messages[this.#read++]!
        if (fits(message)) return message as Wanted
      }
      await new Promise<void>(resolve => this.#waiting.push(resolve))
    }
  }

  snap(id: number): Promise<Snap> {
    return this.next(message => message.type === 'snap' && message.id === id)
  }

  delta(id: number): Promise<Delta> {
    return this.next(message => message.type === 'delta' && message.id === id)
  }

  async closed(): Promise<number> {
    if (this.socket.readyState === WebSocket.CLOSED) return -1
    return ((await once(this.socket, 'close')) as [number])[0]
  }

  [Symbol.dispose](): void {
    this.socket.terminate()
  }
}

const requests = { metric: 'requests', step: '1', points: '60' }

test('a page is welcomed, gets a snapshot, then deltas in sequence with absolute values', async () => {
  using page = await TestPage.open()
  const welcome = page.messages[0]!
  assert.ok(
    welcome.type === 'welcome' && welcome.hz === 4 && welcome.serverTime === nowMs && welcome.epoch !== '',
  )
  page.send({ type: 'sub', id: 7, topic: 'series', args: requests })
  const snap = await page.snap(7)
  assert.ok(snap.data.kind === 'series')
  assert.equal(snap.data.series.times.length, 60)
  assert.equal(snap.data.series.values['value']?.at(-2), 4)
  addRequests(3)
  const first = await page.delta(7)
  addRequests(2)
  const second = await page.delta(7)
  assert.deepEqual([first.seq, second.seq], [snap.seq + 1, snap.seq + 2])
  assert.ok(first.data.kind === 'series' && second.data.kind === 'series')
  assert.deepEqual(first.data.series.times, [nowMs - 400])
  assert.deepEqual([first.data.series.values['value'], second.data.series.values['value']], [[3], [5]])
})

test('the cluster is told, and while no broker was ever reached it is not healthy', async () => {
  using page = await TestPage.open()
  page.send({ type: 'sub', id: 1, topic: 'cluster' })
  const { data } = await page.snap(1)
  assert.ok(data.kind === 'cluster')
  assert.deepEqual([data.cluster.healthy, data.cluster.brokers, data.cluster.elections], [false, [], []])
})

test('the overview counts what is committed, and says that the broker is down', async () => {
  using page = await TestPage.open()
  page.send({ type: 'sub', id: 1, topic: 'overview' })
  const { data } = await page.snap(1)
  assert.ok(data.kind === 'overview')
  const before = data.overview.linesTotal
  assert.equal(data.overview.broker.state, 'down')
  assert.equal(data.overview.requestsPerSecond, 4)
  assert.equal(data.overview.activeUsers5m, 30)
  assert.equal(data.overview.lossesTotal, 4)
  assert.deepEqual(data.overview.agents, { seen: 1, live: 1 })
  addRequests(1)
  const counted = await page.next<Delta>(
    message =>
      message.type === 'delta' &&
      message.data.kind === 'overview' &&
      message.data.overview.linesTotal === before + 1,
  )
  assert.equal(counted.id, 1)
})

test('who was away shortly goes on from its place; who comes from elsewhere gets a snapshot', async () => {
  using first = await TestPage.open()
  first.send({ type: 'sub', id: 1, topic: 'series', args: requests })
  const snap = await first.snap(1)
  addRequests(1)
  const seen = await first.delta(1)
  first.socket.terminate()
  using watcher = await TestPage.open()
  watcher.send({ type: 'sub', id: 9, topic: 'series', args: requests })
  await watcher.snap(9)
  addRequests(1)
  const missed = await watcher.delta(9)
  assert.equal(missed.seq, seen.seq + 1)

  using again = await TestPage.open()
  const from = { epoch: snap.epoch, seq: seen.seq }
  again.send({ type: 'sub', id: 1, topic: 'series', args: requests, from })
  const resumed = await again.next<Delta>(message => 'id' in message && message.id === 1)
  assert.deepEqual([resumed.type, resumed.seq, resumed.data], ['delta', missed.seq, missed.data])
  for (const place of [
    { epoch: 'another', seq: 0 },
    { epoch: snap.epoch, seq: missed.seq + 50 },
  ]) {
    again.send({ type: 'sub', id: 2, topic: 'series', args: requests, from: place })
    assert.equal((await again.next<Snap>(message => 'id' in message && message.id === 2)).type, 'snap')
  }
})

test('top and losses come once a second, when they have changed', async () => {
  using page = await TestPage.open()
  page.send({ type: 'sub', id: 1, topic: 'top', args: { dimension: 'path', window: '30m', limit: '3' } })
  page.send({ type: 'sub', id: 2, topic: 'losses' })
  const { data } = await page.snap(1)
  assert.ok(data.kind === 'top' && data.top.rows.length === 3)
  const losses = await page.snap(2)
  assert.ok(losses.data.kind === 'losses' && losses.data.losses.totalLines === 4)
  addRequests(10)
  clock.atMs += 1
  const ranked = await page.delta(1)
  assert.ok(ranked.data.kind === 'top')
})

test('what does not exist is refused with a hint, and the socket lives on', async () => {
  using page = await TestPage.open()
  const refused = async (message: Record<string, unknown>) => {
    page.send({ type: 'sub', id: 3, ...message })
    return (await page.next<Extract<ServerMessage, { type: 'refused' }>>(one => one.type === 'refused'))
      .detail
  }
  assert.match(await refused({ topic: 'overveiw' }), /Did you mean "overview"/)
  assert.match(await refused({ topic: 'series', args: { metric: 'requets' } }), /Did you mean "requests"/)
  assert.match(await refused({ topic: 'series', args: { step: '7' } }), /Known: 1, 10, 60/)
  assert.match(await refused({ topic: 'series', args: { points: '1e9' } }), /whole number/)
  assert.match(await refused({ topic: 'top', args: { dimension: 'paths' } }), /Did you mean "path"/)
  assert.match(await refused({ topic: 'tail', args: { topic: 'nope' } }), /logs, behavior, metrics/)
  for (let id = 10; id < 42; id++) page.send({ type: 'sub', id, topic: 'overview' })
  await page.snap(41)
  page.send({ type: 'sub', id: 42, topic: 'overview' })
  assert.equal((await page.next<Snap>(message => 'id' in message && message.id === 42)).type, 'refused')
})

test('a hidden page gets a snapshot when it is shown again', async () => {
  using page = await TestPage.open()
  page.send({ type: 'sub', id: 1, topic: 'series', args: requests })
  await page.snap(1)
  page.send({ type: 'visibility', hidden: true })
  addRequests(1)
  page.send({ type: 'visibility', hidden: false })
  const snap = await page.snap(1)
  assert.ok(snap.data.kind === 'series')
})

test('what is no conversation ends with the right code', async () => {
  const endings: [name: string, act: (page: TestPage) => void, code: number][] = [
    ['another version', page => page.send({ type: 'hello', version: 2, build: 'x' }), 4426],
    ['no greeting', page => page.send({ type: 'sub', id: 1, topic: 'overview' }), 1008],
    ['no JSON', page => page.socket.send('{'), 1008],
    ['no message', page => page.send({ type: 'shout' }), 1008],
    ['bytes', page => page.socket.send(Buffer.from([1, 2])), 1003],
    ['too much', page => page.socket.send('x'.repeat(70_000)), 1009],
  ]
  for (const [name, act, code] of endings) {
    using page = new TestPage()
    await once(page.socket, 'open')
    act(page)
    assert.equal(await page.closed(), code, name)
  }
  using flood = await TestPage.open()
  for (let index = 0; index < 80; index++) flood.send({ type: 'unsub', id: 1 })
  assert.equal(await flood.closed(), 4429)
})

test('the socket opens for our own pages and for tokens, and says why it does not', async () => {
  const origin = `http://127.0.0.1:${server.port}`
  const cookie = `tailrace_session=${server.sessions.redeemLink(server.sessions.makeLink().token)}`
  const status = async (headers: Record<string, string>, path?: string) => {
    const url = `ws://127.0.0.1:${server.port}${path ?? '/api/v1/live'}`
    const socket = new WebSocket(url, ['tailrace.v1'], { headers })
    const [event] = await Promise.race([
      once(socket, 'unexpected-response').then(([, response]) => [
        (response as { statusCode: number }).statusCode,
      ]),
      once(socket, 'close').then(([code]) => [code as number]),
    ])
    socket.on('error', () => {})
    socket.terminate()
    return event
  }
  assert.equal(await status({ cookie }), 403, 'a cookie without an Origin')
  assert.equal(await status({ cookie, origin: 'http://evil.example' }), 403)
  assert.equal(await status({ cookie, host: 'evil.example', origin: 'http://evil.example' }), 421)
  assert.equal(await status({ authorization: `Bearer ${token}` }, '/elsewhere'), 404)
  assert.equal(await status({ origin }), 4401, 'our page, not signed in')
  assert.equal(await status({ authorization: 'Bearer wrong' }), 4401)
  using page = new TestPage({ headers: { cookie, origin } })
  await once(page.socket, 'open')
  page.send({ type: 'hello', version: 1, build: 'x' })
  assert.equal((await page.next<ServerMessage>(() => true)).type, 'welcome')
})

test('one session opens eight sockets and no more; a stopping server says that it comes back', async () => {
  // An own server, so that the sockets of the other tests do not count.
  await using own = await mkdtempDisposable(join(tmpdir(), 'live-'))
  const config = testConfig(own.path)
  new StoreFeed(join(config.dataDirectory, 'windows.db'), clock).close()
  const other = await startTestServer(config, clock)
  const headers = { authorization: `Bearer ${readFileSync(config.tokenPath, 'utf8').trim()}` }
  const open = () => new WebSocket(`ws://127.0.0.1:${other.port}/api/v1/live`, ['tailrace.v1'], { headers })
  const sockets = Array.from({ length: 8 }, open)
  await Promise.all(sockets.map(socket => once(socket, 'open')))
  const ninth = open()
  assert.equal(((await once(ninth, 'close')) as [number])[0], 4429)
  const codes = Promise.all(sockets.map(async socket => ((await once(socket, 'close')) as [number])[0]))
  await other.close()
  assert.deepEqual(new Set(await codes), new Set([4409]))
})
