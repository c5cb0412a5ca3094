// docs/operations.md, typed in: every command block of the page runs in its order on real brokers, while a producer
// sends. Afterwards every acknowledged record is read, and the three brokers that are left are healthy.
import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chmod, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import { childEnvironment } from '../../cli/supervisor.ts'
import { freePort } from './appliance.ts'

const root = join(import.meta.dirname, '../..')
const topic = 'logs'
const partitions = 6
const brokersMost = 4
const commandTimeoutMs = 60_000

/** The page's commands, line by line. */
async function commandsOf(page: string): Promise<string[]> {
  const text = await readFile(join(root, page), 'utf8')
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block]) => block!.trim().split('\n'))
}

/** The first of so many free ports side by side. */
async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = await freePort()
    const others = Array.from({ length: count - 1 }, (_, at) => first + 1 + at)
    const areFree = await Promise.all(others.map(isFree))
    if (areFree.every(Boolean)) return first
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise(resolve => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** A shell in which `tailrace` is the product, in a directory of its own, and `tailrace up` runs in the background. */
class Terminal implements AsyncDisposable {
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
    // Who deletes a directory has ended what writes to it.
    if (line.startsWith('rm ')) await this.#endUp()
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
class Traffic {
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

async function everythingIn(kafka: Kafka, count: number, expected: readonly string[]): Promise<Set<string>> {
  const consumer = kafka.consumer({ groupId: `auditor-${count}` })
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
  const patience = setTimeout(resolve, 20_000)
  await promise
  clearTimeout(patience)
  await consumer.disconnect()
  return seen
}

test('every command of docs/operations.md works, and nothing acknowledged is lost by any of them', async context => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-operations-'))
  const kafkaPort = await freePorts(brokersMost)
  await using terminal = await Terminal.open(directory.path, kafkaPort)
  const brokers = Array.from({ length: 3 }, (_, at) => `127.0.0.1:${kafkaPort + at}`)
  const retry = { retries: 3, initialRetryTime: 50, maxRetryTime: 300 }
  const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry, connectionTimeout: 1_000 })
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  const traffic = new Traffic(producer)
  let sending: Promise<void> | undefined
  const commands = await commandsOf('docs/operations.md')
  for (const line of commands) {
    const startedMs = performance.now()
    await terminal.type(line)
    context.diagnostic(`${((performance.now() - startedMs) / 1_000).toFixed(1)} s  ${line}`)
    if (sending) continue
    await producer.connect()
    sending = traffic.run()
  }
  const report = await terminal.json<{ healthy: boolean; brokers: { id: number; replicas: number }[] }>(
    'tailrace cluster status --json',
  )
  traffic.end()
  await sending
  await producer.disconnect()
  assert(commands.length > 10)
  assert.equal(report.healthy, true)
  assert.deepEqual(
    report.brokers.map(({ id }) => id),
    [1, 2, 3],
  )
  const seen = await everythingIn(kafka, commands.length, traffic.acknowledged)
  context.diagnostic(`${traffic.acknowledged.length} records acknowledged`)
  assert(traffic.acknowledged.length > 200)
  assert.deepEqual(
    traffic.acknowledged.filter(value => !seen.has(value)),
    [],
  )
})
