// `tailrace status`: is everything well, in one screen or one JSON object. Reads over HTTP, changes nothing.
import type {
  AgentsAnswer,
  BrokerStatus,
  ClusterAnswer,
  Election,
  LossesAnswer,
  StatsAnswer,
} from '../analytics/http/contract.ts'
import type { EnrolledAnswer } from '../analytics/http/contract-agents.ts'
import { exitCodes } from '../runtime/lifecycle.ts'
import { bytesText } from './cluster-status.ts'
import { callServer } from './login-link.ts'

export interface StatusReport {
  readonly healthy: boolean
  /** What is wrong, one sentence each; empty when all is well. */
  readonly problems: readonly string[]
  readonly brokersUp: number
  readonly brokersDown: number
  readonly underReplicated: number
  readonly cluster: ClusterAnswer
  readonly agents: AgentsAnswer['agents']
  readonly linesPerSecond: number | null
  readonly lagRecords: number
  readonly lossesTotal: number
}

/** What the server answered, before it is judged. */
export interface StatusFacts {
  readonly cluster: ClusterAnswer
  readonly agents: AgentsAnswer
  /** They are silent because they were removed. */
  readonly removed: EnrolledAnswer['removed']
  readonly losses: Pick<LossesAnswer, 'totalLines'>
  readonly lines: Pick<StatsAnswer, 'rows' | 'freshness'>
}

/** An agent that has said nothing for this long counts as silent; it reports every 5 s. */
const agentSilentMs = 20_000
const electionsShown = 3

export async function readStatus(origin: string, tokenPath: string, nowMs: number): Promise<StatusReport> {
  const read = <Answer>(path: string) => callServer(origin, tokenPath, path, 'GET') as Promise<Answer>
  const [cluster, agents, enrolled, losses, lines] = await Promise.all([
    read<ClusterAnswer>('/api/v1/cluster'),
    read<AgentsAnswer>('/api/v1/agents'),
    read<EnrolledAnswer>('/api/v1/agents/enrolled'),
    read<LossesAnswer>('/api/v1/losses'),
    read<StatsAnswer>('/api/v1/stats/lines?window=1m'),
  ])
  return judge({ cluster, agents, removed: enrolled.removed, losses, lines }, nowMs)
}

export function judge(facts: StatusFacts, nowMs: number): StatusReport {
  const { cluster, losses, lines } = facts
  const agents = expected(facts.agents.agents, facts.removed, nowMs)
  const counted = lines.rows[0]?.values['value'] ?? null
  const problems = [...brokerProblems(cluster), ...partitionProblems(cluster)]
  for (const { agentId, host, lastSeen } of agents) {
    if (nowMs - lastSeen < agentSilentMs) continue
    const since = `agent ${agentId} on ${host} has been silent for ${age(nowMs - lastSeen)}`
    problems.push(`${since}; if it is not to come back: tailrace agents remove ${agentId}`)
  }
  return {
    healthy: problems.length === 0,
    problems,
    brokersUp: cluster.brokers.filter(broker => broker.up).length,
    brokersDown: cluster.brokers.filter(broker => !broker.up).length,
    underReplicated: cluster.partitionCounts.underReplicated,
    cluster,
    agents,
    linesPerSecond: counted === null ? null : counted / 60,
    lagRecords: lines.freshness.lagRecords,
    lossesTotal: losses.totalLines,
  }
}

/** Without those that are silent because they were removed. */
export function expected(
  agents: AgentsAnswer['agents'],
  removed: EnrolledAnswer['removed'],
  nowMs: number,
): AgentsAnswer['agents'] {
  const ids = new Set(removed.map(({ agentId }) => agentId))
  return agents.filter(({ agentId, lastSeen }) => !ids.has(agentId) || nowMs - lastSeen < agentSilentMs)
}

function brokerProblems({ brokers }: ClusterAnswer): string[] {
  if (brokers.length === 0) return ['no broker has been reached yet']
  if (brokers.every(({ up }) => !up)) return ['no broker answers']
  const down = brokers
    .filter(({ up, replicas }) => !up && replicas > 0)
    .map(({ id, since }) => `broker ${id} is down since ${clock(since)}`)
  const full = brokers
    .filter(({ up, diskFreeBytes }) => up && diskFreeBytes === 0)
    .map(({ id }) => `broker ${id} has no room for more: its disk is full, or its log at the cap`)
  return [...down, ...full]
}

function partitionProblems({ partitionCounts }: ClusterAnswer): string[] {
  const { underReplicated, underMinIsr, offline } = partitionCounts
  return [
    ...(offline > 0 ? [`${partitions(offline)} without a leader`] : []),
    ...(underMinIsr > 0
      ? [`${partitions(underMinIsr)} with fewer replicas in sync than acks=all needs`]
      : []),
    ...(underReplicated > 0 ? [`${partitions(underReplicated)} under-replicated`] : []),
  ]
}

/** What a person reads; each line a fact, the last one the verdict. */
export function statusText(report: StatusReport, nowMs: number): string {
  const { cluster } = report
  const { total, underReplicated, underMinIsr, offline } = cluster.partitionCounts
  const lacking = `${underReplicated} under-replicated, ${underMinIsr} under min ISR, ${offline} offline`
  const agents = report.agents.map(agent => {
    const rate = `${agent.linesPerSecond.toFixed(1)} lines/s`
    return `${agent.agentId} on ${agent.host}, ${agent.files} files, ${rate}, seen ${age(nowMs - agent.lastSeen)} ago`
  })
  const lines = [
    `cluster   ${cluster.clusterId}, ${report.brokersUp} of ${cluster.brokers.length} brokers up`,
    ...cluster.brokers.map(broker => `broker    ${brokerText(broker, cluster.controllerId, nowMs)}`),
    `copies    ${total} partitions, ${lacking}`,
    ...electionTexts(cluster.elections, nowMs),
    ...(agents.length === 0
      ? ['agents    none has reported yet']
      : agents.map(agent => `agent     ${agent}`)),
    `lines     ${report.linesPerSecond === null ? '–' : report.linesPerSecond.toFixed(1)}/s over the last minute`,
    `lag       ${report.lagRecords} records not counted yet`,
    `losses    ${report.lossesTotal} lines`,
    ...report.problems.map(problem => `wrong     ${problem}`),
    report.healthy ? 'healthy' : 'degraded',
  ]
  return `${lines.join('\n')}\n`
}

export function statusExitCode(report: StatusReport): number {
  return report.healthy ? exitCodes.ok : exitCodes.unhealthy
}

function brokerText(broker: BrokerStatus, controllerId: number, nowMs: number): string {
  const { id, host, port, up, since, leaders, replicas, inSync, diskBytes, diskFreeBytes } = broker
  const address = host === '' ? 'never seen' : `${host}:${port}`
  if (!up) return `${id} ${address} DOWN for ${age(nowMs - since)}`
  const controller = id === controllerId ? ', controller' : ''
  const isDiskKnown = diskBytes !== null && diskFreeBytes !== null
  const disk = isDiskKnown ? `, holds ${bytesText(diskBytes)}, room for ${bytesText(diskFreeBytes)}` : ''
  return `${id} ${address} up, leads ${leaders}, ${inSync} of ${replicas} replicas in sync${disk}${controller}`
}

/** A broker that goes gives up many partitions at once: those of one moment are one line. */
function electionTexts(elections: readonly Election[], nowMs: number): string[] {
  const groups = Map.groupBy(elections, ({ at, from, to, reason }) => `${at} ${from} ${to} ${reason}`)
  return [...groups.values()].slice(0, electionsShown).map(group => {
    const { at, topic, partition, from, to, reason } = group[0]!
    const what = group.length === 1 ? `${topic}-${partition}` : partitions(group.length)
    return `elected   ${age(nowMs - at)} ago, ${what}: broker ${from} → ${to}${why(reason)}`
  })
}

const reasons = {
  leaderDown: 'went down',
  leaderStopped: 'was stopped',
  restarted: 'started again',
  preferred: 'back to the preferred leader',
  moved: 'moved to other brokers',
} as const

function why(reason: keyof typeof reasons | null): string {
  return reason === null ? '' : ` (${reasons[reason]})`
}

function partitions(count: number): string {
  return count === 1 ? '1 partition' : `${count} partitions`
}

function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  if (seconds < 120) return `${seconds} s`
  return seconds < 7_200 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3_600)} h`
}

/** With its zone: who reads it may sit elsewhere. */
function clock(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`
}
