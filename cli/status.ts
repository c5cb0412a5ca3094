// `tailrace status`: is everything well, in one screen or one JSON object. Reads over HTTP, changes nothing.
import type { AgentsAnswer, ClusterAnswer, LossesAnswer, StatsAnswer } from '../analytics/http/contract.ts'
import { exitCodes } from '../runtime/lifecycle.ts'
import { callServer } from './login-link.ts'

export interface StatusReport {
  readonly healthy: boolean
  readonly cluster: ClusterAnswer
  readonly agents: AgentsAnswer['agents']
  readonly linesPerSecond: number | null
  readonly lagRecords: number
  readonly lossesTotal: number
}

/** An agent that has said nothing for this long counts as silent; it reports every 5 s. */
const agentSilentMs = 20_000

export async function readStatus(origin: string, tokenPath: string, nowMs: number): Promise<StatusReport> {
  const read = <Answer>(path: string) => callServer(origin, tokenPath, path, 'GET') as Promise<Answer>
  const [cluster, agents, losses, lines] = await Promise.all([
    read<ClusterAnswer>('/api/v1/cluster'),
    read<AgentsAnswer>('/api/v1/agents'),
    read<LossesAnswer>('/api/v1/losses'),
    read<StatsAnswer>('/api/v1/stats/lines?window=1m'),
  ])
  const counted = lines.rows[0]?.values['value'] ?? null
  const brokersUp = cluster.brokers.length > 0 && cluster.brokers.every(broker => broker.up)
  const agentsLive = agents.agents.every(agent => nowMs - agent.lastSeen < agentSilentMs)
  return {
    healthy: brokersUp && agentsLive,
    cluster,
    agents: agents.agents,
    linesPerSecond: counted === null ? null : counted / 60,
    lagRecords: lines.freshness.lagRecords,
    lossesTotal: losses.totalLines,
  }
}

/** What a person reads; each line a fact, the last one the verdict. */
export function statusText(report: StatusReport, nowMs: number): string {
  const brokers = report.cluster.brokers.map(
    broker => `${broker.id} ${broker.host}:${broker.port} ${broker.up ? 'up' : 'DOWN'}`,
  )
  const agents = report.agents.map(agent => {
    const age = Math.max(0, Math.round((nowMs - agent.lastSeen) / 1_000))
    const rate = `${agent.linesPerSecond.toFixed(1)} lines/s`
    return `${agent.agentId} on ${agent.host}, ${agent.files} files, ${rate}, seen ${age} s ago`
  })
  const lines = [
    `cluster   ${report.cluster.clusterId}`,
    ...brokers.map(broker => `broker    ${broker}`),
    ...(agents.length === 0
      ? ['agents    none has reported yet']
      : agents.map(agent => `agent     ${agent}`)),
    `lines     ${report.linesPerSecond === null ? '–' : report.linesPerSecond.toFixed(1)}/s over the last minute`,
    `lag       ${report.lagRecords} records not counted yet`,
    `losses    ${report.lossesTotal} lines`,
    report.healthy
      ? 'healthy'
      : 'NOT healthy: a broker is down or an agent is silent; see `log/` in the data directory',
  ]
  return `${lines.join('\n')}\n`
}

export function statusExitCode(report: StatusReport): number {
  return report.healthy ? exitCodes.ok : exitCodes.unhealthy
}
