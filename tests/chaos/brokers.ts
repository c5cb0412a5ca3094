// The brokers under test: the appliance's own processes under its own supervisor, in a temporary directory, and the
// signals that a test may send them; one broker or several. It also watches who leads what, as any client can.
import { mkdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cluster } from '../../broker/client/cluster.ts'
import { Connection } from '../../broker/client/connection.ts'
import type { BrokerConfig } from '../../broker/config.ts'
import { openSqliteStore } from '../../broker/metadata/sqlite-store.ts'
import type { MetadataStore } from '../../broker/metadata/store.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { errorName } from '../../broker/protocol/errors.ts'
import { type DataDirectory, openDataDirectory } from '../../cli/data-directory.ts'
import { brokerProcess } from '../../cli/processes.ts'
import { type Settings, settingsSchema } from '../../cli/settings.ts'
import { type ProcessSpec, Supervisor } from '../../cli/supervisor.ts'
import { freePort } from '../system/appliance.ts'
import { quietLog } from './quiet-log.ts'

export interface Leadership {
  readonly partition: number
  readonly leader: number
  readonly epoch: number
}

const upTimeoutMs = 30_000
const lookEveryMs = 50

export class Brokers implements AsyncDisposable {
  readonly directory: string
  readonly bootstrap: readonly string[]
  readonly #supervisor: Supervisor
  readonly #specs: readonly ProcessSpec[]
  readonly #ports: readonly number[]
  /** With one broker nobody else would declare the session of a silent one over: any process at the store does. */
  readonly #witness: MetadataStore | null
  #stopped = false

  private constructor(
    directory: string,
    supervisor: Supervisor,
    specs: readonly ProcessSpec[],
    ports: readonly number[],
    witness: MetadataStore | null,
  ) {
    this.directory = directory
    this.#supervisor = supervisor
    this.#specs = specs
    this.#ports = ports
    this.#witness = witness
    this.bootstrap = ports.map(port => `127.0.0.1:${port}`)
  }

  static async start(count: number): Promise<Brokers> {
    const directory = await mkdtemp(join(tmpdir(), 'tailrace-chaos-'))
    const data = openDataDirectory(join(directory, 'data'), {})
    mkdirSync(join(data.path, 'log'))
    const supervisor = new Supervisor(quietLog, join(data.path, 'log'))
    const ports = await Promise.all(Array.from({ length: count }, freePort))
    const specs = specsOf(data, ports)
    await Promise.all(specs.map(spec => supervisor.start(spec)))
    const witness = count === 1 ? await openSqliteStore(join(data.path, 'metadata.db')) : null
    return new Brokers(directory, supervisor, specs, ports, witness)
  }

  /** Ids count from 1, as the supervisor's processes do. */
  get ids(): readonly number[] {
    return this.#specs.map((_, index) => index + 1)
  }

  /** Sends a signal to a process that is up. */
  signal(id: number, signal: NodeJS.Signals): void {
    const pid = this.#supervisor.pidOf(this.#specs[id - 1]!.name)
    if (pid !== undefined) process.kill(pid, signal)
  }

  /** Kills these at the same moment, and resolves when the supervisor has brought them all back. */
  async killAndAwait(ids: readonly number[], signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const before = ids.map(id => this.#supervisor.pidOf(this.#specs[id - 1]!.name))
    for (const id of ids) this.signal(id, signal)
    await Promise.all(ids.map((id, index) => this.#awaitUp(id, before[index])))
  }

  /** Stops the clock of a process for a while. */
  async pause(id: number, forMs: number): Promise<void> {
    this.signal(id, 'SIGSTOP')
    await new Promise(resolve => setTimeout(resolve, forMs))
    this.signal(id, 'SIGCONT')
  }

  /** Nothing is stopped, everything answers. */
  async heal(): Promise<void> {
    for (const id of this.ids) this.signal(id, 'SIGCONT')
    await Promise.all(this.ids.map(id => this.#awaitUp(id, undefined)))
  }

  /** Where each keeps its log. */
  get directories(): readonly string[] {
    return this.#specs.map(spec => (spec.config as BrokerConfig).dataDirectory)
  }

  /** Cleanly and for good, so that their files can be read at rest. */
  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    await this.#witness?.close()
    await this.#supervisor.stop()
  }

  async createTopic(name: string, partitions: number): Promise<void> {
    const copies = Math.min(3, this.#specs.length)
    const configs = copies === 3 ? [{ name: 'min.insync.replicas', value: '2' }] : []
    const cluster = new Cluster({ bootstrap: this.bootstrap, clientId: 'chaos-admin' })
    try {
      await cluster.refresh([])
      const connection = await cluster.connectionTo(cluster.controllerId).catch(() => cluster.anyConnection())
      const topic = { name, numPartitions: partitions, replicationFactor: copies, assignments: [], configs }
      const answer = await connection.request(apis.createTopics, { topics: [topic], timeoutMs: 10_000 })
      const error = errorName(answer.topics[0]!.errorCode)
      if (error !== 'none') throw new Error(`Cannot create the topic ${name}: ${error}`)
      do await cluster.refresh([name])
      while (Array.from({ length: partitions }, (_, index) => cluster.leaderOf(name, index)).includes(-1))
    } finally {
      cluster.close()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.ids) this.signal(id, 'SIGCONT')
    await this.stop()
    await rm(this.directory, { recursive: true, force: true })
  }

  async #awaitUp(id: number, before: number | undefined): Promise<void> {
    const { name } = this.#specs[id - 1]!
    const deadlineMs = performance.now() + upTimeoutMs
    while (performance.now() < deadlineMs) {
      const pid = this.#supervisor.pidOf(name)
      if (pid !== undefined && pid !== before && (await answers(this.#ports[id - 1]!))) return
      await new Promise(resolve => setTimeout(resolve, lookEveryMs))
    }
    throw new Error(`${name} did not come back within ${upTimeoutMs} ms`)
  }
}

/** Follows who leads each partition of a topic until it is closed. */
export class LeaderWatch {
  readonly #cluster: Cluster
  readonly #topic: string
  readonly #onChange: (change: Leadership) => void
  readonly #known = new Map<number, Leadership>()
  #timer: NodeJS.Timeout | null = null
  #closed = false

  constructor(bootstrap: readonly string[], topic: string, onChange: (change: Leadership) => void) {
    this.#cluster = new Cluster({ bootstrap, clientId: 'chaos-watch', requestTimeoutMs: 1_000 })
    this.#topic = topic
    this.#onChange = onChange
    void this.#look()
  }

  get controllerId(): number {
    return this.#cluster.controllerId
  }

  leaders(): readonly Leadership[] {
    return [...this.#known.values()]
  }

  close(): void {
    this.#closed = true
    if (this.#timer) clearTimeout(this.#timer)
    this.#cluster.close()
  }

  async #look(): Promise<void> {
    await this.#cluster.refresh([this.#topic]).catch(() => {})
    for (const { index, leaderId, leaderEpoch } of this.#cluster.topic(this.#topic)?.partitions ?? []) {
      const now = { partition: index, leader: leaderId, epoch: leaderEpoch }
      const before = this.#known.get(index)
      // A broker that has not heard yet may tell of an older leader: only a later epoch is news.
      if (leaderId < 0 || (before && leaderEpoch <= before.epoch)) continue
      this.#known.set(index, now)
      if (before) this.#onChange(now)
    }
    if (!this.#closed) this.#timer = setTimeout(() => void this.#look(), 4 * lookEveryMs)
  }
}

/** The product's own, each on a port that was free wherever it is: ports side by side may not be. */
function specsOf(data: DataDirectory, ports: readonly number[]): ProcessSpec[] {
  const defaults = settingsSchema.parse({ data: data.path, hostMetrics: false })
  const settings: Settings = { ...defaults, segmentBytes: 2 ** 20 }
  return ports.map((port, index) => {
    const spec = brokerProcess(settings, data, index + 1, ports.length)
    return { ...spec, config: { ...(spec.config as BrokerConfig), port } }
  })
}

async function answers(port: number): Promise<boolean> {
  try {
    const options = { host: '127.0.0.1', port, clientId: 'chaos-admin', connectTimeoutMs: 1_000 }
    const connection = await Connection.open(options)
    connection.close()
    return true
  } catch {
    return false
  }
}
