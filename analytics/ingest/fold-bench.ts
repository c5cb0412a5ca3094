// Lines a second of one core from stored batches to committed rows: decompress, walk, parse, fold, flush, SQLite.
// `node analytics/ingest/fold-bench.ts [lines]` prints one row per format. Reads and writes a temporary directory only.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../runtime/clock.ts'
import { createLog } from '../../runtime/log.ts'
import { openStore } from '../store/schema.ts'
import { Writer } from '../store/writer.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { Ingest } from './ingest.ts'
import { MemoryLog, MemoryLoop, type TestRecord } from './memory-log.ts'

const linesPerSecond = 5000
const linesPerBatch = 3000
const startMs = Date.parse('2026-11-24T08:00:00Z')
const agents = ['Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0', 'curl/8.14.1']

function combined(index: number, timeMs: number): string {
  const path = index % 7 === 0 ? '/' : `/products/${(index * 7919) % 180}`
  const clock = new Date(timeMs).toISOString().slice(11, 19)
  const client = `203.0.${(index * 31) % 16}.${(index * 17) % 250}`
  const seconds = ((((index * 2_654_435_761) >>> 8) % 900) / 1000 + 0.01).toFixed(3)
  const status = index % 97 === 0 ? 500 : index % 31 === 0 ? 404 : 200
  return (
    `${client} - - [24/Nov/2026:${clock} +0000] "GET ${path}?ref=x HTTP/1.1" ${status} ${index % 9000} ` +
    `"https://www.google.com/search" "${agents[index % 2]}" ${seconds}`
  )
}

function json(index: number, timeMs: number): string {
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

function fill(log: MemoryLog, topic: string, format: string, lines: number, line: typeof combined): void {
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
      })
    }
    log.produce(topic, (first / linesPerBatch) % 6, records, 'zstd')
  }
}

function measure(name: string, format: string, lines: number, line: typeof combined): void {
  const directory = mkdtempSync(join(tmpdir(), 'fold-bench-'))
  const connection = openStore(join(directory, 'windows.db'))
  const days = new ZoneDays('UTC')
  const writer = new Writer(connection, days)
  const options = {
    writer,
    days,
    clock: systemClock,
    log: createLog('bench'),
    flushIntervalMs: 200,
    flushRecordsMax: 50_000,
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
  const cpuSeconds = (user + system) / 1e6
  const wallSeconds = (performance.now() - startedMs) / 1000
  const rate = Math.round(lines / cpuSeconds).toLocaleString('en')
  const wallRate = Math.round(lines / wallSeconds).toLocaleString('en')
  const { commits, unparsed } = ingest.counters
  console.log(
    `${name}: ${rate} lines per CPU-second, ${wallRate} a second; ${commits} commits, ${unparsed} unparsed`,
  )
  connection.close()
  rmSync(directory, { recursive: true })
}

const lines = Number(process.argv[2] ?? 600_000)
measure('warm-up', 'combined', 60_000, combined)
measure('combined', 'combined', lines, combined)
measure('JSON', 'json', lines, json)
