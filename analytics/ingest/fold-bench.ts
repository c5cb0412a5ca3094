// Lines a second of one core from stored batches to committed rows: decompress, walk, parse, fold, flush, SQLite.
// `node analytics/ingest/fold-bench.ts [lines]` prints one row per format. Reads and writes a temporary directory only.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../runtime/clock.ts'
import { createLog } from '../../runtime/log.ts'
import { type Connection, openStore } from '../store/schema.ts'
import { Writer } from '../store/writer.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { Ingest } from './ingest.ts'
import { MemoryLog, MemoryLoop, type TestRecord } from './memory-log.ts'

const linesPerSecond = 5000
const linesPerBatch = 1500
const startMs = Date.parse('2026-11-24T08:00:00Z')
/** Browsers, phones, a program and a crawler, as their own user-agent strings have them. */
const agents = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) ' +
    'Version/18.6 Safari/605.1.15',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) ' +
    'Version/18.6 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36',
  'curl/8.14.1',
  'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
]
const referrers = ['https://www.google.com/search', '-', 'https://news.ycombinator.com/item?id=1', '-']

/** 4,000 visitors who ask for five things each before the next one comes. */
export function accessLine(index: number, timeMs: number): string {
  const campaign = index % 20 === 0 ? '&utm_source=newsletter&utm_medium=email&utm_campaign=autumn' : ''
  const path = index % 7 === 0 ? '/' : `/products/${(index * 7919) % 180}`
  const clock = new Date(timeMs).toISOString().slice(11, 19)
  const visitor = Math.floor(index / 5) % 4000
  const client = `203.0.${visitor % 16}.${visitor >>> 4}`
  const seconds = ((((index * 2_654_435_761) >>> 8) % 900) / 1000 + 0.01).toFixed(3)
  const status = index % 97 === 0 ? 500 : index % 31 === 0 ? 404 : 200
  return (
    `${client} - - [24/Nov/2026:${clock} +0000] "GET ${path}?ref=x${campaign} HTTP/1.1" ${status} ${index % 9000} ` +
    `"${referrers[index % 4]}" "${agents[visitor % agents.length]}" ${seconds}`
  )
}

export function eventLine(index: number, timeMs: number): string {
  return JSON.stringify({
    timestamp: new Date(timeMs).toISOString(),
    type: index % 3 === 0 ? 'track' : 'page',
    event: index % 3 === 0 ? 'Product Added' : 'Product Viewed',
    messageId: `00000007-${index.toString(36)}`,
    anonymousId: `9541e730${(index * 31) % 4000}`,
    sessionId: `ceb4a161${index % 900}`,
    path: `/products/${(index * 7919) % 180}`,
    referrer: 'https://www.google.com/',
    properties: { name: 'Crème no. 3', price: 8.95, currency: 'EUR', list: 'related' },
  })
}

/** 667 visitors of each partition, as agents' keys spread them. */
function keyOf(index: number, partition: number): string {
  return `${partition}${((Math.floor(index / 5) % 667) * 0x9e3779b1).toString(16)}`.padStart(16, '0')
}

function fill(log: MemoryLog, topic: string, format: string, lines: number, line: typeof accessLine): void {
  for (let first = 0; first < lines; first += linesPerBatch) {
    const records: TestRecord[] = []
    for (let index = first; index < Math.min(lines, first + linesPerBatch); index++) {
      const timeMs = startMs + Math.floor((index * 1000) / linesPerSecond)
      records.push({
        line: line(index, timeMs),
        timestampMs: timeMs,
        src: 'agent001.Zm9vYmFy.0',
        pos: index * 250,
        format,
        key: keyOf(index, (first / linesPerBatch) % 6),
      })
    }
    log.produce(topic, (first / linesPerBatch) % 6, records, 'zstd')
  }
}

export interface FoldCost {
  readonly cpuSeconds: number
  readonly wallSeconds: number
  readonly commits: number
  /** Rows of counts and sketches written, with repetitions. */
  readonly countRows: number
  readonly sketchRows: number
  readonly sketchBytes: number
  readonly series: number
}

/** Every row of counts and sketches goes through a statement prepared for it. */
function watchWrites(
  connection: Connection,
  written: { countRows: number; sketchRows: number; sketchBytes: number },
): void {
  const prepare = connection.prepare.bind(connection)
  connection.prepare = ((sql: string) => {
    const statement = prepare(sql)
    const table = /INTO (counts|sketches)\b/.exec(sql)?.[1]
    if (table === undefined) return statement
    const run = statement.run.bind(statement)
    statement.run = (...values: unknown[]) => {
      if (table === 'counts') written.countRows += values.flat().length / 4
      else written.sketchRows++
      if (table === 'sketches') written.sketchBytes += (values.at(-1) as Buffer).length
      return run(...values)
    }
    return statement
  }) as typeof connection.prepare
}

/** Folds and commits lines from a log in memory into a new store, a commit after every so many records. */
export function measureFold(
  format: string,
  lines: number,
  line: typeof accessLine,
  recordsPerCommit: number,
): FoldCost {
  const directory = mkdtempSync(join(tmpdir(), 'fold-bench-'))
  const connection = openStore(join(directory, 'windows.db'))
  const days = new ZoneDays('UTC')
  const written = { countRows: 0, sketchRows: 0, sketchBytes: 0 }
  watchWrites(connection, written)
  const writer = new Writer(connection, days)
  const options = {
    writer,
    days,
    clock: systemClock,
    log: createLog('bench'),
    // The number of records decides: what a slow machine does must not change what is measured.
    flushIntervalMs: 3_600_000,
    flushRecordsMax: recordsPerCommit,
  }
  const ingest = new Ingest(options)
  const log = new MemoryLog()
  fill(log, 'topic', format, lines, line)
  const loop = new MemoryLoop(log, ingest)
  ingest.attach(loop)
  for (let partition = 0; partition < 6; partition++) ingest.assign('topic', partition, 'id', 0)
  const before = process.cpuUsage()
  const startedMs = performance.now()
  while (loop.turn(2));
  ingest.flush()
  const { user, system } = process.cpuUsage(before)
  const wallSeconds = (performance.now() - startedMs) / 1000
  const { commits, unparsed } = ingest.counters
  if (unparsed > 0) throw new Error(`Cannot measure ${format}: ${unparsed} lines are not of it`)
  const { n } = connection.prepare('SELECT count(*) AS n FROM series').get() as { n: number }
  ingest.close()
  connection.close()
  rmSync(directory, { recursive: true })
  return { cpuSeconds: (user + system) / 1e6, wallSeconds, commits, ...written, series: n }
}

if (import.meta.main) {
  const lines = Number(process.argv[2] ?? 600_000)
  measureFold('combined', 60_000, accessLine, 50_000)
  for (const [format, line] of [
    ['combined', accessLine],
    ['json', eventLine],
  ] as const) {
    const { cpuSeconds, wallSeconds, commits } = measureFold(format, lines, line, 50_000)
    const rate = Math.round(lines / cpuSeconds).toLocaleString('en')
    const wallRate = Math.round(lines / wallSeconds).toLocaleString('en')
    console.log(`${format}: ${rate} lines per CPU-second, ${wallRate} a second; ${commits} commits`)
  }
}
