// A broker in a process of its own, in a temporary directory, for tests that talk to it over real sockets: started,
// killed, started again with the same data and the same port.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { BrokerConfig } from '../../broker/config.ts'
import { childEnvironment } from '../../cli/supervisor.ts'

const entry = join(dirname(fileURLToPath(import.meta.url)), '../../broker/main.ts')
const startTimeoutMs = 60_000

export interface LogLine {
  readonly level: string
  readonly message: string
  readonly reason?: string
}

interface Ready {
  readonly port: number
  readonly listeners: Readonly<Record<string, { readonly port: number }>>
}

export class BrokerProcess implements AsyncDisposable {
  readonly directory: string
  /** Everything the broker has logged, over all its lives. */
  readonly logLines: LogLine[] = []
  port = 0
  #child: ChildProcess | null = null
  /** Of listeners beside the plain one, by name. */
  ports: Readonly<Record<string, number>> = {}
  readonly #topics: BrokerConfig['initialTopics']
  readonly #more: Partial<BrokerConfig>

  readonly #openFilesMax: number | null

  private constructor(
    directory: string,
    topics: BrokerConfig['initialTopics'],
    more: Partial<BrokerConfig>,
    openFilesMax: number | null,
  ) {
    this.directory = directory
    this.#topics = topics
    this.#more = more
    this.#openFilesMax = openFilesMax
  }

  /** In a directory of its own below `place`. */
  static async start(
    topics: BrokerConfig['initialTopics'] = [],
    more: Partial<BrokerConfig> = {},
    place = tmpdir(),
    openFilesMax: number | null = null,
  ): Promise<BrokerProcess> {
    const directory = await mkdtemp(join(place, 'tailrace-broker-'))
    const broker = new BrokerProcess(directory, topics, more, openFilesMax)
    try {
      await broker.start()
      return broker
    } catch (error) {
      await broker[Symbol.asyncDispose]()
      throw error
    }
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  get config(): BrokerConfig {
    return {
      brokerId: 1,
      host: '127.0.0.1',
      port: this.port,
      dataDirectory: join(this.directory, 'broker-1'),
      metadataPath: join(this.directory, 'metadata.db'),
      segmentBytes: 4 * 1024 * 1024,
      retentionMs: 7 * 86_400_000,
      retentionBytes: 2 ** 31,
      defaultPartitions: 3,
      initialTopics: this.#topics,
      ...this.#more,
    }
  }

  /** Resolves when it is ready. */
  async start(): Promise<void> {
    const run = [process.execPath, entry, JSON.stringify(this.config)]
    const limited = ['/bin/sh', '-c', `ulimit -n ${this.#openFilesMax}; exec "$0" "$@"`, ...run]
    const [program, ...argv] = this.#openFilesMax === null ? run : limited
    const child = spawn(program!, argv, {
      stdio: ['pipe', 'pipe', 'pipe'],
      // Supervised: it ends with the pipe, so that a test run that is killed leaves no broker behind.
      env: { ...childEnvironment(), TAILRACE_LOG: 'info', TAILRACE_SUPERVISED: '1' },
    })
    this.#child = child
    child.stdin.on('error', () => {})
    createInterface(child.stderr).on('line', line => this.#onLogLine(line))
    const { promise, resolve, reject } = Promise.withResolvers<Ready>()
    createInterface(child.stdout).on('line', line => resolve(JSON.parse(line) as Ready))
    child.once('exit', code => {
      const lastWords = this.logLines.slice(-3).map(entry => JSON.stringify(entry))
      reject(new Error(`The broker ended with code ${code} before it was ready:\n${lastWords.join('\n')}`))
    })
    const timer = setTimeout(() => reject(new Error('The broker was not ready in time')), startTimeoutMs)
    const { port, listeners } = await promise.finally(() => clearTimeout(timer))
    this.port = port
    this.ports = Object.fromEntries(Object.entries(listeners).map(([name, one]) => [name, one.port]))
  }

  /** Resolves with the exit code once the process is gone; null after a kill. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
    const exited = new Promise<number | null>(resolve => child.once('exit', code => resolve(code)))
    child.kill(signal)
    return exited
  }

  /** The exit code, when it ends by itself. */
  ended(): Promise<number | null> {
    return new Promise(resolve => this.#child!.once('exit', code => resolve(code)))
  }

  async killAndRestart(): Promise<void> {
    await this.stop('SIGKILL')
    await this.start()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL')
    await rm(this.directory, { recursive: true, force: true })
  }

  #onLogLine(line: string): void {
    try {
      this.logLines.push(JSON.parse(line) as LogLine)
    } catch {
      this.logLines.push({ level: 'error', message: line })
    }
  }
}
