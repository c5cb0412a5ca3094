// The life of a process: one AbortSignal from SIGTERM, SIGINT or, under the supervisor, the end of its pipe;
// one line of JSON on stdout when ready; an exit code that says how it ended.
import module from 'node:module'
import { fileFault } from './file-fault.ts'
import { createLog, type Log } from './log.ts'

/** Exit codes every command and process shares (sysexits where one fits). */
export const exitCodes = {
  ok: 0,
  failed: 1,
  unhealthy: 10,
  usage: 64,
  unavailable: 69,
  config: 78,
  interrupted: 130,
} as const

/** Ends the process with a code and a sentence that says what to do, instead of a stack trace. */
export class ExitError extends Error {
  override readonly name = 'ExitError'
  readonly exitCode: number

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}

export interface ProcessContext {
  /** Aborted once, when the process is asked to end. */
  readonly signal: AbortSignal
  readonly log: Log
  /** Tells whoever started this process that it serves, with facts such as its port. */
  ready(facts: Readonly<Record<string, unknown>>): void
}

/** How long a stopping process may take before it is cut off: the whole appliance ends within 3 s. */
const stopTimeoutMs = 2_500
/** The longest delay a timer can have. */
const longestTimerMs = 2 ** 31 - 1

/**
 * Runs `main` until it returns. `main` must return soon after the signal aborts.
 * Under the supervisor (TAILRACE_SUPERVISED=1) the end of stdin asks for the end too, so that
 * children never outlive a supervisor that was killed with -9.
 */
export async function runProcess(
  name: string,
  main: (context: ProcessContext) => Promise<void>,
): Promise<void> {
  const log = createLog(name)
  const controller = new AbortController()
  const stop = (reason: string) => {
    if (controller.signal.aborted) return
    log.info('stopping', { reason })
    controller.abort(new Error(reason))
    setTimeout(() => {
      log.error('did not stop in time', { stopTimeoutMs })
      process.exit(exitCodes.failed)
    }, stopTimeoutMs).unref()
  }
  process.on('SIGTERM', () => stop('SIGTERM'))
  process.on('SIGINT', () => stop('SIGINT'))
  if (process.env['TAILRACE_SUPERVISED'] === '1') {
    process.stdin.resume()
    process.stdin.on('end', () => stop('the supervisor is gone'))
    process.stdin.on('error', () => stop('the supervisor is gone'))
  }
  // A process lives until its main returns, also while nothing else keeps its loop busy; the exit below ends it.
  setInterval(() => {}, longestTimerMs)
  try {
    await main({ signal: controller.signal, log, ready: writeReady })
    process.exit(exitCodes.ok)
  } catch (error) {
    if (error instanceof ExitError) {
      log.error(error.message, { exitCode: error.exitCode })
      process.exit(error.exitCode)
    }
    const fault = fileFault(error)
    if (fault !== null) {
      log.error(fault, { error, exitCode: exitCodes.config })
      process.exit(exitCodes.config)
    }
    log.error(`ended by an error: ${(error as Error).message}`, { error })
    process.exit(exitCodes.failed)
  }
}

function writeReady(facts: Readonly<Record<string, unknown>>): void {
  // Now, because a process that is killed later would leave no cache behind.
  module.flushCompileCache?.()
  process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid, ...facts })}\n`)
}

/** The configuration a supervisor hands over: one JSON argument, validated before it was written. */
export function configFromArguments<Config>(): Config {
  const text = process.argv[2]
  if (text === undefined) {
    throw new ExitError(
      exitCodes.usage,
      'Cannot start without a configuration: use the `tailrace` command, which writes one',
    )
  }
  return JSON.parse(text) as Config
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
