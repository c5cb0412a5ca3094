// A whole appliance for a test: the product's own processes under the product's own supervisor, on free ports and
// in a temporary directory, with the pids at hand so that a test can kill them.
import { randomInt } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDataDirectory } from '../../cli/data-directory.ts'
import { ensureTopics } from '../../cli/foreign-topics.ts'
import { requestLoginLink } from '../../cli/login-link.ts'
import { agentProcess, analyticsProcess, brokerProcess, ingestProcess } from '../../cli/processes.ts'
import { type Settings, settingsSchema } from '../../cli/settings.ts'
import { Supervisor } from '../../cli/supervisor.ts'
import type { Log } from '../../runtime/log.ts'

/** `broker-N` where there are several. */
export type Room = 'broker' | `broker-${number}` | 'analytics' | `ingest-${number}` | 'agent'

export interface Appliance extends AsyncDisposable {
  readonly directory: string
  readonly kafkaAddress: string
  readonly origin: string
  readonly supervisor: Supervisor
  /** A GET under /api/v1 with the admin's token. Throws on any status but 200. */
  get<Answer>(path: string): Promise<Answer>
  loginLink(): Promise<string>
  /** kill -9; the supervisor starts it again. Resolves when it is ready again. */
  kill(room: Room): Promise<void>
}

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** Starts `changes.brokers` brokers, or one, analytics and agent. `inputs` are absolute globs. */
export async function startAppliance(
  inputs: Settings['inputs'],
  changes: Partial<Settings> = {},
  { agent = true }: { readonly agent?: boolean } = {},
): Promise<Appliance> {
  const directory = await mkdtemp(join(tmpdir(), 'tailrace-'))
  const settings: Settings = {
    ...settingsSchema.parse({ data: join(directory, 'data'), kafkaPort: 0, httpPort: 0, hostMetrics: false }),
    inputs,
    ...changes,
  }
  const data = openDataDirectory(settings.data, {})
  mkdirSync(join(data.path, 'log'), { recursive: true })
  const supervisor = new Supervisor(quiet, join(data.path, 'log'))
  // The ports are free ones at first and the same ones ever after, as a restarted process must have them.
  const ownBrokers = settings.bootstrap === undefined ? (settings.brokers ?? 1) : 0
  const ids = Array.from({ length: ownBrokers }, (_, index) => index + 1)
  const brokers = await Promise.all(
    ids.map(async id => {
      const kafkaPort = (await freePort()) - id + 1
      return supervisor.start(brokerProcess({ ...settings, kafkaPort }, data, id, ids.length))
    }),
  )
  const bootstrap = settings.bootstrap?.split(',') ?? brokers.map(({ port }) => `127.0.0.1:${port}`)
  if (ownBrokers === 0) await ensureTopics(bootstrap)
  const [analytics] = await Promise.all([
    supervisor.start(analyticsProcess({ ...settings, httpPort: await freePort() }, data, bootstrap)),
    agent ? supervisor.start(agentProcess(settings, data, bootstrap)) : null,
  ])
  for (let number = 2; number <= settings.ingestProcesses; number++)
    await supervisor.start(ingestProcess(settings, data, bootstrap, number))
  const origin = `http://127.0.0.1:${analytics['port']}`
  const token = readFileSync(data.tokenPath, 'utf8').trim()
  return {
    directory,
    kafkaAddress: bootstrap[0]!,
    origin,
    supervisor,
    async get<Answer>(path: string) {
      const response = await fetch(`${origin}/api/v1${path}`, {
        headers: { authorization: `Bearer ${token}` },
      })
      if (response.status !== 200) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`)
      return (await response.json()) as Answer
    },
    loginLink: () => requestLoginLink(origin, data.tokenPath),
    kill: room => supervisor.killAndAwait(room),
    async [Symbol.asyncDispose]() {
      await supervisor.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/**
 * Below those that the kernel gives to outgoing connections, of which one would else be there after a restart. For
 * processes that must keep theirs.
 */
const lastingPorts = { from: 10_000, to: 32_000 }

/** The first of several ports side by side, all of them free a moment ago. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = randomInt(lastingPorts.from, lastingPorts.to - count)
    const wanted = Array.from({ length: count }, (_, index) => first + index)
    const free = await Promise.all(wanted.map(isFree))
    if (free.every(Boolean)) return first
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<boolean>()
  server.once('error', () => resolve(false))
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  return promise
}

/** A port that was free a moment ago, for processes that must keep theirs across restarts. */
export function freePort(): Promise<number> {
  return freePorts(1)
}
