// The whole way from stored batches to committed rows, against a naive count of the same records: with duplicates,
// late lines, hostile lines, several codecs, failures between any two statements, and two processes at once.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { CodecName } from '../../broker/protocol/record-batch.ts'
import type { Clock } from '../../runtime/clock.ts'
import { createLog } from '../../runtime/log.ts'
import { Distribution } from '../sketches/distribution.ts'
import { HyperLogLog } from '../sketches/hyperloglog.ts'
import { type Connection, openStore } from '../store/schema.ts'
import { Writer, type WriterOptions } from '../store/writer.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { Ingest } from './ingest.ts'
import { MemoryLog, MemoryLoop } from './memory-log.ts'
import { type NaiveRecord, type NaiveResult, naiveCount } from './naive-count.ts'

const baseMs = Date.parse('2026-11-24T08:00:00Z')
const silent = createLog('test', () => {})
const topics = { logs: 'combined', behavior: 'json', metrics: 'metrics' } as const
const partitions = 2

class TestClock implements Clock {
  nowMs = baseMs + 60_000
  wallMs(): number {
    return this.nowMs
  }
  monotonicMs(): number {
    return this.nowMs
  }
}

function seeded(seed: number): (below: number) => number {
  let state = (seed * 2_654_435_761) >>> 0
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

function startIngest(connection: Connection, log: MemoryLog, clock: Clock, options: WriterOptions = {}) {
  const days = new ZoneDays('UTC')
  const writer = new Writer(connection, days, options)
  const ingest = new Ingest({
    writer,
    days,
    clock,
    log: silent,
    flushIntervalMs: 60_000,
    flushRecordsMax: 40,
  })
  const loop = new MemoryLoop(log, ingest)
  ingest.attach(loop)
  for (const topic of Object.keys(topics)) {
    for (let partition = 0; partition < partitions; partition++) ingest.assign(topic, partition, 'id', 0)
  }
  return { ingest, loop }
}

/** A seeded history: what lies in the log, and the same records for the naive count. */
function randomLog(seed: number, batches: number): { log: MemoryLog; records: NaiveRecord[] } {
  const random = seeded(seed)
  const log = new MemoryLog()
  const records: NaiveRecord[] = []
  const position = new Map<string, number>()
  const sent = new Map<string, NaiveRecord[]>()
  for (let batch = 0; batch < batches; batch++) {
    const topic = Object.keys(topics)[random(3)] as keyof typeof topics
    const partition = random(partitions)
    const key = `${topic}-${partition}`
    const before = sent.get(key) ?? []
    let made: NaiveRecord[]
    // An agent that was killed sends the last records again, all of one src from some point on.
    if (before.length > 0 && random(4) === 0) {
      const again = before[random(before.length)]!
      made = before.slice(before.indexOf(again)).filter(record => record.src === again.src)
    } else {
      made = Array.from({ length: 1 + random(12) }, () => {
        const src = random(10) === 0 ? undefined : `agent001.file${random(2)}.0`
        const pos = (position.get(`${key} ${src}`) ?? 0) + 1 + random(200)
        if (src !== undefined) position.set(`${key} ${src}`, pos)
        return randomRecord(random, topic, partition, src, src === undefined ? undefined : pos)
      })
      sent.set(key, [...before, ...made.filter(record => record.src !== undefined)])
    }
    if (made.length === 0) continue
    const codec = (['none', 'gzip', 'lz4', 'zstd'] as CodecName[])[random(4)]!
    log.produce(topic, partition, made as Parameters<MemoryLog['produce']>[2], codec)
    records.push(...made)
  }
  return { log, records }
}

function randomRecord(
  random: (below: number) => number,
  topic: keyof typeof topics,
  partition: number,
  src: string | undefined,
  pos: number | undefined,
): NaiveRecord {
  // Some late by minutes, some claiming to come from the future.
  const timeMs =
    baseMs + random(90_000) - (random(8) === 0 ? 300_000 : 0) + (random(40) === 0 ? 3_600_000 : 0)
  const timestampMs = baseMs + 90_000
  const format = random(25) === 0 ? 'raw' : topics[topic]
  const line =
    random(30) === 0 && format !== 'raw' ? '\u0000garbage "<script>' : lineOf(random, topic, timeMs)
  return { line, timestampMs, topic, partition, src, pos, format }
}

function lineOf(random: (below: number) => number, topic: keyof typeof topics, timeMs: number): string {
  const iso = new Date(timeMs).toISOString()
  const path = `/p/${random(9)}`
  if (topic === 'behavior') {
    const type = random(2) === 0 ? 'page' : 'track'
    const referrer = random(2) === 0 ? '' : `https://r${random(3)}.example/x?y`
    return JSON.stringify({
      timestamp: iso,
      type,
      event: `e${random(4)}`,
      anonymousId: `v${random(50)}`,
      path,
      referrer,
    })
  }
  if (topic === 'metrics') {
    const value = random(1000) / 8
    return JSON.stringify({ timestamp: iso, host: `h${random(2)}`, name: `m${random(3)}`, value, unit: '1' })
  }
  const [day, month] = [iso.slice(8, 10), 'Nov']
  const seconds = random(3) === 0 ? '' : ` ${(random(4000) / 1000).toFixed(3)}`
  const status = [200, 200, 304, 404, 500][random(5)]
  const referrer = random(2) === 0 ? '-' : `https://r${random(3)}.example/x?y`
  const time = `${day}/${month}/2026:${iso.slice(11, 19)} +0000`
  const client = `203.0.113.${random(60)}`
  const request = `"GET ${path}?q=${random(5)} HTTP/1.1"`
  return `${client} - - [${time}] ${request} ${status} ${random(9999)} "${referrer}" "ua${random(3)}"${seconds}`
}

function assertSame(connection: Connection, expected: NaiveResult): void {
  const counts = connection
    .prepare(
      'SELECT s.metric, s.dims, s.labels, c.step, c.bucket, c.n FROM counts c JOIN series s ON s.id = c.series',
    )
    .all() as { metric: string; dims: string; labels: string; step: number; bucket: number; n: number }[]
  const found = new Map(counts.map(row => [keyOf(row), row.n]))
  assert.deepEqual(difference(found, expected.counts), [])
  const sketches = connection
    .prepare(
      `SELECT s.metric, s.dims, s.labels, k.step, k.bucket, k.data FROM sketches k JOIN series s ON s.id = k.series
       WHERE s.metric <> 'lag'`,
    )
    .all() as { metric: string; dims: string; labels: string; step: number; bucket: number; data: Buffer }[]
  assert.equal(sketches.length, expected.samples.size + expected.visitors.size)
  for (const row of sketches) {
    const key = keyOf(row)
    if (row.metric === 'active_users') {
      assert.equal(HyperLogLog.fromBytes(row.data).count(), expected.visitors.get(key)?.size, key)
      continue
    }
    const values = expected.samples.get(key) ?? []
    const { count, min, max, mean, p50 } = Distribution.fromBytes(row.data).summary()!
    const total = values.reduce((sum, value) => sum + value, 0)
    assert.deepEqual([count, min, max], [values.length, Math.min(...values), Math.max(...values)], key)
    assert.ok(Math.abs(mean * count - total) < 1e-6 * Math.max(1, total), key)
    const middle = values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!
    assert.ok(Math.abs(p50 - middle) <= 0.011 * middle + 1e-9, `${key}: ${p50} for ${middle}`)
  }
}

function keyOf(row: { metric: string; dims: string; labels: string; step: number; bucket: number }): string {
  return `${row.metric} ${row.dims} ${row.labels} ${row.step} ${row.bucket}`
}

/** The first rows that differ, so that a failure can be read. */
function difference(found: ReadonlyMap<string, number>, expected: ReadonlyMap<string, number>): string[] {
  return [...new Set([...found.keys(), ...expected.keys()])]
    .filter(key => found.get(key) !== expected.get(key))
    .slice(0, 10)
    .map(key => `${key}: ${found.get(key)}, expected ${expected.get(key)}`)
}

function drain({ ingest, loop }: ReturnType<typeof startIngest>): void {
  while (loop.turn());
  assert.ok(ingest.flush())
}

function totalLines(connection: Connection): unknown {
  const sql =
    "SELECT sum(n) AS n FROM counts JOIN series s ON s.id = series WHERE metric = 'lines' AND dims = ''"
  return connection.prepare(`${sql} AND step = 60`).pluck().get()
}

test('every line is counted once in every step, whatever its codec, lateness and repetitions', async () => {
  for (const seed of [1, 2, 3]) {
    await using directory = await mkdtempDisposable(join(tmpdir(), 'ingest-'))
    const connection = openStore(join(directory.path, 'windows.db'))
    const { log, records } = randomLog(seed, 120)
    const running = startIngest(connection, log, new TestClock())
    drain(running)
    const expected = naiveCount(records)
    assertSame(connection, expected)
    const ledger = connection
      .prepare("SELECT sum(lines) AS lines FROM losses WHERE reason = 'unparsed'")
      .get()
    assert.deepEqual(ledger, { lines: expected.unparsed })
    assert.equal(running.ingest.counters.records, expected.counted + expected.unparsed)
    connection.close()
  }
})

test('a process killed between any two statements counts nothing twice and loses nothing', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'ingest-'))
  const connection = openStore(join(directory.path, 'windows.db'))
  const { log, records } = randomLog(7, 60)
  const random = seeded(99)
  let killed = 0
  for (let life = 0; ; life++) {
    // Each life dies after some number of statements; the last ones live long enough to finish.
    let left = life > 60 ? Number.POSITIVE_INFINITY : 1 + random(life < 30 ? 300 : 3000)
    const beforeStatement = () => {
      if (left-- <= 0) throw new Error('killed')
    }
    const running = startIngest(connection, log, new TestClock(), { beforeStatement })
    while (running.loop.turn(1 + random(3)) && running.ingest.counters.failures === 0);
    if (running.ingest.counters.failures === 0 && running.ingest.flush()) break
    killed++
    // What a killed process leaves behind is the file alone.
    running.ingest.abandon()
  }
  assert.ok(killed > 10, `killed ${killed} times`)
  assertSame(connection, naiveCount(records))
  connection.close()
})

test('two processes that both believe they are the only one count everything once', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'ingest-'))
  const path = join(directory.path, 'windows.db')
  const { log, records } = randomLog(11, 120)
  const first = startIngest(openStore(path), log, new TestClock())
  const second = startIngest(openStore(path), log, new TestClock())
  const random = seeded(5)
  for (let turn = 0; turn < 400; turn++) {
    const one = random(2) === 0 ? first : second
    one.loop.turn(1 + random(2))
    if (random(3) === 0) one.ingest.flush()
  }
  for (let round = 0; round < 3; round++) {
    for (const one of [first, second]) {
      while (one.loop.turn());
      one.ingest.flush()
    }
  }
  assert.ok(first.ingest.counters.fenced + second.ingest.counters.fenced > 5)
  const connection = openStore(path)
  assertSame(connection, naiveCount(records))
  connection.close()
})

test('damage costs itself and an entry in the ledger, and the partition goes on', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'ingest-'))
  const connection = openStore(join(directory.path, 'windows.db'))
  const log = new MemoryLog()
  const good = (count: number) =>
    Array.from({ length: count }, () => ({ line: 'x', timestampMs: baseMs, format: 'raw' }))
  log.produce('logs', 0, good(2))
  const flipped = new MemoryLog()
  flipped.produce('logs', 0, good(3))
  const bytes = flipped.from('logs', 0, 0, 1)
  bytes[bytes.length - 2]! ^= 1
  log.append('logs', 0, bytes, 3)
  log.produce('logs', 0, good(4), 'zstd')
  log.skip('logs', 0, 5)
  log.produce('logs', 0, good(1))
  drain(startIngest(connection, log, new TestClock()))
  assert.equal(totalLines(connection), 7)
  const losses = connection
    .prepare('SELECT reason, from_position, to_position, lines FROM losses ORDER BY reason')
    .all()
  assert.deepEqual(losses, [
    { reason: 'corrupt-batch', from_position: '2', to_position: '4', lines: null },
    { reason: 'offset-gap', from_position: '9', to_position: '13', lines: null },
  ])
  connection.close()
})

test('what our own compacted topics lack is no loss', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'ingest-'))
  const connection = openStore(join(directory.path, 'windows.db'))
  const log = new MemoryLog()
  const status = [{ line: '{}', timestampMs: baseMs, format: 'raw' }]
  log.produce('__tailrace_agents', 0, status)
  log.skip('__tailrace_agents', 0, 5)
  log.produce('__tailrace_agents', 0, status)
  const { ingest, loop } = startIngest(connection, log, new TestClock())
  ingest.assign('__tailrace_agents', 0, 'id', 0)
  drain({ ingest, loop })
  ingest.flush()
  const losses = connection.prepare("SELECT count(*) AS count FROM losses WHERE reason = 'offset-gap'").get()
  assert.deepEqual(losses, { count: 0 })
  connection.close()
})

test('retention that overtakes the count leaves an entry; a log that ends too early stops its partition', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'ingest-'))
  const connection = openStore(join(directory.path, 'windows.db'))
  const log = new MemoryLog()
  const line = { line: 'x', timestampMs: baseMs, format: 'raw' }
  for (let batch = 0; batch < 10; batch++) log.produce('logs', 0, [line, line])
  const first = startIngest(connection, log, new TestClock())
  first.loop.turn(2)
  first.ingest.flush()
  log.dropBefore('logs', 0, 12)
  drain(startIngest(connection, log, new TestClock()))
  const losses = connection.prepare('SELECT reason, from_position, to_position, lines FROM losses')
  assert.deepEqual(losses.all(), [
    { reason: 'retention-gap', from_position: '4', to_position: '11', lines: 8 },
  ])

  const shorter = new MemoryLog()
  shorter.produce('logs', 0, [line])
  const third = startIngest(connection, shorter, new TestClock())
  drain(third)
  assert.equal(third.loop.isReading('logs', 0), false)
  assert.equal(losses.all().length, 2)
  // And stays stopped after a restart, while its neighbours go on.
  const fourth = startIngest(connection, shorter, new TestClock())
  assert.equal(fourth.loop.isReading('logs', 0), false)
  assert.equal(fourth.loop.isReading('logs', 1), true)
  connection.close()
})

test('a topic made anew begins again, with an entry, and what it held before stays counted', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'ingest-'))
  const connection = openStore(join(directory.path, 'windows.db'))
  const line = { line: 'x', timestampMs: baseMs, format: 'raw' }
  const log = new MemoryLog()
  log.produce('logs', 0, [line, line, line])
  const running = startIngest(connection, log, new TestClock())
  drain(running)
  const anew = new MemoryLog()
  anew.produce('logs', 0, [line])
  const again = startIngest(connection, anew, new TestClock())
  again.ingest.onTopicReplaced('logs', 0, 'other-id')
  drain(again)
  const sources = connection
    .prepare("SELECT next, topic_id FROM sources WHERE topic = 'logs' AND partition = 0")
    .get()
  assert.deepEqual(sources, { next: 1, topic_id: 'other-id' })
  assert.equal(totalLines(connection), 4)
  assert.deepEqual(connection.prepare('SELECT reason FROM losses').all(), [{ reason: 'topic-recreated' }])
  connection.close()
})

test('values beyond a day’s limit share one row, and the parts still add up', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'ingest-'))
  const connection = openStore(join(directory.path, 'windows.db'))
  const log = new MemoryLog()
  for (let batch = 0; batch < 30; batch++) {
    const records = Array.from({ length: 100 }, (_, index) => ({
      line: `203.0.113.7 - - [24/Nov/2026:08:00:00 +0000] "GET /scan/${batch * 100 + index} HTTP/1.1" 404 0 "-" "-"`,
      timestampMs: baseMs,
      format: 'combined',
    }))
    log.produce('logs', batch % 2, records)
  }
  // A restart in the middle must not begin the limit again.
  const first = startIngest(connection, log, new TestClock())
  first.loop.turn(5)
  first.ingest.flush()
  drain(startIngest(connection, log, new TestClock()))
  const rows = connection
    .prepare(
      `SELECT s.labels, n FROM counts JOIN series s ON s.id = series
       WHERE metric = 'requests' AND dims = 'path' AND step = 86400`,
    )
    .all() as { labels: string; n: number }[]
  assert.equal(rows.length, 2001)
  assert.equal(
    rows.reduce((sum, row) => sum + row.n, 0),
    3000,
  )
  assert.equal(rows.find(row => row.labels === '{"path":"__other__"}')?.n, 1000)
  connection.close()
})
