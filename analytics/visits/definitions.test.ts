// For each statistic of visitors a small log worked out by hand, and the number it must give, through fold and store.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { stats } from '../queries/answers.ts'
import type { Reading } from '../queries/parts.ts'
import type { DimensionName } from '../windows/catalogue.ts'
import { funnelAnswer, funnelNamed, goalsAnswer } from './funnel-queries.ts'
import {
  activeHoursAnswer,
  activeUsersAnswer,
  lifecycleAnswer,
  pathsAnswer,
  retentionAnswer,
  visitsAnswer,
} from './queries.ts'
import { events, requests, type StoryOptions, VisitStory } from './visit-story.ts'

const now = '2026-11-24T23:00:00Z'
const day = { fromMs: Date.parse('2026-11-24T00:00:00Z'), toMs: Date.parse('2026-11-25T00:00:00Z') }
const minute = 60_000

async function withStory(options: StoryOptions, tell: (story: VisitStory) => void): Promise<void> {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'visits-'))
  const story = new VisitStory(join(directory.path, 'windows.db'), options)
  try {
    tell(story)
  } finally {
    story.close()
  }
}

function by(reading: Reading, metric: string, dimension: DimensionName): Record<string, number | null> {
  const { rows } = stats(reading, metric, day, [dimension], new Map(), 100)
  return Object.fromEntries(rows.map(({ labels, values }) => [labels[dimension]!, values['value'] ?? null]))
}

/** Three visits: ann looks at three pages in ten minutes, comes back after half an hour; bob looks once and leaves. */
const shop = events(`
  ann 08:00:00 / from https://www.google.com/search
  bob 08:01:00 /blog?utm_source=newsletter&utm_medium=email
  ann 08:04:00 /products from https://shop.example/
  ann 08:09:59 /checkout
  ann 08:10:00 !Purchased value=9
  ann 08:40:00 /
  ann 08:40:05 !Clicked
`)

test('visits: a gap of 30 minutes begins another one', () =>
  withStory({}, story => {
    story.add(shop)
    const answer = visitsAnswer(story.reading(now), day, undefined)
    assert.equal(answer.visits, 3)
    assert.equal(answer.visitors, 2)
    assert.equal(answer.pageviews, 5)
    assert.equal(answer.viewsPerVisit, 5 / 3)
  }))

test('visits: less than 30 minutes do not, 24 hours do', () =>
  withStory({}, story => {
    story.add(events('ann 08:00:00 /\nann 08:29:59.999 /\nbob 08:00:00 /\nbob 08:30:00 /'))
    assert.equal(visitsAnswer(story.reading(now), day, undefined).visits, 3)
    const steady = Array.from({ length: 73 }, (_, at) => {
      const time = new Date(Date.parse('2026-11-23T00:00:00Z') + at * 20 * minute).toISOString()
      return `cat ${time.slice(0, 10)} ${time.slice(11, 19)} /`
    })
    story.add(events(steady.join('\n')))
    const all = { fromMs: Date.parse('2026-11-23T00:00:00Z'), toMs: day.toMs }
    // The 73rd event lies 24 hours after the first.
    assert.equal(visitsAnswer(story.reading(now), all, undefined).visits, 3 + 2)
  }))

test('bounce rate: three definitions part over an event, and over ten seconds', () =>
  withStory({}, story => {
    story.add(shop)
    // bob; bob and the second visit of ann; bob and the second visit of ann, which took five seconds.
    const { bounceRate } = visitsAnswer(story.reading(now), day, undefined)
    assert.equal(bounceRate.default, 'plausible')
    assert.equal(bounceRate.plausible.rate, 1 / 3)
    assert.equal(bounceRate.umami.rate, 2 / 3)
    assert.equal(bounceRate.posthog.rate, 2 / 3)
    story.add(events('dan 09:00:00 /\ndan 09:00:10 !Read\neve 09:00:00 /\neve 09:00:03 !$autocapture'))
    const after = visitsAnswer(story.reading(now), day, undefined).bounceRate
    assert.deepEqual([after.plausible.rate, after.umami.rate, after.posthog.rate], [1 / 5, 4 / 5, 2 / 5])
  }))

test('visit duration: from first to last event, a bounce counts as nothing', () =>
  withStory({}, story => {
    story.add(shop)
    const { duration } = visitsAnswer(story.reading(now), day, undefined)
    assert.equal(duration.meanMs, (10 * minute + 0 + 5000) / 3)
    assert.deepEqual(
      duration.bins.filter(bin => bin.visits > 0),
      [
        { seconds: 0, visits: 1 },
        { seconds: 5, visits: 1 },
        { seconds: 600, visits: 1 },
      ],
    )
    // The middle of three lies halfway through the bin from 2 to 5 seconds.
    assert.equal(duration.medianMs, 3500)
  }))

test('entry pages, exits, exit rate and time on page', () =>
  withStory({}, story => {
    story.add(shop)
    const reading = story.reading(now)
    assert.deepEqual(by(reading, 'visits', 'entry_page'), { '/': 2, '/blog': 1 })
    assert.deepEqual(by(reading, 'exits', 'path'), { '/': 1, '/blog': 1, '/checkout': 1 })
    assert.deepEqual(by(reading, 'exit_rate', 'path'), {
      '/': 0.5,
      '/blog': 1,
      '/products': 0,
      '/checkout': 1,
    })
    assert.deepEqual(by(reading, 'time_on_page', 'path'), { '/': 4 * minute, '/products': 359_000 })
    assert.deepEqual(by(reading, 'bounce_rate', 'entry_page'), { '/': 0, '/blog': 1 })
  }))

test('the first event of a visit decides its channel, site and campaign', () =>
  withStory({}, story => {
    story.add(shop)
    const reading = story.reading(now)
    assert.deepEqual(by(reading, 'visits', 'channel'), { 'Organic Search': 1, Email: 1, Direct: 1 })
    assert.deepEqual(by(reading, 'visits', 'referrer'), { Google: 1, newsletter: 1, '(direct)': 1 })
    assert.deepEqual(by(reading, 'visits', 'utm_source'), { newsletter: 1 })
    assert.deepEqual(by(reading, 'visits', 'utm_medium'), { email: 1 })
    assert.deepEqual(by(reading, 'views_per_visit', 'channel'), { 'Organic Search': 3, Email: 1, Direct: 1 })
    assert.deepEqual(by(reading, 'visits', 'visitor'), { new: 2, returning: 1 })
  }))

test('a late event extends a visit, joins two, or begins one earlier', () =>
  withStory({}, story => {
    const told = () => {
      const { visits, duration } = visitsAnswer(story.reading(now), day, undefined)
      const entries = Object.entries(by(story.reading(now), 'visits', 'entry_page'))
      return [visits, duration.meanMs, Object.fromEntries(entries.filter(([, n]) => n !== 0))]
    }
    story.add(events('ann 08:00:00 /a\nann 08:50:00 /c'))
    assert.deepEqual(told(), [2, 0, { '/a': 1, '/c': 1 }])
    story.add(events('ann 08:25:00 /b'))
    assert.deepEqual(told(), [1, 50 * minute, { '/a': 1 }])
    story.add(events('ann 07:58:00 /early'))
    assert.deepEqual(told(), [1, 52 * minute, { '/early': 1 }])
    story.add(events('ann 09:00:00 !Late'))
    assert.deepEqual(told(), [1, 62 * minute, { '/early': 1 }])
    story.add(events('ann 07:00:00 /first'))
    assert.deepEqual(by(story.reading(now), 'visits', 'visitor'), { new: 1, returning: 1 })
  }))

test('one visitor seen through three agents makes one visit', () =>
  withStory({}, story => {
    const lines = events('ann 08:00:00 /\nann 08:05:00 /products\nann 08:10:00 /checkout')
    // Each from a web server of its own; the slowest line comes first, and two come twice.
    const seen = [2, 0, 1, 0, 2].map(at => ({ ...lines[at]!, src: `agent00${at}.file.0`, pos: 0 }))
    for (const line of seen) story.add([line])
    const { visits, pageviews, duration } = visitsAnswer(story.reading(now), day, undefined)
    assert.deepEqual([visits, pageviews, duration.meanMs], [1, 3, 10 * minute])
  }))

test('access logs: requests of browsers for pages make visits; bots, files, forms and failures do not', () =>
  withStory({}, story => {
    const lines = requests(`
      203.0.113.7 08:00:00 GET / 200
      203.0.113.7 08:00:01 GET /app.js 200
      203.0.113.7 08:05:00 GET /pricing 200
      203.0.113.7 08:06:00 POST /signup 302
      203.0.113.7 08:07:00 GET /gone 404
      203.0.113.8 08:00:00 GET / 200 Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)
      203.0.113.9 08:00:00 GET / 304
    `)
    story.add(lines, 'logs')
    const reading = story.reading(now)
    const { source, visits, visitors, pageviews } = visitsAnswer(reading, day, undefined)
    assert.deepEqual([source, visits, visitors, pageviews], ['requests', 2, 2, 3])
    assert.deepEqual(by(reading, 'visits', 'browser'), { Firefox: 2 })
    assert.deepEqual(by(reading, 'visits', 'device'), { desktop: 2 })
  }))

test('active users: the trailing 1, 7 and 30 days, and stickiness', () =>
  withStory({}, story => {
    const days = ['2026-10-25', '2026-10-26', '2026-11-17', '2026-11-18', '2026-11-24']
    // Each day another visitor; one comes on the last day as well.
    story.add(events(days.map((date, at) => `v${at} ${date} 10:00:00 /`).join('\n')))
    story.add(events('v3 2026-11-24 11:00:00 /'))
    const { days: found } = activeUsersAnswer(story.reading(now), 2, undefined)
    assert.deepEqual(found, [
      // 25 October is the first of the 30 days that end on 23 November.
      { day: '2026-11-23', daily: 0, weekly: 2, monthly: 4, stickiness: 0 },
      { day: '2026-11-24', daily: 2, weekly: 2, monthly: 4, stickiness: 0.5 },
    ])
  }))

test('lifecycle: new, returning, resurrecting, dormant', () =>
  withStory({}, story => {
    story.add(
      events(`
        ann 2026-11-20 10:00:00 /
        bob 2026-11-20 10:00:00 /
        ann 2026-11-21 10:00:00 /
        cat 2026-11-21 10:00:00 /
        bob 2026-11-22 10:00:00 /
      `),
    )
    const { periods } = lifecycleAnswer(story.reading('2026-11-22T12:00:00Z'), 'day', 3, undefined)
    assert.deepEqual(periods, [
      { start: '2026-11-20', new: 2, returning: 0, resurrecting: 0, dormant: 0, isOver: true },
      { start: '2026-11-21', new: 1, returning: 1, resurrecting: 0, dormant: 1, isOver: true },
      { start: '2026-11-22', new: 0, returning: 0, resurrecting: 1, dormant: 2, isOver: false },
    ])
    const weeks = lifecycleAnswer(story.reading(now), 'week', 2, undefined).periods
    assert.deepEqual(weeks, [
      { start: '2026-11-16', new: 3, returning: 0, resurrecting: 0, dormant: 0, isOver: true },
      { start: '2026-11-23', new: 0, returning: 0, resurrecting: 0, dormant: 3, isOver: false },
    ])
  }))

test('retention: by first week, how many are there in each week after', () =>
  withStory({}, story => {
    story.add(
      events(`
        ann 2026-11-03 10:00:00 /
        bob 2026-11-08 23:59:59 /
        cat 2026-11-09 00:00:00 /
        ann 2026-11-10 10:00:00 /
        ann 2026-11-24 10:00:00 /
        bob 2026-11-24 10:00:00 /
      `),
    )
    const { cohorts } = retentionAnswer(story.reading(now), 4, undefined)
    assert.deepEqual(cohorts, [
      { week: '2026-11-02', visitors: 2, active: [2, 1, 0, 2], share: [1, 0.5, 0, 1] },
      { week: '2026-11-09', visitors: 1, active: [1, 0, 0], share: [1, 0, 0] },
      { week: '2026-11-16', visitors: 0, active: [0, 0], share: [null, null] },
      { week: '2026-11-23', visitors: 0, active: [0], share: [null] },
    ])
    // Somebody was there a week earlier than it seemed: another cohort, the same weeks.
    story.add(events('cat 2026-11-05 10:00:00 /'))
    const moved = retentionAnswer(story.reading(now), 4, undefined).cohorts
    assert.deepEqual(
      [moved[0]!.active, moved[1]!.active],
      [
        [3, 2, 0, 2],
        [0, 0, 0],
      ],
    )
  }))

test('active hours: by the clock of the site', () =>
  withStory({ timeZone: 'Europe/Berlin' }, story => {
    // A Monday, 23:30 and 00:15 in Berlin.
    story.add(events('ann 2026-11-23 22:30:00 /\nbob 2026-11-23 23:15:00 /\ncat 2026-11-16 22:40:00 /'))
    const { hours, weekdays } = activeHoursAnswer(story.reading(now), 'visits', 28, undefined)
    const found = hours.flatMap((row, weekday) =>
      row.flatMap((n, hour) => (n === 0 ? [] : [`${weekdays[weekday]} ${hour}: ${n}`])),
    )
    assert.deepEqual(found, ['Monday 23: 2', 'Tuesday 0: 1'])
  }))

test('paths: from page to page within a visit', () =>
  withStory({}, story => {
    story.add(shop)
    story.add(events('dan 10:00:00 /\ndan 10:01:00 /products\ndan 10:02:00 /'))
    const { rows } = pathsAnswer(story.reading(now), day, undefined, 10, undefined)
    assert.deepEqual(rows, [
      { page: '/', next: '/products', count: 2 },
      { page: '/products', next: '/checkout', count: 1 },
      { page: '/products', next: '/', count: 1 },
    ])
    const after = pathsAnswer(story.reading(now), day, '/products', 1, undefined)
    assert.equal(after.rows.length, 1)
    assert.equal(after.rows[0]!.page, '/products')
    story.add(events('eve 11:00:00 /a\neve 11:02:00 /c'))
    story.add(events('eve 11:01:00 /b'))
    const late = pathsAnswer(story.reading(now), day, '/a', 10, undefined)
    assert.deepEqual(late.rows, [{ page: '/a', next: '/b', count: 1 }], 'what was taken back is none')
  }))

const steps = [{ page: '/products/*' }, { page: '/cart' }, { event: 'Purchased', where: { plan: 'pro' } }]
const settings = {
  goals: [
    { name: 'docs', page: '/docs/**' },
    { name: 'pro', event: 'Purchased', where: { plan: 'pro' } },
  ],
  funnels: [{ name: 'purchase', steps, windowMs: 60 * minute }],
}
const shopping = events(`
  ann 08:00:00 /products/1
  ann 08:10:00 /help
  ann 08:20:00 /cart
  ann 08:30:00 !Purchased plan=pro
  bob 08:00:00 /products/2
  bob 08:04:00 /cart
  bob 08:05:00 !Purchased plan=free
  cat 08:00:00 /cart
  cat 08:01:00 /products/1
  dan 08:00:00 /products/1
  dan 09:00:01 /cart
  eve 08:00:00 /docs/a/b
  eve 08:01:00 /docs/c
  ann 09:00:00 !Purchased plan=pro
`)

test('goals: unique and total conversions, and the rate among all visitors', () =>
  withStory({ settings }, story => {
    story.add(shopping)
    const { visitors, goals } = goalsAnswer(story.reading(now), day, null, undefined)
    assert.equal(visitors, 5)
    assert.deepEqual(goals, [
      { name: 'docs', unique: 1, total: 2, conversionRate: 0.2 },
      { name: 'pro', unique: 1, total: 2, conversionRate: 0.2 },
    ])
    const asked = goalsAnswer(story.reading(now), day, { page: '/products/*' }, undefined)
    assert.deepEqual(asked.goals, [{ name: '/products/*', unique: 4, total: 4, conversionRate: 0.8 }])
  }))

test('funnels: in order, within the window; strict ones with nothing in between', () =>
  withStory({ settings }, story => {
    story.add(shopping)
    const reading = story.reading(now)
    const funnel = funnelNamed(reading, 'purchase')
    const answer = funnelAnswer(reading, day, funnel, undefined)
    assert.deepEqual(
      answer.steps.map(({ step, visitors, dropped, medianMs }) => [step, visitors, dropped, medianMs]),
      [
        ['/products/*', 4, 0, null],
        // ann after 20 minutes and bob after 4; cat went the other way, dan took too long.
        ['/cart', 2, 2, 12 * minute],
        ['Purchased plan=pro', 1, 1, 30 * minute],
      ],
    )
    assert.deepEqual(
      answer.steps.map(step => step.ofFirst),
      [1, 0.5, 0.25],
    )
    assert.deepEqual(
      answer.steps.map(step => step.ofPrevious),
      [1, 0.5, 0.5],
    )
    const strict = funnelAnswer(reading, day, { ...funnel, strict: true }, undefined)
    assert.deepEqual(
      strict.steps.map(step => step.visitors),
      [4, 1, 0],
    )
    assert.throws(() => funnelNamed(reading, 'purchases'), { kind: 'unknown-funnel', didYouMean: 'purchase' })
    const other = { name: '', steps: [steps[0]!, { event: 'Purchased', where: { plan: 'free' } }] }
    assert.throws(() => funnelAnswer(reading, day, other, undefined), { kind: 'unwatched-properties' })
  }))

test('where the key is not the visitor, visits are refused', () =>
  withStory({}, story => {
    story.add(shop)
    // What an agent sends that was not told which field names the visitor: one key for a megabyte of lines.
    story.add(events('dan 10:00:00 /\neve 10:01:00 /').map(line => ({ ...line, key: '00000000000000aa' })))
    const reading = story.reading(now)
    const refusal = {
      kind: 'key-is-no-visitor',
      status: 422,
      message: /behavior .*several visitors \(1 of 9 lines\)/,
    }
    assert.throws(() => visitsAnswer(reading, day, undefined), refusal)
    assert.throws(() => stats(reading, 'visits', day, [], new Map(), 1), refusal)
    assert.throws(() => retentionAnswer(reading, 4, undefined), refusal)
    // What needs no visitor is told.
    assert.equal(stats(reading, 'pageviews', day, [], new Map(), 1).rows[0]!.values['value'], 7)
  }))

test('one visitor under several keys, and lines without a key, are noticed too', () =>
  withStory({}, story => {
    story.add(
      events('ann 08:00:00 /\nann 08:01:00 /').map((line, at) => ({ ...line, key: `00000000000000a${at}` })),
    )
    assert.throws(() => visitsAnswer(story.reading(now), day, undefined), {
      message: /with several keys \(1 of 2/,
    })
    const lines = requests('203.0.113.7 08:00:00 GET / 200')
    story.add(
      lines.map(line => ({ ...line, key: '' })),
      'logs',
    )
    assert.throws(() => visitsAnswer(story.reading(now), day, 'requests'), {
      message: /1 lines of visitors have no key/,
    })
  }))

test('a user on two devices is one visitor where the key is the user’s', () =>
  withStory({}, story => {
    const lines = events('phone 08:00:00 /\nlaptop 08:10:00 /').map(line => ({
      ...line,
      line: String(line.line).replace('{', '{"userId":"u1",'),
      key: '00000000000000aa',
    }))
    story.add(lines)
    const { visits, visitors } = visitsAnswer(story.reading(now), day, undefined)
    assert.deepEqual([visits, visitors], [1, 1])
  }))
