// Every statistic by subscription, over a real socket; limits in the greeting; sockets that end with their session; and
// where the rows lie that a tail left out.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { WebSocket } from 'ws'
import type { LiveData, ServerMessage } from '../http/contract.ts'
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
import { TailWindow } from './tail-rows.ts'

let directory: Awaited<ReturnType<typeof mkdtempDisposable>>
let server: AnswerServer
let feed: StoreFeed
let token: string
const clock = new FixedClock()

before(async () => {
  directory = await mkdtempDisposable(join(tmpdir(), 'live-statistics-'))
  const rule = {
    name: 'Busy',
    kind: 'threshold',
    metric: 'requests',
    window: '1m',
    op: '>',
    threshold: 1,
  } as const
  const config = { ...testConfig(directory.path), alerts: { rules: [rule], webhookAllow: [] } }
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

class Page {
  readonly socket: WebSocket
  readonly messages: ServerMessage[] = []
  #wake = () => {}

  constructor(headers: Record<string, string> = { authorization: `Bearer ${token}` }) {
    this.socket = new WebSocket(`ws://127.0.0.1:${server.port}/api/v1/live`, ['tailrace.v1'], { headers })
    this.socket.on('message', data => {
      this.messages.push(JSON.parse(String(data)) as ServerMessage)
      this.#wake()
    })
    this.socket.on('open', () => this.send({ type: 'hello', version: 1, build: 'x' }))
  }

  send(message: unknown): void {
    this.socket.send(JSON.stringify(message))
  }

  async next(fits: (message: ServerMessage) => boolean): Promise<ServerMessage> {
    for (;;) {
      const index = this.messages.findIndex(fits)
      if (index >= 0) return this.messages.splice(index, 1)[0]!
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  async data(id: number, type: 'snap' | 'delta' = 'snap'): Promise<LiveData> {
    const message = await this.next(
      one => 'id' in one && one.id === id && (one.type === type || one.type === 'refused'),
    )
    assert.ok(message.type === 'snap' || message.type === 'delta', JSON.stringify(message))
    return message.data
  }

  [Symbol.dispose](): void {
    this.socket.terminate()
  }
}

test('the greeting says what a socket may ask for', async () => {
  using page = new Page()
  const welcome = await page.next(({ type }) => type === 'welcome')
  assert.ok(welcome.type === 'welcome')
  assert.deepEqual(welcome.limits, {
    subscriptions: 32,
    messagesPerSecond: 50,
    payloadBytes: 65_536,
    tailRowsPerSecond: 500,
  })
})

test('stats, series by a dimension, and top take metric, window, by and filters', async () => {
  using page = new Page()
  await page.next(({ type }) => type === 'welcome')
  const byStatus = { metric: 'requests', by: 'status', window: '10m' }
  page.send({ type: 'sub', id: 1, topic: 'stats', args: byStatus })
  const stats = await page.data(1)
  assert.ok(stats.kind === 'stats')
  assert.deepEqual(stats.stats.rows.map(row => row.labels['status']).sort(), ['200', '404', '500'])
  const two = { metric: 'requests', window: '30m', filter: 'path:/p/1\npath:/p/2' }
  page.send({ type: 'sub', id: 2, topic: 'stats', args: two })
  const filtered = await page.data(2)
  assert.ok(filtered.kind === 'stats')
  const [row] = filtered.stats.rows
  assert.equal(row!.values['value'], 960)
  page.send({
    type: 'sub',
    id: 3,
    topic: 'series',
    args: { metric: 'requests', by: 'status', step: '10', limit: '2' },
  })
  const series = await page.data(3)
  assert.ok(series.kind === 'series')
  assert.deepEqual([series.series.groups?.length, series.series.values], [2, {}])
  page.send({
    type: 'sub',
    id: 4,
    topic: 'top',
    args: { dimension: 'path', metric: 'requests', filter: 'path:/p/1', window: '10m' },
  })
  const top = await page.data(4)
  assert.ok(top.kind === 'top')
  assert.deepEqual(
    top.top.rows.map(({ value }) => value),
    ['/p/1'],
  )

  const at = Math.floor(clock.atMs / 1000) * 1000
  feed.add('logs', [accessRecord(at, 2), accessRecord(at, 2)])
  clock.atMs += 1001
  const more = await page.data(1, 'delta')
  assert.ok(more.kind === 'stats')
  const grouped = await page.data(3, 'delta')
  assert.ok(grouped.kind === 'series')
  assert.deepEqual([grouped.series.times.length, grouped.series.groups?.[0]?.values['value']?.length], [1, 1])
})

test('agents, groups and alerts are told', async () => {
  using page = new Page()
  await page.next(({ type }) => type === 'welcome')
  page.send({ type: 'sub', id: 1, topic: 'agents' })
  const agents = await page.data(1)
  assert.deepEqual(agents.kind === 'agents' && agents.agents.agents.map(({ agentId }) => agentId), [
    'agent001',
  ])
  page.send({ type: 'sub', id: 2, topic: 'groups' })
  assert.equal((await page.data(2)).kind, 'groups')
  page.send({ type: 'sub', id: 3, topic: 'alerts' })
  const alerts = await page.data(3)
  assert.ok(alerts.kind === 'alerts')
  if (alerts.alerts.firing.length === 0) {
    const isFiring = (message: ServerMessage) =>
      message.type === 'delta' && message.data.kind === 'alerts' && message.data.alerts.firing.length === 1
    await page.next(isFiring)
  }
  page.send({ type: 'sub', id: 4, topic: 'stats', args: { metric: 'requets' } })
  const refused = await page.next(message => message.type === 'refused')
  assert.match(refused.type === 'refused' ? refused.detail : '', /requests/)
})

test('signing out ends the sockets of that session, and of no other', async () => {
  const origin = `http://127.0.0.1:${server.port}`
  const cookieOf = () => `tailrace_session=${server.sessions.redeemLink(server.sessions.makeLink().token)}`
  const [mine, other] = [cookieOf(), cookieOf()]
  using page = new Page({ cookie: mine, origin })
  using stranger = new Page({ cookie: other, origin })
  await page.next(({ type }) => type === 'welcome')
  await stranger.next(({ type }) => type === 'welcome')
  const closed = once(page.socket, 'close')
  const answer = await fetch(`${origin}/api/v1/logout`, { method: 'POST', headers: { cookie: mine, origin } })
  assert.equal(answer.status, 204)
  assert.equal((await closed)[0], 4401)
  stranger.send({ type: 'sub', id: 1, topic: 'agents' })
  assert.equal((await stranger.data(1)).kind, 'agents')
})

test('TailWindow says where the rows lie that it left out', () => {
  const window = new TailWindow(3)
  const buffer = Buffer.from('line')
  const push = (partition: number, offset: number) =>
    window.push({ topic: 'logs', partition, offset, timestampMs: nowMs, buffer, start: 0, end: 4 })
  for (const [partition, offset] of [
    [0, 10],
    [1, 7],
    [0, 11],
    [0, 12],
    [1, 8],
    [0, 13],
  ] as const)
    push(partition, offset)
  window.skip(2, 100, 199)
  const { rows, gap } = window.take()
  assert.deepEqual(
    rows.map(row => `${row.partition}:${row.offset}`),
    ['0:12', '1:8', '0:13'],
  )
  assert.deepEqual(gap, {
    dropped: 103,
    partitions: [
      { partition: 0, fromOffset: '10', toOffset: '11' },
      { partition: 1, fromOffset: '7', toOffset: '7' },
      { partition: 2, fromOffset: '100', toOffset: '199' },
    ],
  })
  assert.equal(window.take().gap, null)
})
