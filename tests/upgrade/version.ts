// Two versions of the product side by side: this tree, and an earlier commit unpacked below a temporary directory over
// the same node_modules. Starts their `tailrace up`, `broker` and `agent`; ends only what it has started.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { StatsAnswer } from '../../analytics/http/contract.ts'

const head = join(import.meta.dirname, '../..')
/** Where no version has been tagged yet: the last state that was handed over before this one. */
const lastHandedOver = 'c725aa1'

export interface Version {
  readonly name: string
  readonly root: string
}

export const thisVersion: Version = { name: 'this version', root: head }

/** The last tag, or what stands for it. */
export function previousVersion(directory: string): Version {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: head, encoding: 'utf8' }).trim()
  const [tag] = git('tag', '--list', 'v*', '--sort=-version:refname', '--merged').split('\n')
  const name = tag || lastHandedOver
  const root = join(directory, `tailrace-${name}`)
  mkdirSync(root)
  execFileSync('sh', ['-c', `git -C "$0" archive ${name} | tar -x -C "$1"`, head, root])
  symlinkSync(join(head, 'node_modules'), join(root, 'node_modules'))
  if (!existsSync(join(root, 'dashboard/dist')))
    symlinkSync(join(head, 'dashboard/dist'), join(root, 'dashboard/dist'))
  return { name, root }
}

export interface Place {
  readonly directory: string
  readonly brokers: number
  readonly kafkaPort: number
  readonly httpPort: number
}

export class Running implements AsyncDisposable {
  readonly #child: ChildProcess

  constructor(child: ChildProcess) {
    this.#child = child
  }

  get #isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  async stop(): Promise<void> {
    if (this.#isOver) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await exited
  }

  /** kill -9: it and every process that it has started, at once. */
  async kill(): Promise<void> {
    const pid = this.#child.pid!
    const children = execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
    const exited = once(this.#child, 'exit')
    for (const one of [pid, ...children.trim().split(/\s+/).map(Number)]) process.kill(one, 'SIGKILL')
    await exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/** Resolves when it serves. */
export async function startUp(version: Version, place: Place, glob: string): Promise<Running> {
  const { brokers, kafkaPort, httpPort, directory } = place
  const ports = ['--kafka-port', kafkaPort, '--http-port', httpPort, '--brokers', brokers].map(String)
  const child = run(version, directory, ['up', '--data', 'data', '--tail', glob, ...ports])
  const running = new Running(child)
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.stderr!.on('data', (chunk: Buffer) => {
      said += chunk
      if (said.includes('Tailrace is up')) resolve()
    })
    child.once('exit', code => reject(new Error(`${version.name} ended with ${code}:\n${said}`)))
  })
  return running
}

export function addressesOf({ brokers, kafkaPort }: Place): string[] {
  return Array.from({ length: brokers }, (_, index) => `127.0.0.1:${kafkaPort + index}`)
}

/** One of the brokers of a place, as a process of its own; whether it serves, `cluster health` says. */
export function startBroker(version: Version, { directory, brokers, kafkaPort }: Place, id: number): Running {
  const port = ['--kafka-port', String(kafkaPort + id - 1)]
  const which = ['--broker-id', String(id), '--brokers', String(brokers)]
  const child = run(version, directory, ['broker', '--data', 'cluster', ...which, ...port])
  child.stderr!.resume()
  return new Running(child)
}

/** The statistics and the page, as a process of its own over such brokers. */
export function startAnalytics(version: Version, place: Place): Running {
  const bootstrap = ['--bootstrap', addressesOf(place).join(',')]
  const args = ['analytics', '--data', 'data', '--http-port', String(place.httpPort), ...bootstrap]
  const child = run(version, place.directory, args)
  child.stderr!.resume()
  return new Running(child)
}

/** With data of its own in `name`, sending to the appliance of the place. */
export function startAgent(version: Version, place: Place, name: string, glob: string): Running {
  const bootstrap = addressesOf(place).join(',')
  const args = ['agent', '--data', name, '--bootstrap', bootstrap, '--tail', glob]
  const child = run(version, place.directory, args)
  child.stderr!.resume()
  return new Running(child)
}

function run({ root }: Version, directory: string, args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [join(root, 'cli/tailrace.js'), ...args], {
    cwd: directory,
    env: { ...process.env, TAILRACE_REEXECUTED: '1', TAILRACE_HOST_METRICS: 'false' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
}

/** Requests by path, of the last hour. */
export async function countedIn({ directory, httpPort }: Place): Promise<Map<string, number>> {
  const token = readFileSync(join(directory, 'data/token'), 'utf8').trim()
  const url = `http://127.0.0.1:${httpPort}/api/v1/stats/requests?window=1h&by=path&limit=1000`
  const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`)
  const { rows } = (await answer.json()) as StatsAnswer
  return new Map(rows.map(({ labels, values }) => [labels['path']!, values['value']!]))
}
