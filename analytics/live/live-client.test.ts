// One client against a socket that does not drain, and the groups and tail windows behind it. No network.
import assert from 'node:assert/strict'
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
  bufferedAmount = 0
  readonly sent: { type: string; seq?: number; data?: unknown }[] = []
  closedWith: number | null = null
  send(text: string): void {
    this.sent.push(JSON.parse(text))
  }
  close(code: number): void {
    this.closedWith = code
  }
  ping(): void {}
  terminate(): void {}
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
  const client = new LiveClient(socket as unknown as WebSocket, hub, identity, 'session')
  client.receive('{"type":"hello","version":1,"build":"x"}')
  client.receive(JSON.stringify({ type: 'sub', id: 1, topic }))
  socket.sent.length = 0
  const tick = (times = 1) => {
    for (let index = 0; index < times; index++) {
      clock.atMs += 250
      client.deliver(group, group.tick()!)
      client.settle()
    }
  }
  return { client, socket, group, tick }
}

test('a page that does not keep up misses ticks, then gets one snapshot with everything', () => {
  const { socket, group, tick } = clientOf('overview')
  tick(2)
  socket.bufferedAmount = liveLimits.bufferedBytesPause + 1
  tick(5)
  assert.deepEqual(
    socket.sent.map(({ type, seq }) => [type, seq]),
    [
      ['delta', 1],
      ['delta', 2],
    ],
  )
  socket.bufferedAmount = 0
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
  socket.bufferedAmount = liveLimits.bufferedBytesMax + 1
  tick(30)
  assert.equal(socket.closedWith, null)
  tick(20)
  assert.equal(socket.closedWith, 4008)
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
