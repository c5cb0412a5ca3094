// What the API says against what the generator says it wrote: every count, per minute and dimension. Asks over HTTP,
// so that it sees what a user sees.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { AgentsAnswer, StatsAnswer } from '../../analytics/http/contract.ts'
import type { LedgerDocument } from '../../fixtures/ledger.ts'
import { eventually } from '../eventually.ts'
import type { Appliance } from './appliance.ts'

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

export async function counted(appliance: Appliance, ledger: LedgerDocument): Promise<number> {
  const [from, to] = rangeOf(ledger)
  const answer = await appliance.get<StatsAnswer>(`/stats/lines?from=${from}&to=${to}`)
  return answer.rows.reduce((sum, row) => sum + (row.values['value'] ?? 0), 0)
}

/** Until the agent, whose report is a few seconds old at most, has nothing left to read or to send again. */
export async function quiescent(appliance: Appliance): Promise<void> {
  const since = Date.now()
  await eventually(
    'the agent is at the end of every file',
    () => appliance.get<AgentsAnswer>('/agents'),
    ({ agents }) => agents.every(agent => agent.lastSeen > since && agent.bytesBehind === 0),
  )
}

function rangeOf(ledger: LedgerDocument): [number, number] {
  const minutes = Object.keys(ledger.minutes).map(Number)
  return [Math.min(...minutes), Math.max(...minutes) + minuteMs]
}

export async function equalsLedger(
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
  for (const [minute, { visitors, people }] of Object.entries(ledger.minutes)) {
    const rows = await rowsOf(appliance, minute, 'active_users', 'source')
    const sources = [people, visitors.behavior].filter(({ length }) => length > 0).length
    assert.equal(rows.length, sources, `active users at ${minute}`)
    for (const { labels, values } of rows) {
      // Programs are counted apart from people.
      const expected = (labels['source'] === 'requests' ? people : visitors.behavior).length
      const found = values['value'] ?? 0
      const tolerance = Math.max(1, expected * 0.05)
      assert(
        Math.abs(found - expected) <= tolerance,
        `${labels['source']} at ${minute}: ${found}, ledger ${expected}`,
      )
    }
  }
}
