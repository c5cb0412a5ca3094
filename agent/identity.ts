// Names that records carry: the agent's id, minted once and kept beside the credentials, and the src of a range of
// a file: agent id, file id, generation. A generation is random and used for one range only, so no src is ever
// used again, whatever is copied, rolled back or lost. Reads and writes `<data>/agent-id`.
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '../runtime/durable-file.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'

const agentIdPattern = /^[0-9a-z]{8}$/
/** No more than this of the first line tells files apart. */
export const headBytesMax = 1_024

/** Eight characters: 41 bits, enough for the agents of one appliance. */
export function mintAgentId(random: Buffer = randomBytes(8)): string {
  return (random.readBigUInt64BE() % 36n ** 8n).toString(36).padStart(8, '0')
}

export interface AgentIdentity {
  readonly agentId: string
  /** Minted just now: nothing was ever sent under this id. */
  readonly first: boolean
}

/** The id this directory's agent has, or a new one, durable before it is returned. */
export function readAgentIdentity(dataDirectory: string): AgentIdentity {
  const path = join(dataDirectory, 'agent-id')
  try {
    const agentId = readFileSync(path, 'latin1').trim()
    if (agentIdPattern.test(agentId)) return { agentId, first: false }
    throw new ExitError(
      exitCodes.config,
      `Cannot use the agent id in "${path}": it is not 8 characters of 0-9 and a-z. Restore or delete the file`,
    )
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const agentId = mintAgentId()
  writeDurably(path, `${agentId}\n`, 0o600)
  return { agentId, first: true }
}

/** 11 characters of base64url: a 64-bit hash of agent, inode and the first line of the file. */
export function fileIdOf(agentId: string, inode: bigint, firstLine: Uint8Array): string {
  const hash = createHash('sha256').update(`${agentId} ${inode} `, 'latin1').update(firstLine)
  return hash.digest().toString('base64url', 0, 8)
}

/** 11 characters of base64url: 64 random bits. */
export function mintGeneration(): string {
  return randomBytes(8).toString('base64url')
}

/** At most 32 bytes of ASCII, since it goes into every record. */
export function srcOf(agentId: string, fileId: string, generation: string): string {
  return `${agentId}.${fileId}.${generation}`
}

export function fileIdOfSrc(src: string): string {
  return src.slice(9, 20)
}
