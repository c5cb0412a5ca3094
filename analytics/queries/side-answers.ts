// The ledger and the agents, as the API answers them.
import type { AgentStatus, AgentsAnswer, LossesAnswer } from '../http/contract.ts'
import type { Rows } from './rows.ts'

export function lossesAnswer(rows: Rows, limit: number): LossesAnswer {
  return { totalLines: rows.lossTotal(), entries: rows.losses(limit) }
}

export function agentsAnswer(rows: Rows): AgentsAnswer {
  const agents = rows
    .agents()
    .map(({ lastSeen, status }) => ({ ...(JSON.parse(status) as AgentStatus), lastSeen }))
  return { agents }
}
