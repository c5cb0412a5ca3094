// The brokers under test, processes of the product's own in a temporary directory, over a metadata store in a file or
// in ZooKeeper, each in a namespace where that is allowed; and what a test may do to them, all of which heal() undoes.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Cluster } from '../../broker/client/cluster.ts'
import { Connection } from '../../broker/client/connection.ts'
import type { BrokerConfig } from '../../broker/config.ts'
import { openSqliteStore } from '../../broker/metadata/sqlite-store.ts'
import type { MetadataStore } from '../../broker/metadata/store.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { errorName } from '../../broker/protocol/errors.ts'
import { freePort } from '../system/appliance.ts'
import { BrokerProcess } from './broker-process.ts'
import { CpuQuota } from './cpu-quota.ts'
import { Ensemble, type MemberPlace } from './ensemble.ts'
import { Network } from './network.ts'

export type StoreKind = 'sqlite' | 'zookeeper'

export interface BrokersOptions {
  readonly count: number
  readonly store: StoreKind
  /** Small ones, so that there are some that nobody writes to any more. */
  readonly segmentBytes?: number
}

interface Endpoint {
  readonly host: string
  readonly port: number
}

const entry = join(dirname(fileURLToPath(import.meta.url)), 'clocked-broker.ts')
const upTimeoutMs = 60_000
const lookEveryMs = 50
const memberCount = 3
/** In a namespace of its own everybody may have the same. */
const ports = { broker: 9_092, store: 2_181, quorum: [2_888, 3_888] } as const

export class Brokers implements AsyncDisposable {
  readonly directory: string
  readonly store: StoreKind
  readonly ensemble: Ensemble | null
  /** Or why there is none. */
  readonly network: Network | string
  readonly cpu: CpuQuota | string
  readonly #endpoints: readonly Endpoint[]
  readonly #processes: readonly BrokerProcess[]
  /** With one broker nobody else would declare the session of a silent one over: any process at the store does. */
  #witness: MetadataStore | null = null
  #stopped = false

  private constructor(directory: string, { store }: BrokersOptions, parts: Parts) {
    this.directory = directory
    this.store = store
    this.ensemble = parts.ensemble
    this.network = parts.network
    this.#endpoints = parts.endpoints
    this.#processes = parts.processes
    this.cpu = CpuQuota.open()
  }

  static async start(options: BrokersOptions): Promise<Brokers> {
    const directory = await mkdtemp(join(tmpdir(), 'tailrace-chaos-'))
    const names = namesOf(options)
    const network = await Network.open([...names.brokers, ...names.members, 'clients'])
    if (typeof network !== 'string') network.enter('clients')
    let brokers: Brokers | null = null
    let ensemble: Ensemble | null = null
    try {
      if (options.store === 'zookeeper') {
        ensemble = await Ensemble.start(join(directory, 'ensemble'), await placesOf(network, names.members))
      }
      const endpoints = await Promise.all(names.brokers.map(name => endpointOf(network, name)))
      const processes = processesOf(directory, options, network, ensemble, endpoints)
      brokers = new Brokers(directory, options, { network, ensemble, endpoints, processes })
      await brokers.heal()
      if (options.count === 1 && options.store === 'sqlite')
        brokers.#witness = await openSqliteStore(brokers.metadataPath)
      return brokers
    } catch (error) {
      if (brokers) await brokers[Symbol.asyncDispose]()
      else {
        ensemble?.close()
        if (typeof network !== 'string') network.close()
      }
      throw error
    }
  }

  /** Ids count from 1, as the appliance's do. */
  get ids(): readonly number[] {
    return this.#processes.map((_, index) => index + 1)
  }

  get bootstrap(): readonly string[] {
    return this.#endpoints.map(({ host, port }) => `${host}:${port}`)
  }

  /** What brokers are told of the store: a file, or the addresses of the ensemble. */
  get metadataPath(): string {
    return this.ensemble?.address ?? join(this.directory, 'metadata.db')
  }

  /** Where each keeps its log. */
  get directories(): readonly string[] {
    return this.ids.map(id => this.directoryOf(id))
  }

  directoryOf(id: number): string {
    return join(this.directory, `broker-${id}`)
  }

  endpointOf(id: number): Endpoint {
    return this.#endpoints[id - 1]!
  }

  pidOf(id: number): number | undefined {
    return this.#processes[id - 1]!.pid
  }

  /** How often brokers ended though nobody had asked. */
  get deaths(): readonly string[] {
    return this.ids
      .filter(id => this.#processes[id - 1]!.deaths > 0)
      .map(id => `broker-${id} ended by itself, ${this.#processes[id - 1]!.deaths} times`)
  }

  /** Sends a signal to a process that is up. */
  signal(id: number, signal: NodeJS.Signals): void {
    this.#processes[id - 1]!.signal(signal)
  }

  /** Kills these at the same moment, and resolves when they are all back. */
  async killAndAwait(ids: readonly number[], signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    for (const id of ids) this.signal(id, signal)
    await Promise.all(ids.map(id => this.#awaitUp(id)))
  }

  /** Stops the clock of a process for a while. */
  async pause(id: number, forMs: number): Promise<void> {
    this.signal(id, 'SIGSTOP')
    await new Promise(resolve => setTimeout(resolve, forMs))
    this.signal(id, 'SIGCONT')
  }

  /** Does something to the files of one that is down, and resolves when it is back. */
  async whileDown<T>(id: number, act: (directory: string) => T): Promise<T> {
    const process = this.#processes[id - 1]!
    await process.hold('SIGKILL')
    const done = act(this.directoryOf(id))
    process.release()
    await this.#awaitUp(id)
    return done
  }

  /** Its wall clock is wrong by this from now on. */
  setClock(id: number, wrongByMs: number): void {
    writeFileSync(clockPath(this.directory, id), String(wrongByMs))
  }

  /** Nothing is stopped, cut off, slow or wrong; everything answers. */
  async heal(): Promise<void> {
    if (typeof this.network !== 'string') this.network.heal()
    if (typeof this.cpu !== 'string') this.cpu.heal()
    await this.ensemble?.heal()
    for (const id of this.ids) {
      rmSync(clockPath(this.directory, id), { force: true })
      this.signal(id, 'SIGCONT')
      this.#processes[id - 1]!.release()
    }
    await Promise.all(this.ids.map(id => this.#awaitUp(id)))
  }

  /** Resolves when every replica is in sync: true, or false when that takes too long. */
  async inSync(timeoutMs: number): Promise<boolean> {
    const cluster = new Cluster({
      bootstrap: this.bootstrap,
      clientId: 'chaos-admin',
      requestTimeoutMs: 3_000,
    })
    const deadlineMs = performance.now() + timeoutMs
    try {
      while (performance.now() < deadlineMs) {
        const connection = await cluster.anyConnection().catch(() => null)
        const answer = await connection?.request(apis.metadata, { topics: null }).catch(() => null)
        const partitions = answer?.topics.flatMap(topic => topic.partitions) ?? []
        const isFull = partitions.every(
          ({ isrNodes, replicaNodes }) => isrNodes.length === replicaNodes.length,
        )
        if (partitions.length > 0 && isFull) return true
        await new Promise(resolve => setTimeout(resolve, 4 * lookEveryMs))
      }
      return false
    } finally {
      cluster.close()
    }
  }

  /** Cleanly and for good, so that their files can be read at rest. */
  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    await this.#witness?.close()
    await Promise.all(this.#processes.map(process => process.stop()))
    this.ensemble?.close()
    if (typeof this.cpu !== 'string') this.cpu.heal()
    if (typeof this.network !== 'string') this.network.close()
  }

  async createTopic(name: string, partitions: number): Promise<void> {
    const copies = Math.min(3, this.ids.length)
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
    await this.stop()
    await rm(this.directory, { recursive: true, force: true })
  }

  async #awaitUp(id: number): Promise<void> {
    const deadlineMs = performance.now() + upTimeoutMs
    await this.#processes[id - 1]!.ready(upTimeoutMs)
    while (performance.now() < deadlineMs) {
      if (await answers(this.#endpoints[id - 1]!)) return
      await new Promise(resolve => setTimeout(resolve, lookEveryMs))
    }
    throw new Error(`broker-${id} did not answer within ${upTimeoutMs} ms`)
  }
}

interface Parts {
  readonly network: Network | string
  readonly ensemble: Ensemble | null
  readonly endpoints: readonly Endpoint[]
  readonly processes: readonly BrokerProcess[]
}

export function brokerName(id: number): string {
  return `broker-${id}`
}

export function memberName(member: number): string {
  return `store-${member}`
}

function namesOf({ count, store }: BrokersOptions) {
  const named = (length: number, name: (id: number) => string) =>
    Array.from({ length }, (_, index) => name(index + 1))
  return {
    brokers: named(count, brokerName),
    members: named(store === 'zookeeper' ? memberCount : 0, memberName),
  }
}

async function endpointOf(network: Network | string, name: string): Promise<Endpoint> {
  if (typeof network === 'string') return { host: '127.0.0.1', port: await freePort() }
  return { host: network.address(name), port: ports.broker }
}

async function placesOf(network: Network | string, members: readonly string[]): Promise<MemberPlace[]> {
  return await Promise.all(
    members.map(async (name): Promise<MemberPlace> => {
      if (typeof network !== 'string') {
        const { store: port, quorum: quorumPorts } = ports
        return { address: network.address(name), port, quorumPorts, prefix: network.command(name) }
      }
      const quorumPorts = [await freePort(), await freePort()] as const
      return { address: '127.0.0.1', port: await freePort(), quorumPorts, prefix: [] }
    }),
  )
}

function processesOf(
  directory: string,
  { segmentBytes = 2 ** 20 }: BrokersOptions,
  network: Network | string,
  ensemble: Ensemble | null,
  endpoints: readonly Endpoint[],
): BrokerProcess[] {
  mkdirSync(join(directory, 'log'))
  return endpoints.map(({ host, port }, index) => {
    const id = index + 1
    const name = brokerName(id)
    const config: BrokerConfig = {
      brokerId: id,
      host,
      port,
      dataDirectory: join(directory, name),
      metadataPath: ensemble?.address ?? join(directory, 'metadata.db'),
      segmentBytes,
      retentionMs: 7 * 86_400_000,
      retentionBytes: 2 ** 31,
      defaultPartitions: 6,
      initialTopics: [],
      clusterSize: endpoints.length,
    }
    return new BrokerProcess({
      name,
      prefix: typeof network === 'string' ? [] : network.command(name),
      entry,
      config,
      environment: { CHAOS_CLOCK: clockPath(directory, id) },
      logPath: join(directory, 'log', `${name}.log`),
    })
  })
}

function clockPath(directory: string, id: number): string {
  return join(directory, `clock-${id}`)
}

async function answers({ host, port }: Endpoint): Promise<boolean> {
  try {
    const options = { host, port, clientId: 'chaos-admin', connectTimeoutMs: 1_000 }
    const connection = await Connection.open(options)
    connection.close()
    return true
  } catch {
    return false
  }
}
