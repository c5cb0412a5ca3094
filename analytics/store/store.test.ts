// What the store promises beside the count: retention that leaves whole buckets, days that follow the zone, formats.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { stats } from '../queries/answers.ts'
import { Rows } from '../queries/rows.ts'
import { accessRecord, FixedClock, StoreFeed, silentLog } from '../test-store.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { prepareStore } from './prepare.ts'
import { type Connection, openReader, openStore, schemaVersion } from './schema.ts'

const hour = 3_600_000
const noon = Date.parse('2026-11-24T12:00:00Z')

function sumByStep(connection: Connection): Record<number, number> {
  const rows = connection
    .prepare(
      `SELECT step, sum(n) AS n FROM counts JOIN series s ON s.id = series
       WHERE metric = 'requests' AND dims = '' GROUP BY step`,
    )
    .all() as { step: number; n: number }[]
  return Object.fromEntries(rows.map(row => [row.step, row.n]))
}

/** An access record whose line carries the time itself. */
function requestAt(atMs: number, index = 0) {
  const iso = new Date(atMs).toISOString()
  const record = accessRecord(atMs, index)
  const day = `${iso.slice(8, 10)}/${iso.slice(5, 7) === '11' ? 'Nov' : 'Oct'}/2026`
  return { ...record, line: String(record.line).replace('24/Nov/2026', day) }
}

test('rows before the edge go, and a late line counts in every step that is still kept', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'store-'))
  const path = join(directory.path, 'windows.db')
  const clock = new FixedClock()
  clock.atMs = noon
  const feed = new StoreFeed(path, clock)
  feed.add('logs', [requestAt(noon - 3 * hour), requestAt(noon - hour), requestAt(noon - 60_000)])
  // The newest event decides: three hours are beyond 10 s rows, one hour is beyond 1 s rows.
  feed.add('logs', [{ ...requestAt(noon - hour, 1), timestampMs: noon }])
  for (let round = 0; round < 5; round++) feed.add('logs', [requestAt(noon - 1000, round)])
  const connection = openReader(path)
  assert.deepEqual(sumByStep(connection), { 1: 6, 10: 8, 60: 9, 900: 9, 86400: 9 })
  const losses = connection.prepare('SELECT count(*) AS n FROM losses').get()
  assert.deepEqual(losses, { n: 0 })
  connection.close()
  feed.close()
})

test('a line older than everything kept is in the ledger and in no row', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'store-'))
  const path = join(directory.path, 'windows.db')
  const clock = new FixedClock()
  clock.atMs = noon
  const feed = new StoreFeed(path, clock)
  feed.add('logs', [requestAt(noon)])
  const ancient = requestAt(noon)
  feed.add('logs', [{ ...ancient, line: String(ancient.line).replace('24/Nov/2026', '24/Nov/2019') }])
  const connection = openReader(path)
  assert.equal(sumByStep(connection)[86_400], 1)
  assert.deepEqual(connection.prepare('SELECT reason, lines FROM losses').all(), [
    { reason: 'too-old', lines: 1 },
  ])
  connection.close()
  feed.close()
})

test('a clock that runs ahead does not age everybody else’s lines', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'store-'))
  const path = join(directory.path, 'windows.db')
  const clock = new FixedClock()
  clock.atMs = noon
  const feed = new StoreFeed(path, clock)
  feed.add('logs', [{ line: 'x', timestampMs: Date.parse('2099-01-01T00:00:00Z'), format: 'raw' }])
  feed.add('logs', [requestAt(noon - 60_000)])
  const connection = openReader(path)
  assert.deepEqual(sumByStep(connection), { 1: 1, 10: 1, 60: 1, 900: 1, 86400: 1 })
  connection.close()
  feed.close()
})

test('days are summed anew when the zone changes, and no line is in two of them', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'store-'))
  const path = join(directory.path, 'windows.db')
  const clock = new FixedClock()
  clock.atMs = noon
  prepareStore(path, 'UTC', silentLog)
  const feed = new StoreFeed(path, clock)
  const day = (text: string) => Date.parse(text)
  feed.add('logs', [
    requestAt(day('2026-11-22T23:30:00Z')),
    requestAt(day('2026-11-23T00:30:00Z'), 1),
    requestAt(day('2026-11-23T22:30:00Z'), 2),
    requestAt(day('2026-11-23T23:30:00Z'), 3),
    requestAt(day('2026-11-24T11:00:00Z'), 4),
  ])
  feed.close()
  const daysIn = (timeZone: string) => {
    const connection = openReader(path)
    const rows = connection
      .prepare(
        `SELECT bucket, n FROM counts JOIN series s ON s.id = series
         WHERE metric = 'requests' AND dims = '' AND step = 86400 ORDER BY bucket`,
      )
      .all() as { bucket: number; n: number }[]
    const reading = { rows: new Rows(connection), days: new ZoneDays(timeZone), nowMs: noon }
    const window = { window: 28 * 24 * hour }
    const latency = stats(reading, 'latency', window, [], new Map(), 1).rows[0]?.values['count']
    const users = stats(reading, 'active_users', window, [], new Map(), 1).rows[0]?.values['value']
    connection.close()
    return [rows.map(row => [new Date(row.bucket * 1000).toISOString().slice(0, 13), row.n]), latency, users]
  }
  assert.deepEqual(daysIn('UTC')[0], [
    ['2026-11-22T00', 1],
    ['2026-11-23T00', 3],
    ['2026-11-24T00', 1],
  ])
  prepareStore(path, 'Europe/Berlin', silentLog)
  const berlin = daysIn('Europe/Berlin')
  assert.deepEqual(berlin[0], [
    ['2026-11-22T23', 3],
    ['2026-11-23T23', 2],
  ])
  assert.deepEqual(berlin.slice(1), [5, 5])
  prepareStore(path, 'Europe/Berlin', silentLog)
  assert.deepEqual(daysIn('Europe/Berlin'), berlin)
})

test('a newer format and an unknown zone are refused with what to do', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'store-'))
  const path = join(directory.path, 'windows.db')
  assert.throws(() => prepareStore(path, 'Mars/Olympus', silentLog), /IANA name/)
  const connection = openStore(path)
  connection.pragma(`user_version = ${schemaVersion + 1}`)
  connection.close()
  assert.throws(() => prepareStore(path, 'UTC', silentLog), /written by a newer Tailrace/)
})
