// Keeps the processes of one appliance alive: starts them, waits until they are ready, restarts the one that
// died, and stops them in order. Every child lives in a process group of its own, so that Ctrl-C reaches this
// process alone, and ends when its stdin closes, so that none outlives a supervisor that was killed.
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import type { Log } from '../runtime/log.ts'
import { compileCacheDirectory } from './compile-cache.ts'
import { LogFile } from './log-file.ts'

export interface ProcessSpec {
  readonly name: string
  /** Entry file, absolute. */
  readonly entry: string
  readonly config: unknown
  /** Processes of one group are stopped together: none of them is to take over from another that is going too. */
  readonly group?: string
  /** How long a clean stop may take before it is cut off. */
  readonly stopTimeoutMs: number
}

export type ReadyFacts = Readonly<Record<string, unknown>> & { readonly pid: number }

/** Restart waits, doubled from the first to the last; a process that lived for `settledMs` starts over. */
const restartDelayMs = { first: 200, last: 5_000 }
const settledMs = 10_000
/** For all processes together, whatever each may take: the appliance ends within 3 s of Ctrl-C. */
const stopAllMs = 2_700

/** How long the same sentence of a process is not said again, and of how many that is known. */
const quietMs = 10_000
const saidMax = 64
const wordsMax = 200

export class Supervisor {
  readonly #children = new Map<string, Child>()
  readonly #log: Log
  readonly #logDirectory: string
  #stopping = false

  constructor(log: Log, logDirectory: string) {
    this.#log = log
    this.#logDirectory = logDirectory
  }

  /**
   * Starts a process and resolves with its facts when it is ready. Rejects with its own exit code if it ends first;
   * stays open when it is stopped before.
   */
  start(spec: ProcessSpec): Promise<ReadyFacts> {
    if (this.#stopping) {
      const why = `Cannot start ${spec.name}: everything is being stopped`
      return Promise.reject(new ExitError(exitCodes.interrupted, why))
    }
    const child = new Child(spec, this.#log, this.#logDirectory)
    this.#children.set(spec.name, child)
    return child.start()
  }

  /** Stops in the reverse order of starting: what writes ends before what it writes to. */
  async stop(): Promise<void> {
    this.#stopping = true
    const timer = setTimeout(() => this.killAll(), stopAllMs)
    const groups = Map.groupBy([...this.#children.values()].reverse(), child => child.group)
    for (const children of groups.values()) await Promise.all(children.map(child => child.stop()))
    clearTimeout(timer)
  }

  /** The process as it runs now; undefined while it is down. */
  pidOf(name: string): number | undefined {
    return this.#children.get(name)?.pid
  }

  /** kill -9, for whoever tests the promise. Resolves when the process has been brought back and is ready. */
  killAndAwait(name: string): Promise<void> {
    const child = this.#children.get(name)
    if (child === undefined) throw new Error(`No process named ${name}`)
    return child.killAndAwait()
  }

  /** For the second Ctrl-C. */
  killAll(): void {
    for (const child of this.#children.values()) child.kill()
  }
}

class Child {
  readonly #spec: ProcessSpec
  readonly #log: Log
  readonly #output: LogFile
  /** For `kill`: the process as it runs now. */
  readonly #pidPath: string
  #process: ChildProcess | undefined
  #stopping = false
  #restartTimer: NodeJS.Timeout | undefined
  #delayMs = restartDelayMs.first
  #lastError = ''
  #lastWords = ''
  readonly #saidAt = new Map<string, number>()
  #wasReady = false
  #onBack: (() => void) | undefined

  constructor(spec: ProcessSpec, log: Log, logDirectory: string) {
    this.#spec = spec
    this.#log = log
    this.#output = new LogFile(join(logDirectory, `${spec.name}.log`))
    this.#pidPath = join(logDirectory, `${spec.name}.pid`)
  }

  get group(): string {
    return this.#spec.group ?? this.#spec.name
  }

  get pid(): number | undefined {
    const running = this.#process
    return running?.exitCode === null && running.signalCode === null ? running.pid : undefined
  }

  start(): Promise<ReadyFacts> {
    return new Promise((resolve, reject) => {
      let ready = false
      this.#spawn(
        facts => {
          ready = true
          resolve(facts)
        },
        code => {
          if (ready) return false
          reject(new ExitError(code, this.#lastError || this.#earlyEndText(code)))
          return true
        },
      )
    })
  }

  /** A process that had no time for a sentence: its last words, and where the others are. */
  #earlyEndText(code: number): string {
    const words = this.#lastWords && `: ${this.#lastWords}`
    const ended = `${this.#spec.name} ended with code ${code} before it was ready${words}`
    return `${ended}. All that it said is in "${this.#pidPath.replace(/pid$/, 'log')}"`
  }

  async stop(): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#restartTimer)
    const running = this.#process
    if (running && running.exitCode === null && running.signalCode === null) {
      const exited = new Promise<void>(resolve => running.once('exit', () => resolve()))
      running.kill('SIGTERM')
      const timer = setTimeout(() => running.kill('SIGKILL'), this.#spec.stopTimeoutMs)
      await exited
      clearTimeout(timer)
    }
    await this.#output.end()
  }

  killAndAwait(): Promise<void> {
    return new Promise(resolve => {
      this.#onBack = resolve
      this.#process?.kill('SIGKILL')
    })
  }

  kill(): void {
    this.#stopping = true
    this.#process?.kill('SIGKILL')
  }

  #spawn(onReady: (facts: ReadyFacts) => void, onEarlyExit: (code: number) => boolean): void {
    const startedAt = performance.now()
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', this.#spec.entry, JSON.stringify(this.#spec.config)],
      {
        stdio: ['pipe', 'pipe', 'pipe'],
        detached: true,
        env: { ...childEnvironment(), TAILRACE_SUPERVISED: '1' },
      },
    )
    this.#process = child
    child.stdin.on('error', () => {})
    createInterface(child.stdout).on('line', line => {
      const facts = parseReady(line)
      if (facts) {
        this.#wasReady = true
        // Not before: what is refused because another one runs must not name itself in that one's place.
        writeFileSync(this.#pidPath, `${child.pid}\n`)
        onReady(facts)
      } else this.#output.write(line)
    })
    createInterface(child.stderr).on('line', line => this.#onLogLine(line))
    const ended = (code: number, how: string) => {
      if (this.#stopping || onEarlyExit(code)) return
      this.#restart(startedAt, how)
    }
    child.once('exit', (code, signal) => {
      ended(code ?? exitCodes.failed, signal === null ? `code ${code}` : signal)
    })
    child.on('error', error => {
      // With a pid it runs, and only a signal did not reach it.
      if (child.pid !== undefined) return
      this.#lastError = `${this.#spec.name} could not be started: ${error.message}`
      ended(exitCodes.failed, error.message)
    })
  }

  #restart(startedAt: number, how: string): void {
    if (performance.now() - startedAt > settledMs) this.#delayMs = restartDelayMs.first
    const delayMs = this.#delayMs
    this.#delayMs = Math.min(delayMs * 2, restartDelayMs.last)
    this.#log.warn(`${this.#spec.name} ended (${how}), starting it again`, { delayMs })
    this.#restartTimer = setTimeout(() => {
      this.#spawn(
        facts => {
          this.#log.info(`${this.#spec.name} is back`, { pid: facts.pid })
          this.#onBack?.()
        },
        () => false,
      )
    }, delayMs)
  }

  /** A fault that every try meets anew would fill the terminal; the log file has each. */
  #sayOnce(level: 'warn' | 'error', text: string): void {
    const now = performance.now()
    if (now - (this.#saidAt.get(text) ?? Number.NEGATIVE_INFINITY) < quietMs) return
    if (this.#saidAt.size >= saidMax) this.#saidAt.clear()
    this.#saidAt.set(text, now)
    this.#log[level](text)
  }

  /** Everything goes to the process's log file; what a person should see now goes to the terminal too. */
  #onLogLine(line: string): void {
    this.#output.write(line)
    const entry = parseLogLine(line)
    // What Node says itself, when memory ends, say; the frames of its stack tell nobody anything.
    if (entry === undefined && /error|fatal|cannot/i.test(line) && !/^ *(\d+: 0x|at )/.test(line))
      this.#lastWords = line.trim().slice(0, wordsMax)
    if (entry === undefined || (entry.level !== 'warn' && entry.level !== 'error')) return
    if (entry.level === 'error') this.#lastError = String(entry.message)
    // What keeps it from starting is said once, by whoever waits for it.
    if (entry.level === 'error' && !this.#wasReady) return
    const told = entry.detail ?? entry.reason
    const detail = typeof told === 'string' ? `: ${told}` : ''
    this.#sayOnce(entry.level, `${this.#spec.name}: ${entry.message}${detail}`)
  }
}

/** Sixteen pool threads, so that a flush in flight per partition starves nobody; compiled code kept between starts. */
export function childEnvironment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    UV_THREADPOOL_SIZE: process.env['UV_THREADPOOL_SIZE'] ?? '16',
    ...compileCacheOf(),
  }
}

/** Without a directory to be trusted nothing is kept: Node would else choose one that anybody could make first. */
function compileCacheOf(): NodeJS.ProcessEnv {
  const directory = compileCacheDirectory()
  return directory === null ? { NODE_DISABLE_COMPILE_CACHE: '1' } : { NODE_COMPILE_CACHE: directory }
}

function parseReady(line: string): ReadyFacts | undefined {
  if (!line.startsWith('{"ready":true')) return undefined
  return JSON.parse(line) as ReadyFacts
}

interface LogLine {
  readonly level: string
  readonly message: unknown
  /** Which file, which lines, why: without it a warning helps nobody. */
  readonly detail?: unknown
  readonly reason?: unknown
}

function parseLogLine(line: string): LogLine | undefined {
  try {
    return JSON.parse(line) as LogLine
  } catch {
    return undefined
  }
}
