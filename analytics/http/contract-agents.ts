// The contract between the server and its page, continued: agents and their files. Types only, erased at run time.

/** GET /agents and the live topic 'agents'. */
export interface AgentsAnswer {
  readonly agents: readonly AgentStatus[]
}

/** The value of a record of `__tailrace_agents`, as the agent writes it every 5 s, plus when it was last seen. */
export interface AgentStatus {
  readonly agentId: string
  readonly host: string
  readonly version: string
  readonly lastSeen: number
  readonly files: number
  readonly linesPerSecond: number
  readonly bytesBehind: number
  readonly errors: readonly string[]
  /** These four are null of agents that do not tell them. */
  readonly bytesPerSecond: number | null
  /** Of the file that is longest behind: since when it was not read and acknowledged to its end. */
  readonly behindMs: number | null
  /** By filters and sampling, since it was started. */
  readonly linesLeftOut: number | null
  /** The file that is furthest behind, or else the busiest. */
  readonly worstFile: string | null
}

/** GET /agents/{agent} */
export interface AgentAnswer extends AgentStatus {
  /** Those with errors and the busiest, at most 200. */
  readonly fileStatuses: readonly AgentFile[]
  /** What it lost or skipped, newest first, at most 20. */
  readonly losses: readonly AgentLoss[]
}

export interface AgentLoss {
  readonly at: number
  readonly reason: string
  readonly lines: number | null
  readonly detail: string
}

export interface AgentFile {
  readonly path: string
  readonly topic: string | null
  /** What was decided from its first lines; null before there is one. */
  readonly format: string | null
  readonly sizeBytes: number
  readonly bytesPerSecond: number
  readonly bytesBehind: number
  readonly behindMs: number
  /** When something of it was last acknowledged, within 5 s; null if not since the agent started. */
  readonly lastLineAt: number | null
  readonly gone: boolean
  readonly error: string | null
}

/** GET /agents/enrolled */
export interface EnrolledAnswer {
  readonly agents: readonly {
    readonly user: string
    readonly name: string
    readonly host: string
    readonly agentId: string
    readonly enrolledAt: number
  }[]
  /** Whose credentials were taken away, newest first. */
  readonly removed: readonly {
    readonly agentId: string
    readonly name: string
    readonly removedAt: number
  }[]
}

/** POST /agents/invitations */
export interface InvitationAnswer {
  /** To be pasted into a shell of the host. */
  readonly line: string
  readonly code: string
  readonly expiresAt: number
  readonly fingerprint: string
  readonly checksum: string
}
