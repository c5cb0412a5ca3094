// The ledger and the agents, as the API answers them.
import type { AgentStatus, AgentsAnswer, LossesAnswer } from '../http/contract.ts'
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

export function agentsAnswer(rows: Rows): AgentsAnswer {
  const agents = rows
    .agents()
    .map(({ lastSeen, status }) => ({ ...(JSON.parse(status) as AgentStatus), lastSeen }))
  return { agents }
}
