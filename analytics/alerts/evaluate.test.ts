// Samples of rules from a real store, against numbers worked out by hand: 4 requests a second for ten minutes.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ProblemError } from '../queries/problem.ts'
import { Rows } from '../queries/rows.ts'
import { type Connection, openReader } from '../store/schema.ts'
import { accessRecord, FixedClock, fillUsual, nowMs, StoreFeed } from '../test-store.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { finalUntil, RuleEvaluator } from './evaluate.ts'
import { type RuleInput, ruleSchema } from './rule.ts'

let directory: Awaited<ReturnType<typeof mkdtempDisposable>>
let connection: Connection
const days = new ZoneDays('UTC')
const minute = 60_000
/** The last whole minute with lines in it. */
const atMs = Date.parse('2026-11-24T08:10:00Z')
const dayMs = 86_400_000

before(async () => {
  directory = await mkdtempDisposable(join(tmpdir(), 'evaluate-'))
  const path = join(directory.path, 'windows.db')
  const feed = new StoreFeed(path, new FixedClock())
  // A week before, a tenth as much in the five minutes up to the same time.
  feed.add(
    'logs',
    Array.from({ length: 120 }, (_, index) => {
      const record = accessRecord(atMs - 7 * dayMs - 1000 - index * 2000, index)
      return { ...record, line: String(record.line).replace('24/Nov', '17/Nov') }
    }),
  )
  fillUsual(feed)
  feed.close()
  connection = openReader(path)
})

after(async () => {
  connection.close()
  await directory.remove()
})

const reading = (now = nowMs) => ({ rows: new Rows(connection), days, nowMs: now })

function samples(input: RuleInput, at = atMs, known: Record<string, string>[] = []) {
  const found = new RuleEvaluator(ruleSchema.parse(input)).samples(reading(), at, known)
  return [...found.values()].map(({ labels, value, isTrue }) => [
    Object.values(labels).join(' '),
    value === null ? null : Math.round(value * 100) / 100,
    isTrue,
  ])
}

const threshold = { name: 'n', kind: 'threshold', op: '>', threshold: 0 } as const

test('a threshold is compared with the value of the window that ends at the moment', () => {
  const rows: [input: Partial<RuleInput> & { metric: string }, value: number | null, isTrue: boolean][] = [
    [{ metric: 'requests', window: '1m', threshold: 240, op: '>=' }, 240, true],
    [{ metric: 'requests', window: '1m', threshold: 240, op: '>' }, 240, false],
    [{ metric: 'requests', window: '1m', value: 'per_second', threshold: 4, op: '==' }, 4, true],
    [{ metric: 'requests', window: '5m', filter: ['status:500'], threshold: 59 }, 60, true],
    [{ metric: 'active_users', window: '5m', threshold: 30, op: '<' }, 30, false],
    [{ metric: 'latency', window: '5m', value: 'max', threshold: 108 }, 109, true],
    [{ metric: 'latency', window: '5m', filter: ['path:/none'], value: 'p95', threshold: 0 }, null, false],
    [{ metric: 'requests', window: '5m', filter: ['path:/none'], threshold: 1, op: '<' }, 0, true],
  ]
  for (const [input, value, isTrue] of rows) {
    assert.deepEqual(
      samples({ ...threshold, ...input } as RuleInput),
      [['', value, isTrue]],
      JSON.stringify(input),
    )
  }
})

test('each group has its own; one with an alert that is gone counts as nothing', () => {
  const byStatus: RuleInput = {
    ...threshold,
    metric: 'requests',
    by: ['status'],
    window: '1m',
    threshold: 20,
  }
  const found = samples(byStatus, atMs, [{ status: '418' }])
  assert.deepEqual(found.sort(), [
    ['200', 204, true],
    ['404', 24, true],
    ['418', 0, false],
    ['500', 12, false],
  ])
  const quantile: RuleInput = { ...threshold, metric: 'latency', by: ['path'], window: '1m', value: 'p95' }
  assert.deepEqual(samples(quantile, atMs, [{ path: '/gone' }]).at(-1), ['/gone', null, false])
})

test('a change is against the same time before, unknown where there was nothing', () => {
  const change = { name: 'n', kind: 'change', metric: 'requests', op: '>', threshold: 100 } as const
  // 1200 now, 120 a week ago: 900 % more, or 1080.
  const [percent] = samples(change)
  assert.equal(percent![2], true)
  assert.ok(Math.abs((percent![1] as number) - 900) < 1, String(percent![1]))
  const [absolute] = samples({ ...change, unit: 'absolute', threshold: 1100 })
  assert.ok(Math.abs((absolute![1] as number) - 1080) < 1)
  assert.equal(absolute![2], false)
  assert.deepEqual(samples({ ...change, offset: '1d' }), [['', null, false]])
  // Something was counted then, but none of these: nothing to be a percentage of.
  const missing: RuleInput = { ...change, filter: ['path:/new'] }
  assert.deepEqual(samples(missing), [['', null, false]])
})

test('absence is of everything, or of each group seen the day before', () => {
  const absence = { name: 'n', kind: 'absence', metric: 'lines', window: '2m' } as const
  assert.deepEqual(samples(absence), [['', 1, false]])
  assert.deepEqual(samples(absence, atMs + 2 * minute), [['', 0, true]])
  assert.deepEqual(samples({ ...absence, filter: ['topic:nothing'] }), [['', 0, true]])
  const host: RuleInput = { ...absence, metric: 'metric', by: ['host'] }
  assert.deepEqual(samples(host), [['web-1', 1, false]])
  assert.deepEqual(samples(host, atMs + 3 * minute), [['web-1', 0, true]])
  assert.deepEqual(samples(host, atMs + 3 * minute, [{ host: 'web-9' }]), [
    ['web-1', 0, true],
    ['web-9', 0, false],
  ])
  assert.deepEqual(samples(host, atMs + 2 * dayMs, [{ host: 'web-1' }]), [['web-1', 0, false]])
})

test('what is judged is final: behind the watermark, or behind the clock when everything is read', () => {
  const watermark = Date.parse('2026-11-24T08:09:59Z')
  assert.equal(finalUntil(reading(), minute, false), watermark - minute)
  assert.equal(finalUntil(reading(), minute, true), nowMs - minute)
  assert.equal(finalUntil(reading(nowMs + 600_000), minute, true), nowMs + 540_000)
})

test('what does not exist is refused by name', () => {
  const rows: [input: Partial<RuleInput> & { metric: string }, kind: string][] = [
    [{ metric: 'requets' }, 'unknown-metric'],
    [{ metric: 'requests', by: ['pth'] }, 'unknown-dimension'],
    [{ metric: 'requests', filter: ['nothing'] }, 'unknown-filter'],
    [{ metric: 'requests', value: 'p95' }, 'unknown-value'],
    [{ metric: 'latency' }, 'unknown-value'],
    [{ metric: 'lag', by: ['path'] }, 'unknown-breakdown'],
  ]
  for (const [input, kind] of rows) {
    assert.throws(
      () => new RuleEvaluator(ruleSchema.parse({ ...threshold, ...input })),
      (error: unknown) => error instanceof ProblemError && error.kind === kind,
      kind,
    )
  }
})
