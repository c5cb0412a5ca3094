// When the site's time zone changes, days begin elsewhere: every day that the 15-minute rows still cover is summed anew
// from them; older days keep the boundaries they had. One transaction; no line is counted in two days or in none.
import { Distribution } from '../sketches/distribution.ts'
import { HyperLogLog } from '../sketches/hyperloglog.ts'
import { type MetricName, metricCatalogue } from '../windows/catalogue.ts'
import { daySeconds } from '../windows/steps.ts'
import type { ZoneDays } from '../windows/zone-days.ts'
import type { Connection } from './schema.ts'
import { fenceWriters } from './slots.ts'

const sourceStep = 900

/** True if anything was rebuilt. */
export function rebuildDays(connection: Connection, days: ZoneDays): boolean {
  return connection
    .transaction(() => {
      const known = connection.prepare("SELECT value FROM meta WHERE key = 'time_zone'").pluck().get()
      if (known === days.timeZone) return false
      connection.prepare("INSERT OR REPLACE INTO meta(key, value) VALUES ('time_zone', ?)").run(days.timeZone)
      if (known === undefined) return false
      rebuild(connection, days)
      // Whoever holds sketches in memory must read them again.
      fenceWriters(connection)
      return true
    })
    .immediate()
}

function rebuild(connection: Connection, days: ZoneDays): void {
  const boundary = firstCoveredDay(connection)
  for (const table of ['counts', 'sketches']) {
    connection.prepare(`DELETE FROM ${table} WHERE step = ${daySeconds} AND bucket >= ?`).run(boundary)
  }
  const dayOf = (bucket: number) => days.startOf(bucket * 1000) / 1000
  rebuildCounts(connection, boundary, dayOf)
  rebuildSketches(connection, boundary, dayOf)
  connection
    .prepare(
      `UPDATE series SET last_day =
         max(last_day, coalesce((SELECT max(bucket) FROM counts c WHERE c.step = ? AND c.series = id), 0))`,
    )
    .run(daySeconds)
}

/** The first day, as it was until now, that lies wholly within the 15-minute rows still kept. */
function firstCoveredDay(connection: Connection): number {
  const edge = connection.prepare(`SELECT bucket FROM edges WHERE step = ${sourceStep}`).pluck().get() as
    | number
    | undefined
  const first = connection
    .prepare(
      `SELECT min(bucket) FROM (SELECT bucket FROM counts WHERE step = ${daySeconds} AND bucket >= @from
       UNION ALL SELECT bucket FROM sketches WHERE step = ${daySeconds} AND bucket >= @from)`,
    )
    .pluck()
    .get({ from: edge ?? 0 }) as number | null
  return first ?? Number.MAX_SAFE_INTEGER
}

function rebuildCounts(connection: Connection, boundary: number, dayOf: (bucket: number) => number): void {
  const rows = connection
    .prepare<[number], { series: number; bucket: number; n: number }>(
      `SELECT series, bucket, n FROM counts WHERE step = ${sourceStep} AND bucket >= ?`,
    )
    .all(boundary)
  const add = connection.prepare(
    `INSERT INTO counts(step, series, bucket, n) VALUES (${daySeconds}, ?, ?, ?)
     ON CONFLICT(step, series, bucket) DO UPDATE SET n = n + excluded.n`,
  )
  for (const { series, bucket, n } of rows) add.run(series, dayOf(bucket), n)
}

function rebuildSketches(connection: Connection, boundary: number, dayOf: (bucket: number) => number): void {
  const rows = connection
    .prepare<[number], { metric: MetricName; series: number; bucket: number; part: number; data: Buffer }>(
      `SELECT s.metric, k.series, k.bucket, k.part, k.data FROM sketches k JOIN series s ON s.id = k.series
       WHERE k.step = ${sourceStep} AND k.bucket >= ? ORDER BY k.series, k.part, k.bucket`,
    )
    .all(boundary)
  const find = connection.prepare<[number, number, number], { data: Buffer }>(
    `SELECT data FROM sketches WHERE step = ${daySeconds} AND series = ? AND bucket = ? AND part = ?`,
  )
  const save = connection.prepare(
    `INSERT OR REPLACE INTO sketches(step, series, bucket, part, data) VALUES (${daySeconds}, ?, ?, ?, ?)`,
  )
  for (const { metric, series, bucket, part, data } of rows) {
    const day = dayOf(bucket)
    const before = find.get(series, day, part)
    const merged =
      metricCatalogue[metric].kind === 'distinct'
        ? mergeDistinct(before?.data, data)
        : mergeValues(before?.data, data)
    save.run(series, day, part, merged)
  }
}

function mergeDistinct(before: Buffer | undefined, data: Buffer): Buffer {
  const sketch = before ? HyperLogLog.fromBytes(before) : new HyperLogLog()
  sketch.merge(HyperLogLog.fromBytes(data))
  return sketch.toBytes()
}

function mergeValues(before: Buffer | undefined, data: Buffer): Buffer {
  const distribution = before ? Distribution.fromBytes(before) : new Distribution()
  distribution.merge(Distribution.fromBytes(data))
  return distribution.toBytes()
}
