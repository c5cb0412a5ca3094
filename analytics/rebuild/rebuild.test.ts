// A rebuild comes to what the log says, replaces only what the log covers, follows the live count in what it dropped,
// and takes over in one step: before it nothing has changed, wherever the rebuild ended.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { CustomStatistics } from '../fold/custom.ts'
import { assertSame, baseMs, drain, randomLog, recordOf } from '../ingest/ingest-story.ts'
import { MemoryLog, type TestRecord } from '../ingest/memory-log.ts'
import { naiveCount } from '../ingest/naive-count.ts'
import type { Connection } from '../store/schema.ts'
import { freshPath } from './rebuild.ts'
import { countLive, countLiveWith, runRebuild, statisticsOf } from './rebuild-story.ts'

/** Makes the live statistics wrong in every way that code of another version might have. */
function spoil(connection: ReturnType<typeof countLive>['connection']): void {
  connection.exec(`
    UPDATE counts SET n = n + 7 WHERE series % 3 = 0;
    DELETE FROM counts WHERE series % 3 = 1;
    DELETE FROM sketches WHERE series % 2 = 0 AND series IN (SELECT id FROM series WHERE metric <> 'lag');
    INSERT INTO sketches SELECT step, series, bucket, 3, data FROM sketches
      WHERE series IN (SELECT id FROM series WHERE metric <> 'lag');
    INSERT INTO series(metric, dims, labels, last_day) VALUES ('requests', 'path', '{"path":"/never"}', 0);
    INSERT INTO counts SELECT step, (SELECT max(id) FROM series), bucket, 1 FROM counts WHERE step = 60 GROUP BY bucket;
  `)
}

test('what was counted wrongly is counted anew: every number is what the log says', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'rebuild-'))
  const path = join(directory.path, 'windows.db')
  const { log, records } = randomLog(11, 50)
  const live = countLive(path, log)
  const right = statisticsOf(live.connection)
  spoil(live.connection)
  assert.notDeepEqual(statisticsOf(live.connection), right)
  const done = await runRebuild(path, log)
  assert.ok(done.rows > 0 && done.visits)
  assertSame(live.connection, naiveCount(records))
  // The lag is a fact of the live count: it is not lost.
  const lag = live.connection.prepare(
    "SELECT count(*) FROM sketches WHERE series IN (SELECT id FROM series WHERE metric = 'lag')",
  )
  assert.ok((lag.pluck().get() as number) > 0)
  assert.ok(!existsSync(freshPath(path)))
  // A second one finds nothing to change.
  assert.equal((await runRebuild(path, log)).rows, 0)
  live.connection.close()
})

test('the live count goes on meanwhile and after: no record is lost or doubled where they meet', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'rebuild-'))
  const path = join(directory.path, 'windows.db')
  const { log, records } = randomLog(12, 60)
  const later = randomLog(13, 40)
  const live = countLive(path, log)
  live.connection.pragma('busy_timeout = 0')
  spoil(live.connection)
  let produced = 0
  const produceOne = () => {
    const record = later.records[produced++]
    if (record) log.produce(record.topic, record.partition, [recordOf({ ...record, src: undefined })])
  }
  await runRebuild(path, log, {
    onWait: () => {
      produceOne()
      live.loop.turn()
      // Refused while it is held; it reads again and goes on.
      live.ingest.flush()
    },
  })
  live.loop.resume()
  for (let index = 0; index < 5; index++) produceOne()
  while (live.loop.turn()) live.ingest.flush()
  drain(live)
  const added = later.records
    .slice(0, produced)
    .map(record => ({ ...record, src: undefined, pos: undefined }))
  assert.ok(produced > 5)
  assertSame(live.connection, naiveCount([...records, ...added]))
  live.connection.close()
})

/** Without what was taken back to nothing; of sketches their size, for exact ones keep the order of arrival. */
function figures(connection: Connection): Map<string, number> {
  const all = [...statisticsOf(connection)].map(
    ([name, value]) => [name, typeof value === 'number' ? value : value.length] as const,
  )
  return new Map(all.filter(([, value]) => value !== 0))
}

test('a statistic added later gets its past, as far as the log reaches: what it had if it had been there', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'rebuild-'))
  const path = join(directory.path, 'windows.db')
  const { log } = randomLog(16, 30)
  const live = countLive(path, log)
  const statistics = () =>
    new CustomStatistics([
      { name: 'behavior_by_page', topic: 'behavior', aggregate: 'count', by: ['path'] },
      { name: 'behavior_lines', topic: 'behavior', aggregate: 'count' },
      { name: 'page_visitors', topic: 'behavior', aggregate: 'unique', field: 'anonymousId' },
      { name: 'slow', topic: 'logs', aggregate: 'quantile', field: 'requestTimeMs', by: ['status'] },
    ])
  await runRebuild(path, log, { settings: 'with it', extra: { fold: { statistics: statistics() } } })
  const fromTheStart = countLiveWith(join(directory.path, 'other.db'), log, { statistics: statistics() })
  assert.deepEqual(figures(live.connection), figures(fromTheStart.connection))
  // Every line of the topic is one, those too that are no events.
  const day = (metric: string, labels: string) =>
    live.connection
      .prepare(
        `SELECT sum(n) FROM counts JOIN series s ON s.id = series WHERE step = 86400 AND metric = ? AND labels = ?`,
      )
      .pluck()
      .get(metric, labels) as number
  const lines = day('lines', '{"topic":"behavior"}')
  assert.ok(lines > day('events', '{}'))
  assert.equal(day('behavior_lines', '{}'), lines)
  live.connection.close()
  fromTheStart.connection.close()
})

const quarterMs = 900_000
const raw = (timestampMs: number, pos: number): TestRecord => {
  return { line: 'plain text', timestampMs, src: 'agent001.file0.1', pos, format: 'raw' }
}

/** Lines by quarter, in order. */
function linesByQuarter(found: ReadonlyMap<string, string | number>): unknown[] {
  return [...found].filter(([name]) => name.startsWith('lines  {} 900 ')).map(([, value]) => value)
}

test('a bucket with records that are no longer retained stays as it was, and its day too', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'rebuild-'))
  const path = join(directory.path, 'windows.db')
  const log = new MemoryLog()
  const live = countLive(path, log)
  const { connection } = live
  for (let quarter = 0; quarter < 4; quarter++) {
    for (let index = 0; index < 10; index++) {
      log.produce('logs', 0, [raw(baseMs + quarter * quarterMs + index, quarter * 10 + index)])
    }
    drain(live)
  }
  // A spoilt number shows what was replaced: 1000 more in every row.
  connection.exec('UPDATE counts SET n = n + 1000')
  log.dropBefore('logs', 0, 15)
  const done = await runRebuild(path, log)
  assert.equal(done.visits, false)
  assert.deepEqual(linesByQuarter(statisticsOf(connection)), [1010, 1010, 10, 10])
  const day = connection.prepare(
    "SELECT n FROM counts JOIN series s ON s.id = series WHERE metric = 'lines' AND dims = '' AND step = 86400",
  )
  assert.equal(day.pluck().get(), 1040)
  // From a time on: nothing before it, covered or not.
  connection.exec('UPDATE counts SET n = n + 1000')
  await runRebuild(path, log, { fromSeconds: (baseMs + 3 * quarterMs) / 1000 })
  assert.deepEqual(linesByQuarter(statisticsOf(connection)), [2010, 2010, 1010, 10])
  connection.close()
})

test('a copy whose original is gone is passed over, as the live count did', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'rebuild-'))
  const path = join(directory.path, 'windows.db')
  const log = new MemoryLog()
  log.produce('logs', 0, [raw(baseMs, 1), raw(baseMs, 2)])
  // The agent was killed and read its last lines again: another time of reading, another bucket.
  log.produce('logs', 0, [
    raw(baseMs + 2 * quarterMs, 1),
    raw(baseMs + 2 * quarterMs, 2),
    raw(baseMs + 2 * quarterMs, 3),
  ])
  const live = countLive(path, log)
  assert.deepEqual(live.connection.prepare('SELECT first, last FROM dropped').all(), [{ first: 2, last: 3 }])
  assert.deepEqual(linesByQuarter(statisticsOf(live.connection)), [2, 1])
  log.dropBefore('logs', 0, 2)
  await runRebuild(path, log)
  assert.deepEqual(linesByQuarter(statisticsOf(live.connection)), [2, 1])
  live.connection.close()
})

test('wherever a rebuild ends, the live statistics are untouched, and the next one comes to the end', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'rebuild-'))
  const path = join(directory.path, 'windows.db')
  const { log, records } = randomLog(14, 40)
  const live = countLive(path, log)
  spoil(live.connection)
  const spoilt = statisticsOf(live.connection)
  let resumed = 0
  for (let crashAt = 0; ; crashAt++) {
    const logged: string[] = []
    try {
      await runRebuild(path, log, {
        logged,
        onWait: turn => {
          if (turn === crashAt) throw new Error('the power went')
        },
      })
      break
    } catch (error) {
      assert.match((error as Error).message, /power went/)
      assert.deepEqual(statisticsOf(live.connection), spoilt)
    } finally {
      if (logged.some(line => line.includes('a rebuild goes on'))) resumed++
    }
  }
  assert.ok(resumed > 0)
  assertSame(live.connection, naiveCount(records))
  live.connection.close()
})

test('a take-over that fails in its middle leaves everything as it was', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'rebuild-'))
  const path = join(directory.path, 'windows.db')
  const { log, records } = randomLog(15, 40)
  const live = countLive(path, log)
  spoil(live.connection)
  const spoilt = statisticsOf(live.connection)
  live.connection.exec(
    `CREATE TRIGGER full BEFORE INSERT ON sketches WHEN NEW.step = 900 BEGIN SELECT RAISE(ABORT, 'disk full'); END`,
  )
  await assert.rejects(runRebuild(path, log), /disk full/)
  assert.deepEqual(statisticsOf(live.connection), spoilt)
  const state = () =>
    JSON.parse(
      live.connection.prepare("SELECT value FROM meta WHERE key = 'rebuild'").pluck().get() as string,
    )
  assert.equal(state().state, 'failed')
  live.connection.exec('DROP TRIGGER full')
  await runRebuild(path, log)
  assertSame(live.connection, naiveCount(records))
  assert.equal(state().state, 'done')
  live.connection.close()
})

test('overtaken by retention it begins anew; another question does not use what the last one read', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'rebuild-'))
  const path = join(directory.path, 'windows.db')
  const log = new MemoryLog()
  for (let index = 0; index < 40; index++) log.produce('logs', 0, [raw(baseMs + index * 120_000, index)])
  const live = countLive(path, log)
  const logged: string[] = []
  await runRebuild(path, log, {
    logged,
    onWait: turn => {
      if (turn === 3) log.dropBefore('logs', 0, 20)
    },
  })
  const begins = () => logged.filter(line => line.includes('a rebuild begins')).length
  assert.equal(begins(), 2)
  const stop = (turn: number) => {
    if (turn === 2) throw new Error('stop')
  }
  await assert.rejects(runRebuild(path, log, { logged, settings: 'one', onWait: stop }), /stop/)
  await runRebuild(path, log, { logged, settings: 'another' })
  assert.equal(begins(), 4)
  assert.equal(logged.filter(line => line.includes('a rebuild goes on')).length, 0)
  live.connection.close()
})
