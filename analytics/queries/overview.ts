// The tiles of the page, from committed rows. A value that is not known yet is null, never zero.
import type { Overview } from '../http/contract.ts'
import { Distribution } from '../sketches/distribution.ts'
import { type Reading, stats } from './answers.ts'
import { freshness } from './freshness.ts'

/** Rates are of this many whole seconds, the last of which ended a moment ago: the newest is still coming in. */
const rateSeconds = 10
const settleMs = 500
const minuteMs = 60_000
/** Agents report every 5 s. */
const agentLiveMs = 20_000

/** Whether nobody expects to hear of an agent any more. */
export type IsRemoved = (agentId: string, lastSeenMs: number) => boolean

const noFilters = new Map<never, never>()

/**
 * Everything but the broker's state, which is not in any row. Agents that were removed count only while they are
 * heard of.
 */
export function overview(reading: Reading, isRemoved: IsRemoved): Omit<Overview, 'broker'> {
  const { rows, nowMs } = reading
  const fresh = freshness(reading, nowMs)
  const isLive = (agent: { readonly lastSeen: number }) => agent.lastSeen >= nowMs - agentLiveMs
  const agents = rows.agents().filter(agent => isLive(agent) || !isRemoved(agent.agentId, agent.lastSeen))
  const isKnown = fresh.committedAt !== null
  const requests = windowSum(reading, 'requests', minuteMs)
  const latency = lastMinute(reading, 'latency')
  const lag = lastMinute(reading, 'lag')
  const users = stats(reading, 'active_users', { window: 5 * minuteMs }, [], noFilters, 1)
  return {
    at: nowMs,
    linesTotal: total(reading, 'lines'),
    linesPerSecond: isKnown ? rate(reading, 'lines') : null,
    requestsPerSecond: isKnown ? rate(reading, 'requests') : null,
    errorRatio: requests === 0 ? null : windowSum(reading, 'errors', minuteMs) / requests,
    latencyP95Ms: latency?.p95 ?? null,
    activeUsers5m: isKnown ? (users.rows[0]?.values['value'] ?? 0) : null,
    bytesPerSecond: isKnown ? rate(reading, 'bytes') : null,
    lagP50Ms: lag?.p50 ?? null,
    lagP95Ms: lag?.p95 ?? null,
    lossesTotal: rows.lossTotal(),
    agents: {
      seen: agents.length,
      live: agents.filter(isLive).length,
    },
    freshness: fresh,
  }
}

function idsOf({ rows }: Reading, metric: string): number[] {
  return rows.series(metric, '', 0).map(row => row.id)
}

/** Over all days, the days still running included. */
function total(reading: Reading, metric: string): number {
  const sums = reading.rows.sums(86_400, idsOf(reading, metric), 0, Number.MAX_SAFE_INTEGER)
  return [...sums.values()].reduce((sum, n) => sum + n, 0)
}

function rate(reading: Reading, metric: string): number {
  const to = Math.floor((reading.nowMs - settleMs) / 1000)
  const sums = reading.rows.sums(1, idsOf(reading, metric), to - rateSeconds, to)
  return [...sums.values()].reduce((sum, n) => sum + n, 0) / rateSeconds
}

function windowSum(reading: Reading, metric: string, windowMs: number): number {
  const to = Math.floor(reading.nowMs / 1000) + 1
  const sums = reading.rows.sums(1, idsOf(reading, metric), to - windowMs / 1000, to)
  return [...sums.values()].reduce((sum, n) => sum + n, 0)
}

function lastMinute(reading: Reading, metric: string): ReturnType<Distribution['summary']> {
  const to = (Math.floor(reading.nowMs / 10_000) + 1) * 10
  const merged = new Distribution()
  for (const { data } of reading.rows.sketches(10, idsOf(reading, metric), to - 60, to)) {
    merged.merge(Distribution.fromBytes(data))
  }
  return merged.summary()
}
