// Several brokers on one machine, each a process of its own over one metadata store (an SQLite file, unless a test
// brings ZooKeeper), in a temporary directory: for tests that kill them, stop them and start them again with the same
// data and ports.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { BrokerConfig } from '../../broker/config.ts'
import { childEnvironment } from '../../cli/supervisor.ts'

const entry = join(dirname(fileURLToPath(import.meta.url)), '../../broker/main.ts')
const startTimeoutMs = 30_000

/** Where its directory is made, and what is done in it before the first broker starts. */
export interface ClusterPlace {
  readonly place?: string
  readonly prepare?: (directory: string) => Promise<void>
  /** Of every broker. */
  readonly config?: Partial<BrokerConfig>
}

export class BrokerCluster implements AsyncDisposable {
  readonly directory: string
  /** Everything the brokers have logged: 'broker-N line'. */
  readonly said: string[] = []
  readonly #size: number
  readonly #topics: BrokerConfig['initialTopics']
  readonly #config: Partial<BrokerConfig>
  /** Null for an SQLite file in the directory. */
  #metadata: string | null
  readonly #children = new Map<number, ChildProcess>()
  readonly #ports = new Map<number, number>()

  private constructor(
    directory: string,
    size: number,
    topics: BrokerConfig['initialTopics'],
    metadata: string | null,
    config: Partial<BrokerConfig>,
  ) {
    this.directory = directory
    this.#metadata = metadata
    this.#size = size
    this.#topics = topics
    this.#config = config
  }

  static async start(
    size: number,
    topics: BrokerConfig['initialTopics'],
    metadata: string | null = null,
    { place = tmpdir(), prepare = async () => {}, config = {} }: ClusterPlace = {},
  ): Promise<BrokerCluster> {
    const directory = await mkdtemp(join(place, 'tailrace-cluster-'))
    const cluster = new BrokerCluster(directory, size, topics, metadata, config)
    try {
      await prepare(directory)
      await Promise.all(cluster.ids.map(id => cluster.startOne(id)))
      return cluster
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
  }

  get ids(): number[] {
    return Array.from({ length: this.#size }, (_, index) => index + 1)
  }

  /** Where brokers that start from now on find the metadata. */
  get metadata(): string {
    return this.#metadata ?? join(this.directory, 'metadata.db')
  }

  set metadata(place: string) {
    this.#metadata = place
  }

  get addresses(): string[] {
    return [...this.#ports.values()].map(port => `127.0.0.1:${port}`)
  }

  /** Resolves when it is ready. */
  async startOne(brokerId: number): Promise<void> {
    const config: BrokerConfig = {
      brokerId,
      host: '127.0.0.1',
      port: this.#ports.get(brokerId) ?? 0,
      dataDirectory: join(this.directory, `broker-${brokerId}`),
      metadataPath: this.metadata,
      segmentBytes: 4 * 1024 * 1024,
      retentionMs: 7 * 86_400_000,
      retentionBytes: 2 ** 31,
      defaultPartitions: 3,
      initialTopics: this.#topics,
      clusterSize: this.#size,
      ...this.#config,
    }
    const child = spawn(process.execPath, [entry, JSON.stringify(config)], {
      stdio: ['pipe', 'pipe', 'pipe'],
      // Supervised: it ends with the pipe, so that a test run that is killed leaves no broker behind.
      env: { ...childEnvironment(), TAILRACE_LOG: 'info', TAILRACE_SUPERVISED: '1' },
    })
    this.#children.set(brokerId, child)
    child.stdin.on('error', () => {})
    createInterface(child.stderr).on('line', line => this.said.push(`broker-${brokerId} ${line}`))
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    createInterface(child.stdout).on('line', line => resolve((JSON.parse(line) as { port: number }).port))
    child.once('exit', code => {
      reject(new Error(`Broker ${brokerId} ended with ${code}:\n${this.said.slice(-5).join('\n')}`))
    })
    const timer = setTimeout(
      () => reject(new Error(`Broker ${brokerId} was not ready:\n${this.said.slice(-9).join('\n')}`)),
      startTimeoutMs,
    )
    this.#ports.set(brokerId, await promise.finally(() => clearTimeout(timer)))
  }

  /** Resolves with the exit code once the process is gone; null after a kill. */
  async stopOne(brokerId: number, signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    const child = this.#children.get(brokerId)
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
    const exited = new Promise<number | null>(resolve => child.once('exit', code => resolve(code)))
    child.kill(signal)
    return exited
  }

  portOf(brokerId: number): number {
    return this.#ports.get(brokerId)!
  }

  /** Of a broker that was started. */
  pidOf(brokerId: number): number {
    return this.#children.get(brokerId)!.pid!
  }

  /** SIGSTOP and SIGCONT, for pauses longer than the lease. */
  signal(brokerId: number, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#children.get(brokerId)?.kill(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // All that were ever started, for a cluster may have grown.
    await Promise.all([...this.#children.keys()].map(id => this.stopOne(id, 'SIGKILL')))
    await rm(this.directory, { recursive: true, force: true })
  }
}
