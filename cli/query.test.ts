// `tailrace query` and `tailrace report` against a real server: what they print, and how they end.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { AnswerServer } from '../analytics/server.ts'
import {
  FixedClock,
  fillUsual,
  nowMs,
  StoreFeed,
  startTestServer,
  testConfig,
} from '../analytics/test-store.ts'
import { csvLines, queryText, type Server, tableText } from './query.ts'
import { lastWhole, makeReport, reportCsv } from './report.ts'

let directory: Awaited<ReturnType<typeof mkdtempDisposable>>
let answering: AnswerServer
let server: Server
const clock = new FixedClock()

before(async () => {
  directory = await mkdtempDisposable(join(tmpdir(), 'cli-query-'))
  const config = testConfig(directory.path)
  const feed = new StoreFeed(join(config.dataDirectory, 'windows.db'), clock)
  fillUsual(feed)
  feed.close()
  answering = await startTestServer(config, clock)
  server = { origin: `http://127.0.0.1:${answering.port}`, tokenPath: config.tokenPath }
})

after(async () => {
  await answering.close()
  await directory.remove()
})

test('a metric is a table, JSON or CSV; by a dimension and filtered', async () => {
  assert.equal(
    await queryText(server, 'requests', { window: '30m' }),
    'value  per_second\n 2400     1.33333\n',
  )
  const filtered = { window: '30m', by: 'path', filter: ['path:/p/1'], csv: true }
  assert.match(await queryText(server, 'requests', filtered), /^path,value,per_second\r\n\/p\/1,480,0\.26/)
  const { rows } = JSON.parse(await queryText(server, 'latency', { json: true })) as {
    rows: { values: { max: number } }[]
  }
  assert.equal(rows[0]?.values.max, 109)
})

test('an expression is PromQL', async () => {
  assert.equal(await queryText(server, '1 + 1', {}), '2\n')
  assert.equal(await queryText(server, 'nothing_at_all > 0', {}), 'nothing matches\n')
  const text = await queryText(server, 'tailrace_requests_by_status_total{status="500"} > bool 1e9', {})
  assert.equal(text, 'status  value\n   500      0\n')
})

test('a wrong question ends with 64 and says what is right; no server with 69', async () => {
  await assert.rejects(queryText(server, 'request', {}), { exitCode: 64, message: /Did you mean "requests"/ })
  await assert.rejects(queryText(server, 'sum(', {}), { exitCode: 64, message: /parse error/ })
  await assert.rejects(queryText(server, 'requests', { csv: true, json: true }), { exitCode: 64 })
  const nowhere = { ...server, origin: 'http://127.0.0.1:1' }
  await assert.rejects(queryText(nowhere, 'requests', {}), { exitCode: 69 })
})

test('the report is of the last day that is over, and leaves out what is not kept', async () => {
  const empty = await makeReport(server, 'day')
  assert.deepEqual([empty.from, empty.to], ['2026-11-23', '2026-11-23'])
  assert.equal(empty.rows.find(row => row.name === 'requests')?.value, 0)
  clock.atMs = nowMs + 86_400_000
  const { rows } = await makeReport(server, 'day')
  clock.atMs = nowMs
  assert.deepEqual(
    rows.find(row => row.name === 'requests'),
    {
      ...{ section: 'headlines', name: 'requests', value: 2400, previous: 0, changePercent: null },
    },
  )
  assert.ok(rows.some(row => row.section === 'statuses' && row.name === '500' && row.value === 120))
  assert.match(
    reportCsv(empty),
    /^from,to,section,name,value,previous,change_percent\r\n2026-11-23,2026-11-23,headlines,lines,0,0,\r\n/,
  )
})

test('weeks begin on Monday', () => {
  assert.deepEqual(lastWhole('week', '2026-11-24'), { from: '2026-11-16', to: '2026-11-22' })
  assert.deepEqual(lastWhole('week', '2026-11-23'), { from: '2026-11-16', to: '2026-11-22' })
  assert.deepEqual(lastWhole('day', '2026-03-01'), { from: '2026-02-28', to: '2026-02-28' })
})

test('text of strangers steers neither a terminal nor a spreadsheet', () => {
  assert.equal(tableText(['path'], [['\u001b[31m/x\n']]), 'path\n�[31m/x�\n')
  assert.equal(csvLines([['=1+1', '-5', 'a"b']]), `'=1+1,-5,"a""b"\r\n`)
})
