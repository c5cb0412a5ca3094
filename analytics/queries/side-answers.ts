// The ledger and the agents, as the API answers them.
import type { AgentStatus, AgentsAnswer, LossesAnswer } from '../http/contract.ts'
import type { AgentAnswer, AgentFile } from '../http/contract-agents.ts'
import { type Cursor, cursorText } from './cursor.ts'
import { allLosses, type LossChoice, type Rows } from './rows.ts'

/** Newest first; `after` is time and key of the last entry of the page before. */
export function lossesAnswer(
  rows: Rows,
  limit: number,
  after: Cursor | null = null,
  choice: LossChoice = allLosses,
): LossesAnswer {
  const place = after === null ? null : ([Number(after[0]), String(after[1])] as const)
  const found = rows.losses(limit + 1, place, choice)
  const listed = found.slice(0, limit)
  const last = listed.at(-1)
  const next = found.length > limit && last ? cursorText([last.at, last.key]) : null
  return {
    totalLines: rows.lossTotal(),
    reasons: rows.lossReasons(choice),
    next,
    entries: listed.map(({ key: _key, ...entry }) => entry),
  }
}

/** Without their files: those are asked for one agent at a time. */
export function agentsAnswer(rows: Rows): AgentsAnswer {
  return { agents: rows.agents().map(({ lastSeen, status }) => agentStatus(status, lastSeen)) }
}

function agentStatus(text: string, lastSeen: number): AgentStatus {
  const { fileStatuses: _, ...status } = JSON.parse(text) as AgentStatus & { fileStatuses?: unknown }
  return { ...notTold, ...status, lastSeen }
}

/** Of agents of an earlier version. */
const notTold = { bytesPerSecond: null, behindMs: null, linesLeftOut: null, worstFile: null }

const lossesOfAgent = 20

/** Null where there is no such agent. */
export function agentAnswer(rows: Rows, agentId: string): AgentAnswer | null {
  const found = rows.agent(agentId)
  if (!found) return null
  const { fileStatuses = [] } = JSON.parse(found.status) as { fileStatuses?: AgentFile[] }
  const losses = rows.lossesOf(agentId, lossesOfAgent)
  return { ...agentStatus(found.status, found.lastSeen), fileStatuses, losses }
}
