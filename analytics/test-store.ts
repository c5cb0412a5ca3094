// A store for tests of this room, filled by the real fold from lines of the last minutes, and an answering server on
// it. No broker: the address given is one where nobody listens.
import { mkdirSync, readFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import type { Clock } from '../runtime/clock.ts'
import { createLog } from '../runtime/log.ts'
import type { AnalyticsConfig } from './config.ts'
import { Ingest } from './ingest/ingest.ts'
import { MemoryLog, MemoryLoop, type TestRecord } from './ingest/memory-log.ts'
import { agentsTopic, lossesTopic } from './ingest/side-records.ts'
import { type AnswerServer, startAnswering } from './server.ts'
import { openStore } from './store/schema.ts'
import { Writer } from './store/writer.ts'
import { ZoneDays } from './windows/zone-days.ts'

export const silentLog = createLog('test', () => {})

/** A Tuesday, 08:10:00.400 UTC. */
export const nowMs = Date.parse('2026-11-24T08:10:00.400Z')

export class FixedClock implements Clock {
  atMs = nowMs
  wallMs(): number {
    return this.atMs
  }
  monotonicMs(): number {
    return this.atMs
  }
}

/** Feeds lines through log, fold and commit into a store, again and again if wanted. */
export class StoreFeed {
  readonly log = new MemoryLog()
  readonly #ingest: Ingest
  readonly #loop: MemoryLoop
  readonly #close: () => void

  constructor(path: string, clock: Clock, timeZone = 'UTC') {
    const connection = openStore(path)
    const days = new ZoneDays(timeZone)
    const writer = new Writer(connection, days)
    this.#ingest = new Ingest({
      writer,
      days,
      clock,
      log: silentLog,
      flushIntervalMs: 1e9,
      flushRecordsMax: 1e9,
    })
    this.#loop = new MemoryLoop(this.log, this.#ingest)
    this.#ingest.attach(this.#loop)
    for (const topic of ['logs', 'behavior', 'metrics', lossesTopic, agentsTopic]) {
      this.#ingest.assign(topic, 0, `id-${topic}`, 0)
    }
    this.#close = () => connection.close()
  }

  add(topic: string, records: readonly TestRecord[]): void {
    this.log.produce(topic, 0, records)
    while (this.#loop.turn());
    if (!this.#ingest.flush()) throw new Error('the test store did not commit')
  }

  close(): void {
    this.#ingest.close()
    this.#close()
  }
}

/** Ten minutes up to now: 4 requests, 2 events and one metric sample a second; every 20th request fails. */
export function fillUsual(feed: StoreFeed): void {
  const logs: TestRecord[] = []
  const behavior: TestRecord[] = []
  const metrics: TestRecord[] = []
  for (let second = 600; second > 0; second--) {
    const at = Math.floor(nowMs / 1000) * 1000 - second * 1000
    for (let index = 0; index < 4; index++) logs.push(accessRecord(at, second * 4 + index))
    for (let index = 0; index < 2; index++) behavior.push(eventRecord(at, second * 2 + index))
    metrics.push(metricRecord(at, second))
  }
  feed.add('logs', logs)
  feed.add('behavior', behavior)
  feed.add('metrics', metrics)
  feed.add('logs', [{ line: 'no access line at all', timestampMs: nowMs - 1000, format: 'combined' }])
  const status = {
    agentId: 'agent001',
    host: 'web-1',
    version: '0.1.0',
    files: 3,
    linesPerSecond: 7,
    bytesBehind: 0,
    errors: [],
  }
  feed.add(agentsTopic, [{ line: JSON.stringify(status), timestampMs: nowMs - 2000, key: 'agent001' }])
  const loss = {
    reason: 'truncated',
    source: '/var/log/a.log',
    from: 10,
    to: 90,
    lines: 3,
    detail: 'truncated before read',
  }
  feed.add(lossesTopic, [
    { line: JSON.stringify(loss), timestampMs: nowMs - 3000, key: 'src:10:90:truncated' },
  ])
}

export function accessRecord(at: number, index: number): TestRecord {
  const clock = new Date(at).toISOString().slice(11, 19)
  const status = index % 20 === 0 ? 500 : index % 10 === 1 ? 404 : 200
  const line =
    `203.0.113.${index % 40} - - [24/Nov/2026:${clock} +0000] "GET /p/${index % 5}?x=1 HTTP/1.1" ${status} 100 ` +
    `"https://ref${index % 3}.example/x" "ua" 0.${String((index % 100) + 10).padStart(3, '0')}`
  return { line, timestampMs: at + 50, format: 'combined', key: keyOf(index % 40) }
}

function eventRecord(at: number, index: number): TestRecord {
  const event = {
    timestamp: new Date(at).toISOString(),
    type: index % 2 === 0 ? 'page' : 'track',
    event: index % 2 === 0 ? 'Product Viewed' : 'Product Added',
    anonymousId: `visitor-${index % 30}`,
    path: `/p/${index % 5}`,
    referrer: '',
  }
  return { line: JSON.stringify(event), timestampMs: at + 50, format: 'json', key: keyOf(index % 30) }
}

/** As agents write it: one for each visitor. */
function keyOf(visitor: number): string {
  return visitor.toString(16).padStart(16, '0')
}

function metricRecord(at: number, index: number): TestRecord {
  const value = (index % 10) / 10
  const sample = {
    timestamp: new Date(at).toISOString(),
    host: 'web-1',
    name: 'cpu.utilization',
    value,
    unit: '1',
  }
  return { line: JSON.stringify(sample), timestampMs: at + 50, format: 'metrics' }
}

/** Nobody listens on port 1. */
export function testConfig(directory: string): AnalyticsConfig {
  mkdirSync(join(directory, 'analytics'), { recursive: true })
  return {
    dataDirectory: join(directory, 'analytics'),
    bootstrap: ['127.0.0.1:1'],
    host: '127.0.0.1',
    port: 0,
    topics: ['logs', 'behavior', 'metrics'],
    tokenPath: join(directory, 'token'),
    timeZone: 'UTC',
    visits: { goals: [], funnels: [{ name: 'purchase', steps: [{ page: '/p/0' }, { page: '/p/*' }] }] },
  }
}

export function startTestServer(config: AnalyticsConfig, clock: Clock): Promise<AnswerServer> {
  return startAnswering({
    config,
    storePath: join(config.dataDirectory, 'windows.db'),
    clock,
    log: silentLog,
  })
}

export interface UsualServer {
  readonly origin: string
  /** The admin's. */
  readonly token: string
}

/** A real server on the ten usual minutes, for all tests of the calling file: started before, closed after them. */
export function usualServer(): UsualServer {
  let directory: Awaited<ReturnType<typeof mkdtempDisposable>>
  let server: AnswerServer
  const usual = { origin: '', token: '' }
  before(async () => {
    directory = await mkdtempDisposable(join(tmpdir(), 'usual-server-'))
    const config = testConfig(directory.path)
    const clock = new FixedClock()
    const feed = new StoreFeed(join(config.dataDirectory, 'windows.db'), clock)
    fillUsual(feed)
    feed.close()
    server = await startTestServer(config, clock)
    usual.origin = `http://127.0.0.1:${server.port}`
    usual.token = readFileSync(config.tokenPath, 'utf8').trim()
  })
  after(async () => {
    await server.close()
    await directory.remove()
  })
  return usual
}
