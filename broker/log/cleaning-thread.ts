// Cleanings off the event loop: a thread that is started for the first order and ends when it has been idle for a
// while. The thread reads and writes files through the real disk; orders and results cross as plain data.
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import type { CleaningRunner } from './cleaner.ts'
import { type CleaningOrder, type CleaningResult, cleanHere } from './cleaner-pass.ts'
import { type Disk, realDisk } from './disk.ts'

interface Failure {
  readonly code: string | undefined
  readonly message: string
}

type Answer = { readonly result: CleaningResult } | { readonly failure: Failure }

/** For a data directory: beside the event loop, but on a disk that only this thread can see (a test's). */
export function cleaningRunner(disk: Disk): { readonly run: CleaningRunner; stop(): Promise<void> } {
  if (disk === realDisk) return new CleaningThread()
  return { run: (order, done) => done(cleanHere(disk, order)), stop: async () => {} }
}

/** Runs one order at a time, each in the thread of the one before if that is still there. */
class CleaningThread {
  #worker: Worker | null = null
  #done: ((result: CleaningResult | NodeJS.ErrnoException) => void) | null = null
  #idleTimer: NodeJS.Timeout | null = null
  readonly #idleMs: number

  constructor(idleMs = 60_000) {
    this.#idleMs = idleMs
  }

  readonly run: CleaningRunner = (order, done) => {
    if (this.#idleTimer) clearTimeout(this.#idleTimer)
    this.#done = done
    this.#worker ??= this.#start()
    this.#worker.postMessage(order)
  }

  async stop(): Promise<void> {
    if (this.#idleTimer) clearTimeout(this.#idleTimer)
    this.#done = null
    const worker = this.#worker
    this.#worker = null
    await worker?.terminate()
  }

  #start(): Worker {
    const worker = new Worker(new URL(import.meta.url), { name: 'log cleaner' })
    worker.unref()
    worker.on('message', (answer: Answer) => this.#settle(answer))
    worker.on('error', error => this.#settle({ failure: { code: undefined, message: String(error) } }))
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = null
    })
    return worker
  }

  #settle(answer: Answer): void {
    const done = this.#done
    this.#done = null
    this.#idleTimer = setTimeout(() => void this.stop(), this.#idleMs).unref()
    if ('result' in answer) done?.(answer.result)
    else done?.(Object.assign(new Error(answer.failure.message), { code: answer.failure.code }))
  }
}

/** The thread's side: only a thread that was started for it listens. */
if (!isMainThread && parentPort) {
  const port = parentPort
  port.on('message', (order: CleaningOrder) => {
    const result = cleanHere(realDisk, order)
    const failure = (error: NodeJS.ErrnoException) => ({ code: error.code, message: error.message })
    const answer: Answer = result instanceof Error ? { failure: failure(result) } : { result }
    port.postMessage(answer)
  })
}
