// Visits after a rebuild are what a small log, worked out by hand, says; and the live count goes on with them: what
// comes later extends visits that were rebuilt.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { drain } from '../ingest/ingest-story.ts'
import { MemoryLog } from '../ingest/memory-log.ts'
import { stats } from '../queries/answers.ts'
import type { Reading } from '../queries/parts.ts'
import { Rows } from '../queries/rows.ts'
import { openReader } from '../store/schema.ts'
import { lifecycleAnswer, pathsAnswer, retentionAnswer, visitsAnswer } from '../visits/queries.ts'
import { events } from '../visits/visit-story.ts'
import type { DimensionName } from '../windows/catalogue.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { countLive, runRebuild } from './rebuild-story.ts'

const span = { fromMs: Date.parse('2026-11-23T00:00:00Z'), toMs: Date.parse('2026-11-25T00:00:00Z') }

/**
 * Ann: ten minutes of three pages and a purchase, then, 30 minutes later to the second, a page and a click. Bob: one
 * page. Dan: the day before, 50 minutes, of which the middle comes late and joins two visits.
 */
const batches = [
  `ann 08:00:00 /
   bob 08:01:00 /blog
   ann 08:04:00 /products
   ann 08:09:59 /checkout
   ann 08:10:00 !Purchased`,
  `dan 2026-11-23 09:00:00 /a
   dan 2026-11-23 09:50:00 /c
   ann 08:40:00 /
   ann 08:40:05 !Clicked`,
  'dan 2026-11-23 09:25:00 /b',
].map(text => events(text))

const minuteMs = 60_000
const byHand = {
  visitors: 3,
  visits: 4,
  pageviews: 3 + 1 + 1 + 3,
  plausible: 1 / 4,
  umami: 2 / 4,
  posthog: 2 / 4,
  meanMs: (10 * minuteMs + 5_000 + 0 + 50 * minuteMs) / 4,
  entries: { '/': 2, '/blog': 1, '/a': 1 },
  exits: { '/checkout': 1, '/': 1, '/blog': 1, '/c': 1 },
  ways: ['/ /products 1', '/a /b 1', '/b /c 1', '/products /checkout 1'],
  firstSeen: [1, 2],
  cohort: [3],
}

function told(reading: Reading): typeof byHand {
  const { visitors, visits, pageviews, bounceRate, duration } = visitsAnswer(reading, span, undefined)
  const by = (metric: string, dimension: DimensionName) => {
    const { rows } = stats(reading, metric, span, [dimension], new Map(), 100)
    const values = rows.map(({ labels, values }) => [labels[dimension]!, values['value'] ?? 0] as const)
    return Object.fromEntries(values.filter(([, n]) => n !== 0))
  }
  return {
    ...{ visitors, visits, pageviews },
    plausible: bounceRate.plausible.rate!,
    umami: bounceRate.umami.rate!,
    posthog: bounceRate.posthog.rate!,
    meanMs: duration.meanMs!,
    entries: by('visits', 'entry_page') as typeof byHand.entries,
    exits: by('exits', 'path') as typeof byHand.exits,
    ways: pathsAnswer(reading, span, undefined, 100, undefined)
      .rows.map(({ page, next, count }) => `${page} ${next} ${count}`)
      .sort(),
    firstSeen: lifecycleAnswer(reading, 'day', 2, undefined).periods.map(period => period.new),
    cohort: retentionAnswer(reading, 1, undefined).cohorts[0]!.active,
  }
}

test('visits after a rebuild are those worked out by hand, and what comes later extends them', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'rebuilt-visits-'))
  const path = join(directory.path, 'windows.db')
  const log = new MemoryLog()
  for (const batch of batches) log.produce('behavior', 0, batch)
  const live = countLive(path, log)
  const reader = openReader(path)
  const rows = new Rows(reader)
  const reading = { rows, days: new ZoneDays('UTC'), nowMs: Date.parse('2026-11-24T23:00:00Z') }
  try {
    assert.deepEqual(told(reading), byHand, 'as counted')
    live.connection.exec(`
      UPDATE counts SET n = n + 3 WHERE series IN (SELECT id FROM series WHERE metric LIKE 'visit%');
      DELETE FROM counts WHERE series IN (SELECT id FROM series WHERE metric IN ('exits', 'retention'));
      DELETE FROM sketches WHERE series IN (SELECT id FROM series WHERE metric = 'visitors');
      DELETE FROM visitors`)
    assert.notDeepEqual(told(reading), byHand, 'spoilt')
    assert.ok((await runRebuild(path, log)).visits)
    assert.deepEqual(told(reading), byHand, 'as rebuilt')

    // Bob looks at a second page after all: no visit more, one bounce less, by each definition.
    log.produce('behavior', 0, events('bob 08:21:00 /pricing'))
    live.loop.resume()
    // Refused once, for the rebuild has taken over; it reads again and goes on.
    while (live.loop.turn()) live.ingest.flush()
    drain(live)
    const { entries, cohort, firstSeen, visitors, visits } = byHand
    assert.deepEqual(told(reading), {
      ...{ entries, cohort, firstSeen, visitors, visits },
      ...{ pageviews: 9, plausible: 0, umami: 1 / 4, posthog: 1 / 4 },
      meanMs: byHand.meanMs + (20 * minuteMs) / 4,
      exits: { '/checkout': 1, '/': 1, '/pricing': 1, '/c': 1 },
      ways: [...byHand.ways, '/blog /pricing 1'].sort(),
    })
  } finally {
    reader.close()
    live.connection.close()
  }
})

test('where the log no longer holds all that visitors did, visits stay as they were counted', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'rebuilt-visits-'))
  const path = join(directory.path, 'windows.db')
  const log = new MemoryLog()
  for (const batch of batches) log.produce('behavior', 0, batch)
  const live = countLive(path, log)
  const reader = openReader(path)
  const reading = {
    rows: new Rows(reader),
    days: new ZoneDays('UTC'),
    nowMs: Date.parse('2026-11-24T23:00:00Z'),
  }
  log.dropBefore('behavior', 0, batches[0]!.length)
  assert.equal((await runRebuild(path, log)).visits, false)
  assert.deepEqual(told(reading), byHand)
  reader.close()
  live.connection.close()
})
