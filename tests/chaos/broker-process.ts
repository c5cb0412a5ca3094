// One broker's process: started where it is told, brought back when it ends by itself or by a signal, as the
// supervisor does, but held down while a test does something to its files. It ends with this process.
import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, type WriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { childEnvironment } from '../../cli/supervisor.ts'

export interface BrokerCommand {
  readonly name: string
  /** Before the interpreter; empty to run it right here. */
  readonly prefix: readonly string[]
  readonly entry: string
  readonly config: unknown
  readonly environment: Readonly<Record<string, string>>
  readonly logPath: string
}

const restartDelayMs = 200
const stopTimeoutMs = 6_000

export class BrokerProcess {
  readonly #command: BrokerCommand
  readonly #output: WriteStream
  /** Whoever waits for the next life to be ready. */
  readonly #waiting = new Set<() => void>()
  #child: ChildProcess | null = null
  #isReady = false
  #isHeld = false
  /** How often it ended though nobody had killed it. */
  #deaths = 0
  #expected = false

  constructor(command: BrokerCommand) {
    this.#command = command
    this.#output = createWriteStream(command.logPath, { flags: 'a' })
    this.#spawn()
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get isReady(): boolean {
    return this.#isReady
  }

  get deaths(): number {
    return this.#deaths
  }

  /** Resolves when it serves, in this life or the next. */
  async ready(timeoutMs: number): Promise<void> {
    if (this.#isReady) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const late = () => reject(new Error(`${this.#command.name} was not ready within ${timeoutMs} ms`))
    const timer = setTimeout(late, timeoutMs)
    this.#waiting.add(resolve)
    await promise.finally(() => {
      clearTimeout(timer)
      this.#waiting.delete(resolve)
    })
  }

  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGKILL' || signal === 'SIGTERM') {
      this.#expected = true
      this.#isReady = false
    }
    this.#child?.kill(signal)
  }

  /** Ends it and keeps it down until it is released. */
  async hold(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.#isHeld = true
    const child = this.#child
    if (!child) return
    const gone = new Promise<void>(resolve => child.once('exit', () => resolve()))
    this.signal('SIGCONT')
    this.signal(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
    await gone
    clearTimeout(timer)
  }

  release(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    if (!this.#child) this.#spawn()
  }

  async stop(): Promise<void> {
    await this.hold('SIGTERM')
    await new Promise<void>(resolve => this.#output.end(resolve))
  }

  #spawn(): void {
    const { prefix, entry, config, environment } = this.#command
    const [file, ...rest] = [
      ...prefix,
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      entry,
      JSON.stringify(config),
    ]
    const child = spawn(file!, rest, {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
      env: { ...childEnvironment(), ...environment, TAILRACE_SUPERVISED: '1' },
    })
    this.#child = child
    this.#expected = false
    child.stdin.on('error', () => {})
    createInterface(child.stdout).on('line', line => {
      if (child !== this.#child || !line.startsWith('{"ready":true')) return
      this.#isReady = true
      for (const resolve of this.#waiting) resolve()
    })
    createInterface(child.stderr).on('line', line => this.#output.write(`${line}\n`))
    child.once('exit', (code, signal) => this.#onExit(`ended with ${signal ?? code}`))
    child.on('error', error => {
      if (child.pid === undefined) this.#onExit(error.message)
    })
  }

  #onExit(how: string): void {
    this.#child = null
    this.#isReady = false
    if (!this.#expected) {
      this.#deaths++
      this.#output.write(`${this.#command.name} ${how}, unasked\n`)
    }
    if (!this.#isHeld) setTimeout(() => this.#isHeld || this.#child || this.#spawn(), restartDelayMs)
  }
}
