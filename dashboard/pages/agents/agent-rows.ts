// Agents as rows: what the fleet says of itself joined with who was enrolled, and how each stands. Pure.
import type { AgentStatus, EnrolledAnswer } from '../../../analytics/http/contract-agents.ts'

/** Agents tell every 5 s. */
const silentAfterMs = 30_000
/** How long one that was removed still stands there. */
const removedForMs = 86_400_000

export interface AgentRow {
  readonly id: string
  readonly name: string
  readonly status: AgentStatus | null
  readonly standing: 'live' | 'silent' | 'failing' | 'awaited' | 'removed'
  readonly outdated: boolean
  readonly enrolled: EnrolledAnswer['agents'][number] | null
}

export function agentRows(
  agents: readonly AgentStatus[],
  { agents: enrolled, removed }: EnrolledAnswer,
  version: string,
  nowMs: number,
): AgentRow[] {
  const byId = new Map(enrolled.map(one => [one.agentId, one]))
  const seen = new Set(agents.map(({ agentId }) => agentId))
  const removals = new Map(removed.map(one => [one.agentId, one]))
  const rows = agents.flatMap((status): AgentRow[] => {
    const silent = nowMs - status.lastSeen > silentAfterMs
    const known = byId.get(status.agentId) ?? null
    // One that is still heard of comes another way, and is what it is.
    const removal = silent && !known ? removals.get(status.agentId) : undefined
    if (removal && nowMs - removal.removedAt > removedForMs) return []
    const failing = status.errors.length > 0 ? 'failing' : 'live'
    const row: AgentRow = {
      id: status.agentId,
      name: known?.name ?? removal?.name ?? status.host,
      status,
      standing: removal ? 'removed' : silent ? 'silent' : failing,
      outdated: !removal && version !== '' && status.version !== version,
      enrolled: known,
    }
    return [row]
  })
  const awaited = enrolled
    .filter(({ agentId }) => !seen.has(agentId))
    .map((one): AgentRow => {
      return {
        id: one.agentId,
        name: one.name,
        status: null,
        standing: 'awaited',
        outdated: false,
        enrolled: one,
      }
    })
  return [...rows, ...awaited]
}

/** `0.3.0-1a2b3c4d` → `0.3.0`. */
export function versionOf(build: string): string {
  return build.replace(/-[0-9a-f]{8}$/, '')
}

/** Who was not there when the invitation was made, and says hello now. */
export function newcomer(before: ReadonlySet<string>, rows: readonly AgentRow[]): AgentRow | null {
  return rows.find(({ id, status }) => status !== null && !before.has(id)) ?? null
}
