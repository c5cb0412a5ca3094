// The whole way from stored batches to committed rows, against a naive count of the same records: with duplicates,
// late lines, hostile lines, several codecs, failures between any two statements, and two processes at once.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { resumeSources } from '../store/resume.ts'
import { openStore } from '../store/schema.ts'
import {
  assertSame,
  baseMs,
  drain,
  randomLog,
  seeded,
  startIngest,
  TestClock,
  totalLines,
} from './ingest-story.ts'
import { MemoryLog } from './memory-log.ts'
import { naiveCount } from './naive-count.ts'

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

  // The operator lets it go on: from where the log was cut off, whatever has come since.
  for (let batch = 0; batch < 30; batch++) shorter.produce('logs', 0, [line, line])
  fourth.ingest.resumeStopped()
  assert.equal(fourth.loop.isReading('logs', 0), false)
  const before = totalLines(connection) as number
  const resumed = resumeSources(connection, 'logs', null, baseMs)
  assert.deepEqual(resumed, [{ topic: 'logs', partition: 0, reason: 'log-truncated', from: 20, to: 1 }])
  fourth.ingest.resumeStopped()
  drain(fourth)
  assert.equal(totalLines(connection), before + 60)
  assert.equal(losses.all().length, 3)
  assert.deepEqual(resumeSources(connection, 'logs', null, baseMs), [])
  connection.close()
})

test('a log that was cut and grew past what was counted stops its partition, until the operator says', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'ingest-'))
  const connection = openStore(join(directory.path, 'windows.db'))
  const log = new MemoryLog()
  const line = { line: 'x', timestampMs: baseMs, format: 'raw' }
  for (let batch = 0; batch < 5; batch++) log.produce('logs', 0, [line, line])
  const { ingest, loop } = startIngest(connection, log, new TestClock())
  loop.turn(9)
  ingest.onDiverged('logs', 0, 10, 6)
  assert.equal(loop.isReading('logs', 0), false)
  const losses = connection.prepare('SELECT reason, from_position, to_position FROM losses')
  assert.deepEqual(losses.all(), [{ reason: 'log-truncated', from_position: '6', to_position: '10' }])
  assert.equal(totalLines(connection), 10)
  const [resumed] = resumeSources(connection, 'logs', 0, baseMs)
  assert.deepEqual([resumed!.from, resumed!.to], [10, 6])
  ingest.resumeStopped()
  drain({ ingest, loop })
  assert.equal(totalLines(connection), 14)
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
