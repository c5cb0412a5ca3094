// One client against a socket that does not drain, and the groups and tail windows behind it. No network.
import assert from 'node:assert/strict'
import type { Writable } from 'node:stream'
import { test } from 'node:test'
import type { WebSocket } from 'ws'
import { Cluster } from '../../broker/client/cluster.ts'
import { MemoryLog } from '../ingest/memory-log.ts'
import { FixedClock, silentLog } from '../test-store.ts'
import { LiveGroup } from './group.ts'
import { LiveClient, type LiveHub, liveLimits } from './live-client.ts'
import { TailFeed } from './tail-feed.ts'

class FakeSocket {
  readonly OPEN = 1
  readonly readyState = 1
  /** What has not left: bytes that the kernel did not take, and those held back by cork(). */
  stuckBytes = 0
  heldBytes = 0
  takesNothing = false
  readonly sent: { type: string; seq?: number; data?: unknown }[] = []
  /** As they were handed over. */
  readonly payloads: (string | Buffer)[] = []
  closedWith: number | null = null
  pings = 0
  isTerminated = false
  corked = 0
  send(text: string | Buffer): void {
    this.payloads.push(text)
    this.sent.push(JSON.parse(String(text)))
    this.heldBytes += text.length
  }
  cork(): void {
    this.corked++
  }
  uncork(): void {
    this.corked--
    if (this.takesNothing) this.stuckBytes += this.heldBytes
    this.heldBytes = 0
  }
  get bufferedAmount(): number {
    return this.stuckBytes + this.heldBytes
  }
  close(code: number): void {
    this.closedWith = code
  }
  ping(): void {
    this.pings++
  }
  terminate(): void {
    this.isTerminated = true
  }
}

function clientOf(topic: string) {
  const clock = new FixedClock()
  let value = 0
  const source = {
    snapshot: () => ({ kind: 'tail', rows: [], value }) as never,
    delta: () => ({ kind: 'tail', rows: [], value: ++value }) as never,
  }
  const group = new LiveGroup('key', source)
  const hub: LiveHub = {
    epoch: 'epoch',
    build: 'build',
    hz: 4,
    nowMs: () => clock.atMs,
    join: () => group,
    leave: () => {},
    isSignedIn: () => true,
    roleNeeded: () => null,
  }
  const socket = new FakeSocket()
  const identity = { user: 'admin', role: 'admin', by: 'link', session: 's' } as const
  const client = new LiveClient(
    socket as unknown as WebSocket,
    socket as unknown as Writable,
    hub,
    identity,
    'session',
  )
  client.receive('{"type":"hello","version":1,"build":"x"}')
  client.receive(JSON.stringify({ type: 'sub', id: 1, topic }))
  socket.sent.length = 0
  socket.heldBytes = 0
  const tick = (times = 1) => {
    for (let index = 0; index < times; index++) {
      clock.atMs += 250
      client.beginTick()
      assert.equal(socket.corked, 1)
      if (group.tick()) client.deliver(group)
      client.settle()
      assert.equal(socket.corked, 0)
    }
  }
  return { client, socket, group, tick }
}

test('a page that does not keep up misses ticks, then gets one snapshot with everything', () => {
  const { socket, group, tick } = clientOf('overview')
  tick(2)
  socket.stuckBytes = liveLimits.bufferedBytesPause + 1
  tick(5)
  assert.deepEqual(
    socket.sent.map(({ type, seq }) => [type, seq]),
    [
      ['delta', 1],
      ['delta', 2],
    ],
  )
  socket.stuckBytes = 0
  tick(2)
  assert.deepEqual(
    socket.sent.slice(2).map(({ type, seq }) => [type, seq]),
    [
      ['snap', 8],
      ['delta', 9],
    ],
  )
  assert.equal(group.seq, 9)
})

test('a page that never drains is let go as slow', () => {
  const { socket, tick } = clientOf('overview')
  socket.stuckBytes = liveLimits.bufferedBytesPause + 1
  tick(4 * 60)
  assert.equal(socket.closedWith, null)
  tick(4)
  assert.equal(socket.closedWith, 4008)
})

test('a page that stops reading is asked for nothing and sent nothing, whatever it asks, until it reads again', () => {
  const { client, socket, tick } = clientOf('overview')
  socket.stuckBytes = liveLimits.bufferedBytesPause + 1
  for (let id = 2; id < 20; id++) client.receive(JSON.stringify({ type: 'sub', id, topic: 'overview' }))
  client.receive('{"type":"visibility","hidden":true}')
  client.receive('{"type":"visibility","hidden":false}')
  tick(120)
  client.ping()
  assert.deepEqual([socket.sent.length, socket.pings, socket.closedWith], [0, 0, null])
  socket.stuckBytes = 0
  tick()
  assert.deepEqual(new Set(socket.sent.map(({ type }) => type)), new Set(['snap']))
  assert.equal(socket.sent.length, 19)
})

test('a page that answers no ping twice in a row is gone', () => {
  const { client, socket } = clientOf('overview')
  client.ping()
  client.ping()
  client.answered()
  client.ping()
  client.ping()
  assert.deepEqual([socket.pings, socket.isTerminated], [4, false])
  client.ping()
  assert.deepEqual([socket.pings, socket.isTerminated], [4, true])
})

test('what one tick sends does not make the page slow: every subscription gets its part', () => {
  const { client, socket, tick } = clientOf('overview')
  for (let id = 2; id < 30; id++) client.receive(JSON.stringify({ type: 'sub', id, topic: 'overview' }))
  socket.sent.length = 0
  const send = socket.send.bind(socket)
  socket.send = text => {
    send(text)
    socket.heldBytes += 10_000
  }
  tick()
  assert.deepEqual(
    socket.sent.map(({ type }) => type),
    Array.from({ length: 29 }, () => 'delta'),
  )
  // The same where nothing is read: what waits is bounded, whatever there is to tell.
  socket.takesNothing = true
  socket.sent.length = 0
  tick(20)
  assert.ok(socket.bufferedAmount <= liveLimits.bufferedBytesPause + 10_100, `${socket.bufferedAmount} B`)
  socket.takesNothing = false
  socket.stuckBytes = 0
  socket.sent.length = 0
  tick()
  assert.equal(socket.sent.filter(({ type }) => type === 'snap').length, 29)
})

test('pages that number a subscription alike are sent the same bytes', () => {
  const { group } = clientOf('overview')
  group.tick()
  const first = group.deltaMessage(1)
  assert.equal(group.deltaMessage(1), first)
  assert.notEqual(group.deltaMessage(2), first)
  assert.match(String(group.deltaMessage(2)), /^\{"type":"delta","id":2,"seq":1,"data":\{/)
  group.tick()
  assert.match(String(group.deltaMessage(1)), /"seq":2/)
})

test('a hidden page gets one state message a second and no tail', () => {
  const state = clientOf('overview')
  state.client.receive('{"type":"visibility","hidden":true}')
  state.tick(16)
  assert.equal(state.socket.sent.length, 4)
  assert.ok(state.socket.sent.every(message => message.type === 'snap'))
  const tail = clientOf('tail')
  tail.client.receive('{"type":"visibility","hidden":true}')
  tail.tick(16)
  assert.equal(tail.socket.sent.length, 0)
  tail.client.receive('{"type":"visibility","hidden":false}')
  assert.equal(tail.socket.sent.length, 1)
})

test('a group keeps the last deltas and says when a place is too old', () => {
  const { group } = clientOf('overview')
  for (let index = 0; index < 130; index++) group.tick()
  assert.deepEqual(group.since(130), [])
  assert.equal(group.since(128)?.length, 2)
  assert.equal(group.since(10)?.length, 120)
  assert.equal(group.since(9), null)
  assert.equal(group.since(131), null)
})

test('the tail shows lines as text, cut, filtered, with a level, and says what it left out', () => {
  const cluster = new Cluster({ bootstrap: ['127.0.0.1:1'], clientId: 'test' })
  const feed = new TailFeed({ cluster, clock: new FixedClock(), log: silentLog, topics: ['logs'] })
  const all = feed.source({ topic: 'logs' })
  const some = feed.source({ topic: 'logs', filter: '<script>' })
  const log = new MemoryLog()
  const add = (lines: (string | Buffer)[]) => {
    const from = log.end('logs', 0)
    log.produce(
      'logs',
      0,
      lines.map(line => ({ line, timestampMs: 5 })),
      'zstd',
    )
    const end = log.end('logs', 0)
    feed.onBatches('logs', 0, log.from('logs', 0, from, 1), {
      highWatermark: end,
      logStartOffset: 0,
      nextOffset: end,
    })
  }
  const access = (status: number) =>
    `1.2.3.4 - - [24/Nov/2026:08:00:00 +0000] "GET / HTTP/1.1" ${status} 5 "-" "-"`
  add([
    access(200),
    access(404),
    access(503),
    '<script>alert(1)</script>',
    '{"level":"warning"}',
    'x'.repeat(9000),
  ])
  add([Buffer.from([0x61, 0xff, 0x1b])])
  const rows = (source: typeof all) => {
    const data = source.delta()
    assert.ok(data?.kind === 'tail')
    return data
  }
  const shown = rows(all).rows
  assert.deepEqual(
    shown.map(row => row.level),
    ['info', 'warn', 'error', 'info', 'warn', 'info', 'info'],
  )
  assert.deepEqual([shown[5]!.line.length, shown[5]!.cutFrom], [4096, 9000])
  assert.equal(shown[6]!.line, 'a\ufffd\u001b')
  assert.deepEqual(
    rows(some).rows.map(row => [row.line, row.offset]),
    [['<script>alert(1)</script>', '3']],
  )
  assert.equal(all.delta(), null)

  add(Array.from({ length: 1000 }, (_, index) => `line ${index}`))
  const many = rows(all)
  assert.deepEqual([many.rows.length, many.gap?.dropped, many.rows.at(-1)?.line], [125, 875, 'line 999'])
  const snapshot = all.snapshot()
  assert.ok(snapshot.kind === 'tail' && snapshot.rows.length === 100)
  feed.close()
  cluster.close()
})
