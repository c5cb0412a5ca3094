// The core of visits against a naive count that sorts all events and begins anew: events in any order and in any
// batches, visitors written down and read back in between.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LocalCalendar } from '../windows/local-calendar.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { type NaiveCounts, type NaiveEvent, naiveVisits } from './naive-visits.ts'
import { noTouch } from './name-book.ts'
import { difference, disordered, randomEvents, seeded, storyStartMs } from './random-visits.ts'
import { Tally } from './tally.ts'
import { stepFlags, stepsMax } from './visit-rules.ts'
import { addStep, newVisitor, settle, type Visitor } from './visitor.ts'
import { visitorBytes, visitorOf } from './visitor-bytes.ts'

const minute = 60_000
const day = 24 * 60 * minute
const calendar = new LocalCalendar(new ZoneDays('UTC'))

const names = {
  name: (id: number) => `/p${id}`,
  touch: (id: number) => ({ ...noTouch, channel: `channel ${id}` }),
}

/** Plays events through the core; after `batchOf` events all is settled, and read back unless it stays in memory. */
function play(
  events: readonly NaiveEvent[],
  batchOf: () => number,
  stays = () => false,
): { counts: NaiveCounts; late: number } {
  const counts: NaiveCounts = new Map()
  const stored = new Map<string, Buffer>()
  const held = new Map<string, Visitor>()
  let late = 0
  let watermarkMs = Number.NEGATIVE_INFINITY
  for (let first = 0; first < events.length; ) {
    const batch = events.slice(first, first + Math.max(batchOf(), 1))
    first += batch.length
    const tally = new Tally()
    const visitors = new Map<string, Visitor>()
    for (const event of batch) {
      const bytes = stored.get(event.visitor)
      const visitor =
        visitors.get(event.visitor) ?? held.get(event.visitor) ?? (bytes ? visitorOf(bytes) : newVisitor())
      visitors.set(event.visitor, visitor)
      watermarkMs = Math.max(watermarkMs, event.timeMs)
      if (!addStep(visitor, stepOf(event), watermarkMs, 0, calendar, tally)) late++
    }
    for (const [key, visitor] of visitors) {
      settle(visitor, 0, calendar, tally)
      const written = visitorBytes(visitor)
      assert.deepEqual(visitorOf(written), visitor)
      stored.set(key, written)
      if (stays()) held.set(key, visitor)
      else held.delete(key)
    }
    tally.into(
      {
        count(metric, dims, value, timeMs, n) {
          const key = `${metric}|${dims}|${value}|${Math.floor(timeMs / minute)}`
          counts.set(key, (counts.get(key) ?? 0) + n)
        },
      },
      names,
    )
  }
  for (const [key, n] of counts) if (n === 0) counts.delete(key)
  return { counts, late }
}

function stepOf(event: NaiveEvent) {
  const flags =
    (event.isPage ? stepFlags.page : 0) |
    (event.isInteractive ? stepFlags.interactive : 0) |
    (event.isAutocapture ? stepFlags.autocapture : 0)
  const touch = Number(event.channel.slice('channel '.length))
  return { timeMs: event.timeMs, name: Number(event.name.slice(2)), touch, flags, goals: 0, isFresh: true }
}

test('events in any order and in any batches make the visits of all events sorted', () => {
  for (let seed = 1; seed <= 400; seed++) {
    const random = seeded(seed)
    // Within three weeks: what comes more than 30 days late cannot be put into order.
    const inTime = randomEvents(random, 1 + random(3), 5 + random(110)).filter(
      ({ timeMs }) => timeMs < storyStartMs + 21 * day,
    )
    const events = disordered(inTime, random)
    const { counts, late } = play(events, () => random(12))
    assert.equal(late, 0, `seed ${seed}`)
    assert.deepEqual(difference(counts, naiveVisits(events)), [], `seed ${seed}`)
  }
})

test('visitors that stay in memory between batches are counted as those that are read back', () => {
  for (let seed = 401; seed <= 600; seed++) {
    const random = seeded(seed)
    // Mostly in order: then only the last visit is looked at.
    const events = randomEvents(random, 1 + random(3), 5 + random(300))
    if (random(3) === 0) events.splice(0, events.length, ...disordered(events, random))
    const whole = play(events, () => events.length)
    const kept = play(
      events,
      () => random(6),
      () => random(4) > 0,
    )
    assert.equal(kept.late, whole.late, `seed ${seed}`)
    assert.deepEqual(difference(kept.counts, whole.counts), [], `seed ${seed}`)
    if (whole.late === 0) assert.deepEqual(difference(kept.counts, naiveVisits(events)), [], `seed ${seed}`)
  }
})

test('a visitor with more steps than are kept is counted exactly while events come in order', () => {
  for (const seed of [1, 2, 3]) {
    const random = seeded(seed)
    const events = randomEvents(random, 1, stepsMax * 4)
    const { counts, late } = play(events, () => random(90))
    assert.equal(late, 0)
    assert.deepEqual(difference(counts, naiveVisits(events)), [], `seed ${seed}`)
  }
})

test('what is too late is the same whatever the batches', () => {
  let latest = 0
  for (let seed = 1; seed <= 5; seed++) {
    const random = seeded(seed)
    const events = disordered(randomEvents(random, 2, 900, true), random)
    const whole = play(events, () => events.length)
    const single = play(events, () => 1)
    const mixed = play(events, () => random(50))
    assert.deepEqual(difference(whole.counts, single.counts), [], `seed ${seed}`)
    assert.deepEqual(difference(mixed.counts, single.counts), [], `seed ${seed}`)
    assert.deepEqual([whole.late, mixed.late], [single.late, single.late])
    latest += single.late
  }
  assert.ok(latest > 0, 'nothing was too late: the test shows nothing')
})

test('a visitor reads back as it was written, whatever it holds', () => {
  const random = seeded(9)
  const visitor = newVisitor()
  const tally = new Tally()
  for (const event of randomEvents(random, 1, 450)) addStep(visitor, stepOf(event), 0, 0, calendar, tally)
  settle(visitor, 0, calendar, tally)
  visitor.anonymous = 4_294_967_295
  assert.notEqual(visitor.head, null)
  assert.deepEqual(visitorOf(visitorBytes(visitor)), visitor)
  assert.throws(() => visitorOf(Buffer.from([99])), RangeError)
})
