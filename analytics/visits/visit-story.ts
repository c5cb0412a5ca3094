// A store for tests of visits: short texts become records of several agents, go through log, fold and commit into real
// SQLite, and are asked about as the API would. `ann 08:00:05 /pricing?utm_source=x from https://www.google.com/` is a
// pageview, `ann 08:00:09 !Signed up plan=pro` an event; a date may stand before the time.
import { createHash } from 'node:crypto'
import { createLog } from '../../runtime/log.ts'
import { Ingest } from '../ingest/ingest.ts'
import { MemoryLog, MemoryLoop, type TestRecord } from '../ingest/memory-log.ts'
import type { Reading } from '../queries/parts.ts'
import { Rows } from '../queries/rows.ts'
import { type Connection, openReader, openStore } from '../store/schema.ts'
import { Writer } from '../store/writer.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { noVisitSettings, type VisitSettings } from './conditions.ts'

const silent = createLog('test', () => {})
const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0'

export interface StoryOptions {
  readonly settings?: VisitSettings
  readonly timeZone?: string
  readonly beforeStatement?: () => void
  readonly flushRecordsMax?: number
  readonly partitions?: number
}

export class VisitStory {
  readonly log = new MemoryLog()
  readonly connection: Connection
  readonly reader: Connection
  readonly days: ZoneDays
  readonly #options: StoryOptions
  #ingest!: Ingest
  #loop!: MemoryLoop

  constructor(path: string, options: StoryOptions = {}) {
    this.#options = options
    this.connection = openStore(path)
    this.reader = openReader(path)
    this.days = new ZoneDays(options.timeZone ?? 'UTC')
    this.start()
  }

  /** As a process starts; what another had folded and not committed is folded again. */
  start(): void {
    const {
      settings = noVisitSettings,
      beforeStatement,
      flushRecordsMax = 1e9,
      partitions = 1,
    } = this.#options
    const writer = new Writer(this.connection, this.days, {
      visits: settings,
      ...(beforeStatement && { beforeStatement }),
    })
    this.#ingest = new Ingest({
      ...{ writer, days: this.days, log: silent, flushRecordsMax, flushIntervalMs: 1e9 },
      clock: { wallMs: () => Date.parse('2026-12-31T00:00:00Z'), monotonicMs: () => 0 },
    })
    this.#loop = new MemoryLoop(this.log, this.#ingest)
    this.#ingest.attach(this.#loop)
    for (const topic of ['behavior', 'logs']) {
      for (let partition = 0; partition < partitions; partition++) {
        this.#ingest.assign(topic, partition, `id-${topic}`, 0)
      }
    }
  }

  get committed(): boolean {
    while (this.#loop.turn(1));
    return this.#ingest.flush()
  }

  /** Commits after each batch of what is in the log. */
  drain(): void {
    if (!this.committed) throw new Error('the story did not commit')
  }

  add(records: readonly TestRecord[], topic = 'behavior', partition = 0): void {
    this.log.produce(topic, partition, records)
    this.drain()
  }

  reading(now: string): Reading {
    const { settings = noVisitSettings } = this.#options
    return {
      ...{ rows: new Rows(this.reader), days: this.days, visits: settings },
      nowMs: Date.parse(now),
    }
  }

  close(): void {
    this.#ingest.abandon()
    this.reader.close()
    this.connection.close()
  }
}

/** One record a line, as agents would send them; `key` is the visitor's. */
export function events(text: string, day = '2026-11-24'): TestRecord[] {
  return linesOf(text).map(line => {
    const [, visitor, date = day, clock, rest] = /^(\S+) (?:(\d{4}-\S+) )?(\S+) (.*)$/.exec(line)!
    const timestamp = `${date}T${clock}Z`
    const event = { timestamp, anonymousId: visitor, ...eventOf(rest!) }
    return record(JSON.stringify(event), Date.parse(timestamp), keyOf(visitor!), 'json')
  })
}

function eventOf(text: string): object {
  if (!text.startsWith('!')) {
    const [, path, referrer = ''] = /^(\S+)(?: from (\S+))?$/.exec(text)!
    return { type: 'page', path, referrer }
  }
  const words = text.slice(1).split(' ')
  const properties = Object.fromEntries(words.filter(word => word.includes('=')).map(word => word.split('=')))
  return { type: 'track', event: words.filter(word => !word.includes('=')).join(' '), properties }
}

/** `203.0.113.7 08:00:00 GET /path 200` as lines of an access log; the agent may be given at the end. */
export function requests(text: string, day = '24/Nov/2026'): TestRecord[] {
  return linesOf(text).map(line => {
    const [, client, clock, method, path, status, agent = firefox] =
      /^(\S+) (\S+) (\S+) (\S+) (\d+)(?: (.*))?$/.exec(line)!
    const access = `${client} - - [${day}:${clock} +0000] "${method} ${path} HTTP/1.1" ${status} 10 "-" "${agent}"`
    const timeMs = Date.parse(`2026-11-24T${clock}Z`)
    return record(access, timeMs, keyOf(`${client}\0${agent}`), 'combined')
  })
}

export function keyOf(visitor: string): string {
  return createHash('sha256').update(visitor).digest('hex').slice(0, 16)
}

function record(line: string, timestampMs: number, key: string, format: string): TestRecord {
  return { line, timestampMs, key, format }
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
}
