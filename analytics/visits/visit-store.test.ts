// Visits through fold and real SQLite: a failure before any statement changes nothing, replays in other batches give
// the same tables, and random events through several partitions give what a naive count gives.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestRecord } from '../ingest/memory-log.ts'
import { HyperLogLog } from '../sketches/hyperloglog.ts'
import type { Connection } from '../store/schema.ts'
import { isOfVisitors } from '../windows/visit-catalogue.ts'
import { type NaiveCounts, type NaiveEvent, naiveVisits } from './naive-visits.ts'
import { difference, disordered, randomEvents, seeded, storyStartMs } from './random-visits.ts'
import { keyOf, type StoryOptions, VisitStory } from './visit-story.ts'
import { visitorOf } from './visitor-bytes.ts'

const day = 86_400_000
const partitions = 3
const referrers = ['', 'https://www.google.com/search', 'https://partner.example/a']
const channels = ['Direct', 'Organic Search', 'Referral']

async function withStory(options: StoryOptions, tell: (story: VisitStory) => void): Promise<void> {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'visits-'))
  const story = new VisitStory(join(directory.path, 'windows.db'), { partitions, ...options })
  story.connection.pragma('synchronous = OFF')
  try {
    tell(story)
  } finally {
    story.close()
  }
}

function recordOf(event: NaiveEvent): TestRecord {
  const { visitor, timeMs, isPage, isInteractive, isAutocapture, name, channel } = event
  const type = isPage ? 'page' : isInteractive ? 'track' : 'identify'
  const line = {
    ...{ timestamp: new Date(timeMs).toISOString(), anonymousId: visitor, type },
    ...(isPage ? { path: name } : { event: isAutocapture ? '$autocapture' : 'Did', path: name }),
    referrer: referrers[Number(channel.at(-1))],
  }
  return { line: JSON.stringify(line), timestampMs: timeMs, key: keyOf(visitor), format: 'json' }
}

function partitionOf(event: NaiveEvent): number {
  return Number(event.visitor.slice(1)) % partitions
}

function produce(story: VisitStory, events: readonly NaiveEvent[]): void {
  for (const event of events) story.log.produce('behavior', partitionOf(event), [recordOf(event)])
}

function someEvents(seed: number, count: number): NaiveEvent[] {
  const random = seeded(seed)
  // Within the days for which minutes are kept.
  const inTime = randomEvents(random, 7, count).filter(({ timeMs }) => timeMs < storyStartMs + 7 * day)
  return disordered(inTime, random)
}

interface CountRow {
  readonly metric: string
  readonly dims: string
  readonly labels: string
  readonly step: number
  readonly bucket: number
  readonly n: number
}

function countRows(connection: Connection): CountRow[] {
  const rows = connection
    .prepare<[], CountRow>(
      `SELECT s.metric, s.dims, s.labels, c.step, c.bucket, c.n FROM counts c JOIN series s ON s.id = c.series
       WHERE c.n <> 0 AND s.metric <> 'lag' ORDER BY 1, 2, 3, 4, 5`,
    )
    .all()
  return rows
}

/** Everything that visits leave behind, with names for numbers. */
function tablesOf(connection: Connection): object {
  const names = new Map(
    (connection.prepare('SELECT id, text FROM visit_names').all() as { id: number; text: string }[]).map(
      ({ id, text }) => [id, text],
    ),
  )
  const visitors = connection.prepare('SELECT * FROM visitors ORDER BY source, key').all() as {
    source: number
    key: string
    state: Buffer
  }[]
  const sketches = connection
    .prepare(
      `SELECT s.metric, s.labels, k.step, k.bucket, k.data FROM sketches k JOIN series s ON s.id = k.series
       WHERE s.metric IN ('visitors', 'converters') ORDER BY 1, 2, 3, 4`,
    )
    .all() as { metric: string; labels: string; step: number; bucket: number; data: Buffer }[]
  return {
    counts: countRows(connection).filter(row => isOfVisitors(row.metric)),
    visitors: visitors.map(({ source, key, state }) => {
      const visitor = visitorOf(state)
      const steps = visitor.steps.map(step => ({
        ...step,
        name: names.get(step.name),
        touch: names.get(step.touch),
      }))
      return { source, key, ...visitor, steps }
    }),
    distinct: sketches.map(({ data, ...row }) => ({ ...row, n: HyperLogLog.fromBytes(data).count() })),
    sources: connection.prepare('SELECT * FROM visit_sources ORDER BY source').all(),
    next: connection.prepare('SELECT topic, partition, next FROM sources ORDER BY 1, 2').all(),
  }
}

test('a failure before any statement of a commit changes nothing, and nothing is lost or counted twice', async () => {
  const events = someEvents(3, 24)
  const whole = await tablesAfter({}, story => {
    produce(story, events)
    story.drain()
  })
  let failAt = 0
  let seen = 0
  const beforeStatement = () => {
    seen++
    if (seen === failAt) throw new Error('the disk is full')
  }
  let failures = 0
  const swept = await tablesAfter({ beforeStatement }, story => {
    for (let first = 0; first < events.length; first += 8) {
      produce(story, events.slice(first, first + 8))
      const before = JSON.stringify(tablesOf(story.reader))
      // Every seventh statement, beginning elsewhere in each commit.
      for (failAt = 1 + (first % 7); ; failAt += 7) {
        seen = 0
        if (story.committed) break
        failures++
        assert.equal(JSON.stringify(tablesOf(story.reader)), before, `after a failure at statement ${failAt}`)
      }
      failAt = 0
    }
  })
  assert.deepEqual(swept, whole)
  assert.ok(failures > 100, `${failures} failures`)
})

async function tablesAfter(options: StoryOptions, tell: (story: VisitStory) => void): Promise<object> {
  let tables: object = {}
  await withStory(options, story => {
    tell(story)
    tables = tablesOf(story.reader)
  })
  return tables
}

test('a replay in other batches, with restarts in between, gives the same tables', async () => {
  const events = someEvents(11, 400)
  const whole = await tablesAfter({}, story => {
    produce(story, events)
    story.drain()
  })
  for (const seed of [1, 2, 3]) {
    const random = seeded(seed)
    const pieces = await tablesAfter({ flushRecordsMax: 1 + random(20) }, story => {
      for (let first = 0; first < events.length; ) {
        const count = 1 + random(60)
        produce(story, events.slice(first, first + count))
        first += count
        story.drain()
        if (random(3) === 0) story.start()
      }
    })
    assert.deepEqual(pieces, whole, `seed ${seed}`)
  }
})

test('random events through fold and store make what a naive count makes of all of them sorted', async () => {
  for (const seed of [21, 22, 23, 24]) {
    const events = someEvents(seed, 300)
    await withStory({ flushRecordsMax: 25 }, story => {
      produce(story, events)
      story.drain()
      const expected = naiveVisits(
        events.map(event => ({ ...event, channel: channels[Number(event.channel.at(-1))]! })),
      )
      const told = new Set([...expected.keys()].map(key => key.split('|', 2).join('|')))
      const found: NaiveCounts = new Map()
      for (const { metric, dims, labels, step, bucket, n } of countRows(story.reader)) {
        const finest = /^(lifecycle|weekly_lifecycle|retention|transitions)$/.test(metric) ? 900 : 60
        if (!told.has(`${metric}|${dims}`) || step !== finest) continue
        const values = Object.values(JSON.parse(labels) as Record<string, string>)
        found.set(`${metric}|${dims}|${values.join('\0')}|${bucket / 60}`, n)
      }
      assert.deepEqual(difference(found, quarterly(expected)), [], `seed ${seed}`)
    })
  }
})

/** Ways from page to page are kept by quarters of an hour. */
function quarterly(counts: NaiveCounts): NaiveCounts {
  const sums: NaiveCounts = new Map()
  for (const [key, n] of counts) {
    const parts = key.split('|')
    if (parts[0] === 'transitions') parts[3] = String(Math.floor(Number(parts[3]) / 15) * 15)
    const name = parts.join('|')
    sums.set(name, (sums.get(name) ?? 0) + n)
  }
  return sums
}
