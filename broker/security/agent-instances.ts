// Of two live instances of one agent only the first may write: each numbers bytes of the same files, and mixed
// they would be taken for repeats. Agents say who they are in their client id, `tailrace-agent/<id>/<nonce>`.
// Pure bookkeeping: connections come and go, time is handed in.

const prefix = 'tailrace-agent/'

export interface AgentName {
  readonly agentId: string
  readonly nonce: string
}

/** Null for clients that are not agents. */
export function parseAgentName(clientId: string): AgentName | null {
  if (!clientId.startsWith(prefix)) return null
  const slash = clientId.indexOf('/', prefix.length)
  if (slash < 0 || slash === prefix.length || slash === clientId.length - 1) return null
  return { agentId: clientId.slice(prefix.length, slash), nonce: clientId.slice(slash + 1) }
}

interface Instance {
  readonly nonce: string
  readonly connections: Set<object>
  lastHeardMs: number
}

/**
 * An instance that is silent this long does not keep another out: its host may be gone without a word. A killed
 * process needs no such patience, the kernel closes its sockets.
 */
export const silenceMs = 10_000

export class AgentInstances {
  /** Who may write for an agent. */
  readonly #holders = new Map<string, Instance>()
  readonly #agentOf = new Map<object, string>()

  /**
   * May this connection write for the agent it names? Claims the agent if nobody holds it. Called per request of
   * an agent, so it also keeps the holder's claim fresh.
   */
  admits(connection: object, name: AgentName, nowMs: number): boolean {
    let holder = this.#holders.get(name.agentId)
    if (holder && holder.nonce !== name.nonce) {
      const isAlive = holder.connections.size > 0 && nowMs - holder.lastHeardMs <= silenceMs
      if (isAlive) return false
      for (const old of holder.connections) this.#agentOf.delete(old)
      holder = undefined
    }
    if (!holder) {
      holder = { nonce: name.nonce, connections: new Set(), lastHeardMs: nowMs }
      this.#holders.set(name.agentId, holder)
    }
    holder.connections.add(connection)
    holder.lastHeardMs = nowMs
    this.#agentOf.set(connection, name.agentId)
    return true
  }

  gone(connection: object): void {
    const agentId = this.#agentOf.get(connection)
    if (agentId === undefined) return
    this.#agentOf.delete(connection)
    const holder = this.#holders.get(agentId)
    if (!holder?.connections.delete(connection)) return
    if (holder.connections.size === 0) this.#holders.delete(agentId)
  }
}
