// Every line exactly once, while everything is killed: 200,000 generated lines from four access logs of which two
// rotate (and one file each of events and metrics), agent, broker and analytics killed with -9 twice each at random
// moments. Afterwards every count, per minute and dimension, equals the generator's own ledger. Clauses D1, E1.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { AgentsAnswer, ClusterAnswer, LossesAnswer, StatsAnswer } from '../../analytics/http/contract.ts'
import { demoInputs } from '../../cli/processes.ts'
import type { LedgerDocument } from '../../fixtures/ledger.ts'
import { Random } from '../../fixtures/random.ts'
import { type Appliance, eventually, type Room, startAppliance } from './appliance.ts'
import { writeTraffic } from './traffic.ts'

const lines = 200_000
const linesPerSecond = 8_000
const minuteMs = 60_000
/** What the API calls a request without a referrer; the ledger has no label for it. */
const directReferrer = '(direct)'
/** The ledger's labels and the API's dimensions are the same words. */
const countedBy = {
  lines: ['topic'],
  requests: ['path', 'status', 'method', 'referrer'],
  errors: ['path'],
  client_errors: ['path'],
  bytes: ['path'],
  events: ['event', 'path'],
  pageviews: ['path'],
} as const

test('200,000 lines are counted exactly once while agent, broker and analytics are killed with -9', async context => {
  await using traffic = await mkdtempDisposable(join(tmpdir(), 'tailrace-exactness-'))
  const ledgerPath = join(traffic.path, 'ledger.json')
  const seed = Number(process.env['TAILRACE_SEED'] ?? Date.now() % 100_000)
  await using appliance = await startAppliance(demoInputs(traffic.path))
  const startedAt = performance.now()
  const writing = writeTraffic(trafficConfig(traffic.path, ledgerPath, seed))
  await killEverythingTwice(appliance, seed, context)
  const ledger = await writing
  assert.equal(ledger.lines, lines)
  await eventually(
    'every line is counted',
    () => counted(appliance, ledger),
    count => count >= lines,
    60_000,
  )
  await quiescent(appliance)
  assert.equal(await counted(appliance, ledger), lines, 'every line once')
  context.diagnostic(
    `figure counted ${Math.round((performance.now() - startedAt) / 1_000)} s after the first line`,
  )

  await equalsLedger(appliance, ledger, context)
  const losses = await appliance.get<LossesAnswer>('/losses')
  assert.deepEqual(losses.entries, [], 'the loss ledger is empty')
  await fillsAllPartitions(appliance, context)
  assert.equal(await counted(appliance, ledger), lines, 'and nothing was counted while all this was compared')
})

function trafficConfig(directory: string, ledgerPath: string, seed: number) {
  return {
    directory,
    seed,
    linesPerSecond,
    lines,
    files: 4,
    // In the past, so that no event time lies ahead of the moment at which its line is read.
    startTime: Math.floor((Date.now() - 45 * minuteMs) / minuteMs) * minuteMs,
    rotate: { everyLines: 9_000, keep: 100, files: ['access-1.log', 'access-3.log'] },
    ledgerPath,
  }
}

/** Six kills in a random order, at random moments of the time in which lines are written. */
async function killEverythingTwice(appliance: Appliance, seed: number, context: TestContext): Promise<void> {
  const random = new Random(seed)
  const rooms: Room[] = ['agent', 'broker', 'analytics', 'agent', 'broker', 'analytics']
  const writingMs = (lines / linesPerSecond) * 1_000
  const order = rooms.map(room => ({ room, at: random.fraction() * writingMs })).sort((a, b) => a.at - b.at)
  const startedAt = performance.now()
  context.diagnostic(
    `figure seed ${seed}: ${order.map(({ room, at }) => `${room} at ${(at / 1_000).toFixed(1)} s`).join(', ')}`,
  )
  for (const { room, at } of order) {
    const waitMs = at - (performance.now() - startedAt)
    if (waitMs > 0) await new Promise(resolve => setTimeout(resolve, waitMs))
    await appliance.kill(room)
  }
}

async function counted(appliance: Appliance, ledger: LedgerDocument): Promise<number> {
  const [from, to] = rangeOf(ledger)
  const answer = await appliance.get<StatsAnswer>(`/stats/lines?from=${from}&to=${to}`)
  return answer.rows.reduce((sum, row) => sum + (row.values['value'] ?? 0), 0)
}

/** Until the agent, whose report is a few seconds old at most, has nothing left to read or to send again. */
async function quiescent(appliance: Appliance): Promise<void> {
  const since = Date.now()
  await eventually(
    'the agent is at the end of every file',
    () => appliance.get<AgentsAnswer>('/agents'),
    ({ agents }) => agents.every(agent => agent.lastSeen > since && agent.bytesBehind === 0),
    20_000,
  )
}

function rangeOf(ledger: LedgerDocument): [number, number] {
  const minutes = Object.keys(ledger.minutes).map(Number)
  return [Math.min(...minutes), Math.max(...minutes) + minuteMs]
}

async function equalsLedger(
  appliance: Appliance,
  ledger: LedgerDocument,
  context: TestContext,
): Promise<void> {
  let compared = 0
  for (const [metric, dimensions] of Object.entries(countedBy)) {
    for (const dimension of dimensions) {
      const expected = ledgerCounts(ledger, metric, dimension)
      assert.deepEqual(
        await countsByMinute(appliance, ledger, metric, dimension),
        expected,
        `${metric} by ${dimension}`,
      )
      compared += expected.size
    }
  }
  compared += await equalsLatency(appliance, ledger)
  compared += await equalsHostMetrics(appliance, ledger)
  await nearlyEqualsVisitors(appliance, ledger)
  context.diagnostic(`figure ${compared} counts compared with the ledger, minute by minute`)
}

/** The API's rows of one minute. */
async function rowsOf(
  appliance: Appliance,
  minute: string,
  metric: string,
  by: string,
): Promise<StatsAnswer['rows']> {
  const to = Number(minute) + minuteMs
  const answer = await appliance.get<StatsAnswer>(
    `/stats/${metric}?from=${minute}&to=${to}&by=${by}&limit=2001`,
  )
  return answer.rows
}

/** 'minute label' → value, for every value that is not nothing. */
async function countsByMinute(
  appliance: Appliance,
  ledger: LedgerDocument,
  metric: string,
  dimension: string,
): Promise<Map<string, number>> {
  const found: [string, number][] = []
  for (const minute of Object.keys(ledger.minutes)) {
    for (const { labels, values } of await rowsOf(appliance, minute, metric, dimension)) {
      const label = labels[dimension]!
      if (values['value'] && label !== directReferrer) found.push([`${minute} ${label}`, values['value']])
    }
  }
  return sorted(found)
}

function ledgerCounts(ledger: LedgerDocument, metric: string, dimension: string): Map<string, number> {
  const found: [string, number][] = []
  for (const [minute, { counts }] of Object.entries(ledger.minutes)) {
    for (const [label, count] of Object.entries(counts[metric] ?? {})) {
      if (label.startsWith(`${dimension}=`))
        found.push([`${minute} ${label.slice(dimension.length + 1)}`, count])
    }
  }
  return sorted(found)
}

function sorted(pairs: [string, number][]): Map<string, number> {
  return new Map(pairs.sort(([a], [b]) => (a < b ? -1 : 1)))
}

interface Distribution {
  readonly count: number
  readonly sum: number
  readonly min: number
  readonly max: number
}

async function equalsLatency(appliance: Appliance, ledger: LedgerDocument): Promise<number> {
  let compared = 0
  for (const [minute, { latencyMs }] of Object.entries(ledger.minutes)) {
    const { '': _whole, ...expected } = latencyMs
    const rows = await rowsOf(appliance, minute, 'latency', 'path')
    compared += equalsDistributions(
      `latency at ${minute}`,
      rows,
      labels => `path=${labels['path']}`,
      expected,
    )
  }
  return compared
}

async function equalsHostMetrics(appliance: Appliance, ledger: LedgerDocument): Promise<number> {
  let compared = 0
  for (const [minute, { metrics }] of Object.entries(ledger.minutes)) {
    const rows = await rowsOf(appliance, minute, 'metric', 'host,name')
    compared += equalsDistributions(
      `metric at ${minute}`,
      rows,
      labels => `${labels['name']}|${labels['host']}`,
      metrics,
    )
  }
  return compared
}

/** Counts and extremes are equal, sums of floating-point values within rounding. Returns how many were compared. */
function equalsDistributions(
  where: string,
  rows: StatsAnswer['rows'],
  keyOf: (labels: Readonly<Record<string, string>>) => string,
  expected: Readonly<Record<string, Distribution>>,
): number {
  assert.deepEqual(rows.map(row => keyOf(row.labels)).sort(), Object.keys(expected).sort(), where)
  for (const { labels, values } of rows) {
    const key = keyOf(labels)
    const { count, sum, min, max } = expected[key]!
    assert.deepEqual([values['count'], values['min'], values['max']], [count, min, max], `${key}, ${where}`)
    const found = (values['mean'] ?? Number.NaN) * count
    assert(
      Math.abs(found - sum) <= 1e-9 * Math.max(1, Math.abs(sum)),
      `${key}, ${where}: sum ${found}, ledger ${sum}`,
    )
  }
  return rows.length
}

/** Distinct visitors come from a sketch: exact while few, within about 2 % when many. */
async function nearlyEqualsVisitors(appliance: Appliance, ledger: LedgerDocument): Promise<void> {
  for (const [minute, { visitors }] of Object.entries(ledger.minutes)) {
    const rows = await rowsOf(appliance, minute, 'active_users', 'source')
    assert.equal(rows.length, 2, `active users at ${minute}`)
    for (const { labels, values } of rows) {
      const expected = visitors[labels['source'] === 'requests' ? 'logs' : 'behavior'].length
      const found = values['value'] ?? 0
      const tolerance = Math.max(1, expected * 0.05)
      assert(
        Math.abs(found - expected) <= tolerance,
        `${labels['source']} at ${minute}: ${found}, ledger ${expected}`,
      )
    }
  }
}

async function fillsAllPartitions(appliance: Appliance, context: TestContext): Promise<void> {
  const cluster = await appliance.get<ClusterAnswer>('/cluster')
  const logs = cluster.topics.find(topic => topic.name === 'logs')
  const sizes = logs?.partitions.map(partition => Number(partition.highWatermark)) ?? []
  const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length
  const ratio = Math.max(...sizes) / mean
  context.diagnostic(`figure logs: fullest of ${sizes.length} partitions ${ratio.toFixed(2)} times the mean`)
  assert.equal(sizes.length, 6)
  assert(ratio <= 1.5, `partitions ${sizes.join(', ')}`)
}
