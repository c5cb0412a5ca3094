// What each benchmark prints is read into its targets' rows: a figure within its target, one beyond it, and none. The
// samples are of the form in which the benchmarks print; a form that changed shows as "not measured", never as met.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { targetRows } from './target-rows.ts'

const read = (what: string, output: string) => {
  const row = targetRows.find(one => one.what === what)
  assert(row, `there is no row "${what}"`)
  return row.read(output)
}

const pipeline = (linesPerSecond: number, p95Ms: number) =>
  `written   1800000 lines at 30000/s\ncounted   1800000 lines in 60.8 s: ${linesPerSecond} lines/s\n` +
  `lag       p50 206 ms, p95 ${p95Ms} ms, from reading a line to its commit\n`
const agentTable =
  '| who | CPU-s per GB | peak MiB | seconds |\n| --- | --- | --- | --- |\n' +
  '| agent, zstd | 7.9 | 105 | 5.0 |\n| agent, none | 5.1 | 130 | 5.0 |\n| kcat, none | 40.0 | – | 9.1 |\n'
const besideKafka =
  '| batch, codec | MB/s | CPU-s/GB | CPU ratio | p50 ms | p99 ms |\n| --- | --- | --- | --- | --- | --- |\n' +
  '| 16 KiB, none | 1 / 2 | 3 / 4 | 0.94 (0.90–1.10) | 1.00 / 2.00 | 5.00 / 4.00 |\n' +
  '| 1 MiB, none | 1 / 2 | 3 / 4 | 0.44 (0.40–0.50) | 1.00 / 2.00 | 3.00 / 4.00 |\n'
const start = (ms: number) =>
  `empty   | SIGTERM    | 210 (200 210 220) | 0.2\n10 GB   | SIGTERM    | ${ms} (1 2) | 0.3`

const cases: readonly (readonly [what: string, output: string, measured: string, isMet: boolean])[] = [
  ['whole pipeline, one broker', pipeline(29_592, 211), '29,592 lines/s, lag p95 211 ms', true],
  ['whole pipeline, one broker', pipeline(20_900, 211), '20,900 lines/s, lag p95 211 ms', false],
  ['whole pipeline, one broker', pipeline(29_592, 2_600), '29,592 lines/s, lag p95 2600 ms', false],
  ['agent, peak memory', agentTable, '136 MB at most', false],
  ['agent, CPU a gigabyte, raw', agentTable, '5.1 CPU-s at most', true],
  ['agent, idle with 1,000 files', 'idle      1000 files: 0.48 % of a core, peak 90 MiB', '0.48 %', true],
  [
    'agent, line to broker, p99',
    'latency   line to broker, 200 lines: p50 114 ms, p95 176, p99 306',
    '306 ms',
    false,
  ],
  ['broker beside Kafka, 16 KiB uncompressed', besideKafka, '0.94 ×', true],
  ['broker beside Kafka, 1 MiB or zstd', besideKafka, '0.44 × at most', true],
  ['broker, p99 at half load', besideKafka, 'above it in 1 of 2 rows', false],
  ['broker ready, full log, after a clean stop', start(305), '305 ms', true],
  ['broker ready, full log, after a clean stop', start(713), '713 ms', false],
  ['broker ready, empty log, after a clean stop', start(713), '210 ms', true],
  [
    'counting, beside GoAccess',
    'combined: 11.20 µs a line, GoAccess 10.10: 1.11 (target 0.33)',
    '1.11 ×',
    false,
  ],
  [
    'counting, replay of JSON events',
    '| JSON events, commits of 50,000 | 6.71 | 1 | 2 | 3 | 4 |',
    '149,031 /s',
    true,
  ],
  [
    'failover, worst',
    'failover sqlite, 50 × kill -9: p50 1900 ms, p95 2100 ms, worst 2204 ms (targets',
    '2,204 ms',
    true,
  ],
  ['RF 3 against RF 1, p99', '  p99  RF 1 2.00 ms, RF 3 5.00 ms: 2.50 × (target 2)', '2.5 × at most', false],
  ['analytics, kill -9 to live again', 'live again after 2.3 s: ready after 1.1 s', '2.3 s', true],
  [
    'page',
    'heap: 1.08 times: met (target 1.1)\nframes, 20 s: MISSED (target 0 %)',
    '1 of 2 met; missed: frames, 20 s',
    false,
  ],
  [
    'from a clone to the banner',
    'banner  41.8 s, at most 150\nnode_modules  325 MB, at most 350',
    '41.8 s, 325 MB',
    true,
  ],
]

for (const [what, output, measured, isMet] of cases) {
  test(`${what}: ${measured}`, () => assert.deepEqual(read(what, output), { measured, isMet }))
}

test('what is not printed is not measured, in any row', () => {
  for (const { what, read } of targetRows) assert.equal(read('bench: something else'), null, what)
})
