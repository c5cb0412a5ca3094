// A terminal for pages of commands: the product is `tailrace`, `tailrace up` runs in the background, and traffic flows
// meanwhile whose acknowledgements are remembered. Starts real processes, in a directory it is given.
import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import { childEnvironment } from '../../cli/supervisor.ts'
import { freePort } from './appliance.ts'

const root = join(import.meta.dirname, '../..')
const topic = 'logs'
const partitions = 6
const commandTimeoutMs = 60_000

/** The commands of a page, line by line, from its blocks of this kind: `sh`, or `sh zookeeper`. */
export async function commandsOf(page: string, kind = 'sh'): Promise<string[]> {
  const text = await readFile(join(root, page), 'utf8')
  const blocks = text.matchAll(/^```([a-z ]+)\n(.*?)^```$/gms)
  return [...blocks].filter(([, of]) => of === kind).flatMap(([, , block]) => block!.trim().split('\n'))
}

export function kafkaOf(firstPort: number): Kafka {
  const brokers = Array.from({ length: 3 }, (_, at) => `127.0.0.1:${firstPort + at}`)
  const retry = { retries: 3, initialRetryTime: 50, maxRetryTime: 300 }
  return new Kafka({ brokers, logLevel: logLevel.NOTHING, retry, connectionTimeout: 1_000 })
}

/** Who deletes a directory, or moves what brokers agree on, has ended them. */
const needsNobody = /^rm |move-metadata/

/** A shell in which `tailrace` is the product, in a directory of its own, and `tailrace up` runs in the background. */
export class Terminal implements AsyncDisposable {
  readonly #directory: string
  readonly #environment: NodeJS.ProcessEnv
  #up: ChildProcess | null = null

  private constructor(directory: string, environment: NodeJS.ProcessEnv) {
    this.#directory = directory
    this.#environment = environment
  }

  static async open(directory: string, kafkaPort: number): Promise<Terminal> {
    const command = join(directory, 'tailrace')
    await writeFile(command, `#!/bin/sh\nexec ${process.execPath} ${join(root, 'cli/tailrace.js')} "$@"\n`)
    await chmod(command, 0o755)
    return new Terminal(directory, {
      ...childEnvironment(),
      PATH: `${directory}:${process.env['PATH']}`,
      TAILRACE_KAFKA_PORT: String(kafkaPort),
      TAILRACE_HTTP_PORT: String(await freePort()),
      TAILRACE_HOST_METRICS: 'false',
    })
  }

  async type(line: string): Promise<void> {
    if (line.startsWith('tailrace up')) return this.#startUp(line)
    if (needsNobody.test(line)) await this.#endUp()
    const options = { cwd: this.#directory, env: this.#environment, timeout: commandTimeoutMs }
    await promisify(execFile)('sh', ['-c', line], options).catch((error: Error & { stderr?: string }) => {
      assert.fail(`"${line}": ${error.message}\n${error.stderr}`)
    })
  }

  async json<Answer>(line: string): Promise<Answer> {
    const options = { cwd: this.#directory, env: this.#environment, timeout: commandTimeoutMs }
    const { stdout } = await promisify(execFile)('sh', ['-c', line], options)
    return JSON.parse(stdout) as Answer
  }

  async #startUp(line: string): Promise<void> {
    await this.#endUp()
    const up = spawn('sh', ['-c', `exec ${line}`], {
      cwd: this.#directory,
      env: this.#environment,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#up = up
    let said = ''
    await new Promise<void>((resolve, reject) => {
      up.stderr.on('data', chunk => {
        said += chunk
        if (said.includes('Tailrace is up')) resolve()
      })
      up.once('exit', code => reject(new Error(`"${line}" ended with ${code}:\n${said}`)))
    })
  }

  /** Ctrl-C. */
  async #endUp(): Promise<void> {
    const up = this.#up
    this.#up = null
    if (!up || up.exitCode !== null) return
    const ended = new Promise(resolve => up.once('exit', resolve))
    up.kill('SIGINT')
    await ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#endUp()
  }
}

/** Sends numbered records to every partition, and remembers what was acknowledged. */
export class Traffic {
  readonly acknowledged: string[] = []
  readonly #producer: Producer
  #isOver = false

  constructor(producer: Producer) {
    this.#producer = producer
  }

  async run(): Promise<void> {
    for (let count = 0; !this.#isOver; count++) {
      await Promise.all(Array.from({ length: partitions }, (_, partition) => this.#send(partition, count)))
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }

  /** One partition a request: of several kafkajs forgets those that change hands while it tries again. */
  async #send(partition: number, count: number): Promise<void> {
    const value = `${partition}-${count}`
    const messages = [{ partition, value }]
    try {
      const [result] = await this.#producer.send({ topic, acks: -1, timeout: 2_000, messages })
      if (result?.errorCode === 0) this.acknowledged.push(value)
    } catch {
      // Not acknowledged: whether it is there nobody has promised.
    }
  }

  end(): void {
    this.#isOver = true
  }
}

export async function everythingIn(kafka: Kafka, expected: readonly string[]): Promise<Set<string>> {
  const consumer = kafka.consumer({ groupId: `auditor-${process.pid}` })
  const seen = new Set<string>()
  const { promise, resolve } = Promise.withResolvers<void>()
  const missing = new Set(expected)
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      seen.add(String(message.value))
      missing.delete(String(message.value))
      if (missing.size === 0) resolve()
    },
  })
  const patience = setTimeout(resolve, 60_000)
  await promise
  clearTimeout(patience)
  await consumer.disconnect()
  return seen
}
