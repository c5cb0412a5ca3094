// How a host becomes an agent of this appliance: an administrator asks for a line to paste, the line's token is used
// once from the host, a Kafka user that may only produce is made for it, and taken away when it is removed.
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Cluster } from '../../broker/client/cluster.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import type { AgentStatus } from '../http/contract.ts'
import { ProblemError, shown } from '../queries/problem.ts'
import { Attempts } from './attempts.ts'
import type { EnrolledAgent, Enrolments, RemovedAgent } from './enrolments.ts'
import { installScript } from './install-script.ts'
import { agentPackages } from './packages.ts'
import { addProducingUser, agentMechanism, removeProducingUser } from './producing-user.ts'

/** What hosts elsewhere reach; from the configuration, with the port that was opened. */
export interface OpenDoor {
  readonly origin: string
  readonly authorityPath: string
  readonly kafka: readonly string[]
  readonly keySeedPath: string
  readonly packagesDirectory: string
}

export interface JoinInvitation {
  /** To be pasted into a shell of the host. */
  readonly line: string
  /** Its part that `tailrace agent join` takes. */
  readonly code: string
  readonly expiresAt: number
  readonly fingerprint: string
  /** SHA-256 of the script that the line runs. */
  readonly checksum: string
}

export interface Applicant {
  readonly token: string
  readonly host: string
  readonly agentId: string
}

/** What was removed; user and moment are null of an agent that never joined. */
export interface RemovedAnswer {
  readonly user: string | null
  readonly name: string
  readonly host: string
  readonly agentId: string
  readonly enrolledAt: number | null
}

export interface EnrolAnswer {
  readonly name: string
  readonly bootstrap: readonly string[]
  readonly ca: string
  readonly user: string
  readonly password: string
  readonly mechanism: string
  readonly keySeed: string
}

/** What an agent tells of itself; every agent may write them. */
const ownTopics = ['__tailrace_losses', '__tailrace_agents'] as const

export interface EnrollingOptions {
  readonly enrolments: Enrolments
  readonly cluster: Cluster
  readonly clock: Clock
  readonly log: Log
  /** What an agent has told of itself, whether it joined or not. */
  reported(agentId: string): Pick<AgentStatus, 'host' | 'lastSeen'> | null
  /** Null while nobody elsewhere can reach this appliance. */
  door(): OpenDoor | null
}

export class Enrolling {
  readonly #options: EnrollingOptions
  readonly #attempts = new Attempts()

  constructor(options: EnrollingOptions) {
    this.#options = options
  }

  invite(name: string | null, expiresInMs: number, topics: readonly string[]): JoinInvitation {
    const { enrolments } = this.#options
    const door = this.#door()
    const { token, expiresAt } = enrolments.makeToken({ name, expiresInMs, topics })
    const fingerprint = fingerprintOf(readFileSync(door.authorityPath, 'utf8'))
    const code = joinCode({ origin: door.origin, fingerprint, token, expiresAt })
    const checksum = createHash('sha256').update(this.script()).digest('hex')
    const file = 'tailrace-install.sh'
    // -k: who answers is not known yet. The checksum decides whether what came is run.
    const line =
      `curl -fsSk ${door.origin}/install.sh -o ${file} && echo '${checksum}  ${file}' | sha256sum -c - && ` +
      `echo ${code} | sudo sh ${file} install`
    return { line, code, expiresAt, fingerprint, checksum }
  }

  script(): string {
    const { origin, packagesDirectory } = this.#door()
    return installScript(origin, agentPackages(packagesDirectory))
  }

  packagePath(name: string): string | null {
    return agentPackages(this.#door().packagesDirectory).find(({ file }) => file === name)?.path ?? null
  }

  /** Throws a problem for a token that is not good, or an address that tries too often. */
  async enrol(applicant: Applicant, address: string): Promise<EnrolAnswer> {
    const { enrolments, cluster, clock, log } = this.#options
    const door = this.#door()
    const now = clock.wallMs()
    const waitMs = this.#attempts.take(address, now)
    if (waitMs !== null) {
      const detail = `Too many attempts. Try again in ${Math.ceil(waitMs / 1_000)} s.`
      throw new ProblemError(429, 'too-many-attempts', 'Too many attempts', detail)
    }
    const grant = enrolments.take(applicant.token)
    if (!grant) {
      log.warn('an enrolment was refused', { address })
      const detail = 'This token was used, has expired or is not ours. Make another: tailrace agents add'
      throw new ProblemError(401, 'token-refused', 'The token is not good', detail)
    }
    const user = `agent-${randomBytes(6).toString('hex')}`
    const password = randomBytes(24).toString('base64url')
    try {
      await addProducingUser(cluster, user, password, [...grant.topics, ...ownTopics])
    } catch (error) {
      enrolments.giveBack(grant)
      log.error('an agent could not be enrolled', { address, error })
      const detail = 'The broker does not answer, or refuses. The token stays good: try again.'
      throw new ProblemError(503, 'broker-away', 'No broker to enrol with', detail)
    }
    const { host, agentId } = applicant
    const name = grant.name ?? host
    enrolments.add({ user, name, host, agentId, enrolledAt: now })
    log.info('an agent has joined', { name, host, agentId, user, address })
    return {
      name,
      bootstrap: door.kafka,
      ca: readFileSync(door.authorityPath, 'utf8'),
      user,
      password,
      mechanism: agentMechanism,
      keySeed: readFileSync(door.keySeedPath, 'utf8').trim(),
    }
  }

  list(): readonly EnrolledAgent[] {
    return this.#options.enrolments.list()
  }

  /** Those that have not come back. */
  removed(): readonly RemovedAgent[] {
    return this.#options.enrolments
      .removed()
      .filter(({ agentId }) => this.isRemoved(agentId, this.#options.reported(agentId)?.lastSeen ?? 0))
  }

  isRemoved(agentId: string, lastSeenMs: number): boolean {
    return this.#options.enrolments.isRemoved(agentId, lastSeenMs)
  }

  /**
   * By user, agent id, or a name that is one agent's alone. Its connections end. One that never joined, by its agent
   * id, has no rights to lose: it is only not expected any more.
   */
  async remove(word: string): Promise<RemovedAnswer> {
    const { enrolments, cluster, log } = this.#options
    const found = enrolments.find(word)
    const [agent] = found
    if (!agent) {
      const local = this.#options.reported(word)
      if (local) return this.#forget(word, local.host)
      const detail = `There is no agent "${shown(word)}". See: tailrace agents list`
      throw new ProblemError(404, 'unknown-agent', 'Unknown agent', detail)
    }
    if (found.length > 1) {
      const users = found.map(({ user }) => user).join(', ')
      const detail = `${found.length} agents are called "${shown(word)}": name one of ${users}.`
      throw new ProblemError(409, 'several-agents', 'Several agents', detail)
    }
    await removeProducingUser(cluster, agent.user)
    enrolments.remove(agent.user)
    log.info('an agent was removed', { name: agent.name, user: agent.user })
    return agent
  }

  #forget(agentId: string, host: string): RemovedAnswer {
    this.#options.enrolments.forget(agentId, host)
    this.#options.log.info('an agent that never joined is not expected any more', { agentId, host })
    return { user: null, name: host, host, agentId, enrolledAt: null }
  }

  #door(): OpenDoor {
    const door = this.#options.door()
    if (door) return door
    const detail = 'Only this machine is served. Let others in with: tailrace up --public HOST'
    throw new ProblemError(409, 'not-public', 'Not open to others', detail)
  }
}

interface JoinCodeFields {
  readonly origin: string
  readonly fingerprint: string
  readonly token: string
  readonly expiresAt: number
}

/** All that a host has to know, in letters that survive every shell. */
export function joinCode({ origin, fingerprint, token, expiresAt }: JoinCodeFields): string {
  const fields = [origin, fingerprint, token, expiresAt]
  return `trj1.${Buffer.from(JSON.stringify(fields)).toString('base64url')}`
}

/** SHA-256 of the certificate itself, in hexadecimal digits. */
function fingerprintOf(pem: string): string {
  const body = /-----BEGIN CERTIFICATE-----([\s\S]+?)-----END CERTIFICATE-----/.exec(pem)?.[1] ?? ''
  return createHash('sha256').update(Buffer.from(body, 'base64')).digest('hex')
}
