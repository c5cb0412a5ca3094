// How long rows stay: by age, by bytes, a little at a time, and nothing that still has rows goes with them.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { accessRecord, FixedClock, nowMs, StoreFeed, silentLog } from '../test-store.ts'
import { steps } from '../windows/steps.ts'
import { bytesInUse, Housekeeping, saveKeepRules } from './housekeeping.ts'
import { prepareStore } from './prepare.ts'
import { isShortest, type KeepRules, type Kept, keepFault, keptMs, shorten } from './retention.ts'
import { type Connection, openReader, openStore } from './schema.ts'
import { SeriesDirectory } from './series-directory.ts'

const hour = 3_600_000
const [second, ten, minute, quarter, day] = steps
const run = (statement: { run(...values: unknown[]): { changes: number } }, ...values: unknown[]) =>
  statement.run(...values).changes

test('the finest step gives way first, each by halves down to an eighth, and all come back when there is room', () => {
  const rules: KeepRules = { keptMs: { 60: 48 * hour }, bytesMax: 1000 }
  let shortened: Kept = {}
  const story: string[] = []
  while (!isShortest(rules, shortened)) {
    const next = shorten(rules, shortened, 1001)
    const changed = steps.find(({ seconds }) => next[seconds] !== shortened[seconds])!
    story.push(`${changed.seconds}: ${keptMs(changed, rules, next) / hour}`)
    shortened = next
  }
  assert.deepEqual(story.slice(0, 9), [
    ...['1: 0.125', '1: 0.0625', '1: 0.03125', '10: 1', '10: 0.5', '10: 0.25'],
    ...['60: 24', '60: 12', '60: 6'],
  ])
  assert.equal(story.length, 15)
  assert.equal(shorten(rules, shortened, 1001), shortened)
  assert.equal(shorten(rules, shortened, 900), shortened)
  const roomier = shorten(rules, shortened, 699)
  assert.equal(keptMs(day!, rules, roomier), keptMs(day!, rules, shortened) * 2)
  assert.equal(keptMs(second!, rules, roomier), keptMs(second!, rules, shortened))
  while (Object.keys(shortened).length > 0) shortened = shorten(rules, shortened, 0)
  assert.equal(keptMs(minute!, rules, shortened), 48 * hour)
  assert.equal(keptMs(quarter!, rules, shortened), quarter!.retentionMs)
})

test('a coarse step must outlive the finer ones', () => {
  assert.equal(keepFault({ keptMs: {}, bytesMax: null }), null)
  assert.match(
    keepFault({ keptMs: { 10: 24 * 30 * hour }, bytesMax: null })!,
    /1m must be kept as long as 10s/,
  )
  assert.match(keepFault({ keptMs: { 1: 1000 }, bytesMax: null })!, /1s must be kept for 60/)
  assert.equal(keptMs(ten!, { keptMs: {}, bytesMax: null }, {}), 2 * hour)
})

/** A series with a row in each of many buckets of a step, oldest first. */
function fill(connection: Connection, step: number, series: number, rows: number, lastBucket: number): void {
  const insert = connection.prepare('INSERT INTO counts(step, series, bucket, n) VALUES (?, ?, ?, 1)')
  const fillAll = connection.transaction(() => {
    for (let index = 0; index < rows; index++) insert.run(step, series, lastBucket - index * step)
  })
  fillAll()
}

const countOf = (connection: Connection, where: string) =>
  connection.prepare(`SELECT count(*) FROM ${where}`).pluck().get() as number

test('no commit deletes more than its share, however far an edge has jumped', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'retention-'))
  const connection = openStore(join(directory.path, 'windows.db'))
  const last = nowMs / 1000 - ((nowMs / 1000) % 60)
  fill(connection, 60, 1, 9000, last)
  connection.exec(
    `INSERT INTO series(id, metric, dims, labels, last_day) VALUES (1, 'requests', '', '{}', ${last})`,
  )
  saveKeepRules(connection, { keptMs: { 60: 1000 * 60_000 }, bytesMax: null })
  const housekeeping = new Housekeeping(connection, run)
  const deleted: number[] = []
  housekeeping.advance(nowMs, nowMs)
  for (let version = 1; countOf(connection, 'counts') > 1001; version++) {
    const before = countOf(connection, 'counts')
    housekeeping.prune(version, nowMs)
    deleted.push(before - countOf(connection, 'counts'))
  }
  assert.deepEqual(deleted, [2000, 2000, 2000, 1999])
  connection.close()
})

test('every series is looked at once while an edge moves by a minute, not with every commit', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'retention-'))
  const connection = openStore(join(directory.path, 'windows.db'))
  const last = Math.floor(nowMs / 1000)
  const insert = connection.prepare(`INSERT INTO series VALUES (?, 'requests', 'path', ?, ?)`)
  for (let series = 1; series <= 90; series++) {
    insert.run(series, JSON.stringify({ path: `/${series}` }), last)
    fill(connection, 1, series, 2, last - 900)
  }
  const looks: number[] = []
  const noting = (
    statement: { source?: string; run(...values: unknown[]): { changes: number } },
    ...values: unknown[]
  ) => {
    if (statement.source?.startsWith('DELETE FROM series')) looks.push(second)
    return run(statement, ...values)
  }
  const housekeeping = new Housekeeping(connection, noting)
  let second = 0
  for (; second < 120; second++) {
    housekeeping.advance(nowMs + second * 1000, nowMs + second * 1000)
    housekeeping.prune(1, nowMs)
  }
  // 90 series are three commits' work.
  assert.deepEqual(looks, [0, 1, 2, 60, 61, 62])
  assert.equal(countOf(connection, 'counts'), 0)
  connection.close()
})

test('the cap cuts the finest steps until the rows fit, says so, and lets the newest stay', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'retention-'))
  const connection = openStore(join(directory.path, 'windows.db'))
  const last = nowMs / 1000 - ((nowMs / 1000) % 900)
  for (let series = 1; series <= 12; series++) {
    fill(connection, 60, series, 6000, last)
    fill(connection, 900, series, 2000, last)
    fill(connection, 86_400, series, 400, last)
    connection
      .prepare('INSERT INTO series(id, metric, dims, labels, last_day) VALUES (?, ?, ?, ?, ?)')
      .run(series, 'requests', 'path', JSON.stringify({ path: `/${series}` }), last)
  }
  const bytesMax = Math.floor(bytesInUse(connection) * 0.5)
  saveKeepRules(connection, { keptMs: {}, bytesMax })
  const said: unknown[] = []
  const log = { ...silentLog, warn: (_text: string, fields?: unknown) => said.push(fields) }
  const housekeeping = new Housekeeping(connection, run, log)
  for (let version = 1; bytesInUse(connection) > bytesMax && version < 2000; version++) {
    housekeeping.advance(nowMs, nowMs)
    housekeeping.prune(version, nowMs)
  }
  assert.ok(bytesInUse(connection) <= bytesMax)
  assert.equal(countOf(connection, 'counts WHERE step = 86400'), 12 * 400)
  assert.equal(countOf(connection, 'counts WHERE step = 900'), 12 * 2000)
  assert.ok(countOf(connection, `counts WHERE step = 60 AND bucket = ${last}`) === 12)
  assert.ok(said.length >= 7, `told ${said.length} times`)
  const forgetful = new Housekeeping(connection, run)
  const before = forgetful.edges().get(60)!
  forgetful.advance(nowMs, nowMs)
  assert.equal(forgetful.edges().get(60), before)
  connection.close()
})

test('a series whose rows are all gone goes too, and is made anew under an id of its own', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'retention-'))
  const connection = openStore(join(directory.path, 'windows.db'))
  const ancient = nowMs / 1000 - 6 * 366 * 86_400
  const insert = connection.prepare(
    'INSERT INTO series(id, metric, dims, labels, last_day) VALUES (?, ?, ?, ?, ?)',
  )
  insert.run(1, 'requests', 'path', '{"path":"/old"}', ancient)
  insert.run(2, 'requests', 'path', '{"path":"/new"}', nowMs / 1000)
  insert.run(3, 'requests', 'path', '{"path":"/last"}', ancient)
  const directoryOfSeries = new SeriesDirectory(connection, run)
  assert.equal(directoryOfSeries.idOf('requests', 'path', '/old', ancient), 1)
  const housekeeping = new Housekeeping(connection, run)
  housekeeping.advance(nowMs, nowMs)
  housekeeping.prune(1, nowMs)
  // The highest id stays, or the next series would get it and old memories would mean another.
  assert.deepEqual(connection.prepare('SELECT id FROM series ORDER BY id').pluck().all(), [2, 3])
  assert.equal(directoryOfSeries.idOf('requests', 'path', '/old', nowMs / 1000), 4)
  connection.close()
})

test('old entries of the ledger become one sum per reason, old agents go, and the sum stays true', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'retention-'))
  const connection = openStore(join(directory.path, 'windows.db'))
  const insert = connection.prepare(
    `INSERT INTO losses(key, at, reason, source, from_position, to_position, lines, detail)
     VALUES (?, ?, ?, 's', '0', '1', ?, '')`,
  )
  const old = nowMs - 500 * 24 * hour
  connection.exec('BEGIN')
  for (let index = 0; index < 700; index++) insert.run(`old${index}`, old + index, index % 2 ? 'a' : 'b', 2)
  connection.exec('COMMIT')
  insert.run('young', nowMs, 'a', 5)
  connection.prepare('INSERT INTO agents VALUES (?, ?, ?), (?, ?, ?)').run('x', old, '{}', 'y', nowMs, '{}')
  const housekeeping = new Housekeeping(connection, run)
  for (const version of [50, 100, 150, 200]) housekeeping.prune(version, nowMs)
  assert.deepEqual(connection.prepare('SELECT key, lines FROM losses ORDER BY key').all(), [
    { key: 'aged:a', lines: 700 },
    { key: 'aged:b', lines: 700 },
    { key: 'young', lines: 5 },
  ])
  assert.deepEqual(connection.prepare('SELECT agent_id FROM agents').pluck().all(), ['y'])
  connection.close()
})

test('what the user has set is followed from the next start on, and nonsense is refused', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'retention-'))
  const path = join(directory.path, 'windows.db')
  assert.throws(() => prepareStore(path, 'UTC', silentLog, { keptMs: { 900: hour }, bytesMax: null }), /15m/)
  prepareStore(path, 'UTC', silentLog, { keptMs: { 10: hour }, bytesMax: null })
  const feed = new StoreFeed(path, new FixedClock())
  const access = (ageMs: number) => ({ ...accessRecord(nowMs - ageMs, 1), timestampMs: nowMs })
  feed.add('logs', [access(1.5 * hour), access(0)])
  feed.add('logs', [access(1.5 * hour)])
  const connection = openReader(path)
  const requests = `counts JOIN series s ON s.id = series WHERE metric = 'requests' AND dims = '' AND step = 10`
  assert.equal(countOf(connection, requests), 1)
  connection.close()
  feed.close()
})
