// Counters: increases over restarts of the counter and of ourselves, late samples, what is no counter; and lines by the
// service their record names.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeHeaders } from '../../broker/protocol/record-headers.ts'
import { openStore } from '../store/schema.ts'
import { Writer } from '../store/writer.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { fold } from './fold.ts'
import { FoldState } from './fold-state.ts'
import { isCounter } from './increase.ts'
import { Pending } from './pending.ts'

const baseMs = Date.parse('2026-11-24T08:00:00Z')

test('isCounter() goes by the type, else by the ending of the name', () => {
  const rows: [name: string, type: string, expected: boolean][] = [
    ['http_requests_total', '', true],
    ['http_request_seconds_bucket{le="0.5"}', '', true],
    ['net.bytes.total', '', true],
    ['cpu.utilization', '', false],
    ['cpu.utilization', 'counter', true],
    ['queue_count', 'gauge', false],
    ['total', '', false],
  ]
  for (const [name, type, expected] of rows) assert.equal(isCounter(name, type), expected, `${name} ${type}`)
})

/** Folds and commits lines one by one, and returns what is stored of a metric by its labels. */
function counting() {
  const connection = openStore(':memory:')
  const days = new ZoneDays('UTC')
  const writer = new Writer(connection, days)
  const { id } = writer.source('metrics', 0, null, 0)
  let state = new FoldState(writer, days)
  let partition = state.partition(id, 'metrics', 0, 0, Number.NEGATIVE_INFINITY)
  const add = (line: string, atMs: number, headers: [string, string][] = [['format', 'metrics']]) => {
    const value = Buffer.from(line)
    const bytes = Buffer.concat([value, encodeHeaders(headers)])
    fold(state, partition, partition.next, atMs, bytes, 0, value.length, value.length + 1, headers.length)
  }
  const commit = () => {
    writer.commit(
      { partitions: [partition], pending: state.pending, ledger: [], agents: [], nowMs: baseMs },
      state,
    )
    state.pending = new Pending()
  }
  const restart = () => {
    const { start: next } = partition
    writer.forget()
    writer.source('metrics', 0, null, 0)
    state = new FoldState(writer, days)
    partition = state.partition(id, 'metrics', 0, next, Number.NEGATIVE_INFINITY)
  }
  const stored = (metric: string, dims: string) =>
    connection
      .prepare(
        `SELECT labels, sum(n) AS n FROM counts JOIN series s ON s.id = series
         WHERE metric = ? AND dims = ? AND step = 86400 GROUP BY labels ORDER BY labels`,
      )
      .all(metric, dims)
  return { add, commit, restart, stored, close: () => connection.close() }
}

const sample = (name: string, value: number, seconds: number, more = {}) =>
  JSON.stringify({
    timestamp: new Date(baseMs + seconds * 1000).toISOString(),
    host: 'h',
    name,
    value,
    ...more,
  })

test('a fall is a restart of the counter, our own restart changes nothing, and a late sample adds nothing', () => {
  const { add, commit, restart, stored, close } = counting()
  const put = (name: string, value: number, seconds: number, more = {}) =>
    add(sample(name, value, seconds, more), baseMs + seconds * 1000)
  put('hits_total', 100, 0)
  put('hits_total', 110, 10)
  commit()
  restart()
  put('hits_total', 115, 20)
  put('hits_total', 112, 15)
  put('hits_total', 7, 30)
  put('load', 3, 0)
  put('load', 5, 10)
  put('jobs', 3, 0, { type: 'counter' })
  put('jobs', 5, 10, { type: 'counter' })
  commit()
  put('hits_total', 1, 40)
  // Not committed: as if it had not been read.
  restart()
  put('hits_total', 9, 40)
  commit()
  // 10 + 5 + 7 after the fall + 2.
  assert.deepEqual(stored('metric_increase', 'host,name'), [
    { labels: '{"host":"h","name":"hits_total"}', n: 24 },
    { labels: '{"host":"h","name":"jobs"}', n: 2 },
  ])
  close()
})

test('lines count by the service of their record, and by level and service together', () => {
  const { add, commit, stored, close } = counting()
  const headers = (service: string): [string, string][] => [
    ['format', 'syslog'],
    ['service', service],
  ]
  add('<11>Nov 24 09:00:05 h app: x', baseMs, headers('shop'))
  add('<14>Nov 24 09:00:05 h app: x', baseMs, headers('shop'))
  add('<11>Nov 24 09:00:05 h app: x', baseMs)
  commit()
  assert.deepEqual(stored('lines', 'service'), [{ labels: '{"service":"shop"}', n: 2 }])
  assert.deepEqual(stored('lines', 'level,service'), [
    { labels: '{"level":"error","service":"shop"}', n: 1 },
    { labels: '{"level":"info","service":"shop"}', n: 1 },
  ])
  close()
})
