// The main thread's side of the query thread: a bounded queue, one question under way, a limit for each asker and for
// all, an end to what runs too long. A thread that does not let go is ended and started anew; nobody else notices.
import { Worker } from 'node:worker_threads'
import type { Log } from '../../runtime/log.ts'
import type { VisitSettings } from '../visits/conditions.ts'
import { metricCatalogue } from '../windows/catalogue.ts'
import { definedNames, definitionOf } from '../windows/definitions.ts'
import { cancelled, tooSlow } from './budget.ts'
import { ProblemError } from './problem.ts'
import type { Answering, Asking, QueryThreadConfig } from './query-worker.ts'
import type { QuestionName } from './questions.ts'
import type { Format } from './tables.ts'

export interface QueryLimits {
  /** Questions waiting or under way, of one asker and of all. */
  readonly perAskerMax: number
  readonly waitingMax: number
  readonly timeoutMs: number
  readonly rowsMax: number
}

export const queryLimits: QueryLimits = {
  perAskerMax: 16,
  waitingMax: 64,
  timeoutMs: 10_000,
  // About three seconds of reading: more than any page asks for, less than the time-out.
  rowsMax: 3_000_000,
}

/** How long after its time-out a thread may still be busy, before it is ended from outside. */
const graceMs = 2000
const heapMaxMb = 512

export interface QueryOptions {
  readonly storePath: string
  readonly timeZone: string
  readonly visits?: VisitSettings | undefined
  readonly log: Log
  readonly limits?: Partial<QueryLimits>
  /** Tests put a thread here that misbehaves. */
  readonly workerFile?: URL
}

export interface Query {
  readonly question: QuestionName
  readonly asked: unknown
  readonly nowMs: number
  /** Whose share it counts against. */
  readonly asker: string
  readonly ifNoneMatch?: string | undefined
  readonly format?: Format
  /** Aborted when nobody waits any more. */
  readonly signal?: AbortSignal
}

/** `body` is null where what the asker has is still true. */
export interface Answered {
  readonly etag: string
  readonly body: string | null
  readonly next: string | null
  readonly rows: number
}

const nothingNew = { body: null, next: null, rows: 0 } as const

interface Waiting extends Query {
  readonly id: number
  readonly deadlineMs: number
  resolve(answer: Answered): void
  reject(error: Error): void
}

export class QueryThread {
  readonly #options: QueryOptions
  readonly #limits: QueryLimits
  readonly #cancelled = new Int32Array(new SharedArrayBuffer(4))
  readonly #waiting: Waiting[] = []
  readonly #perAsker = new Map<string, number>()
  #worker: Worker | null = null
  #current: Waiting | null = null
  #timer: NodeJS.Timeout | undefined
  #lastId = 0
  #isClosed = false
  /** By `performance.now()`; the last question of anybody. */
  lastAskedMs = Number.NEGATIVE_INFINITY
  readonly counters = { answered: 0, refused: 0, timedOut: 0, cancelled: 0, failed: 0 }

  constructor(options: QueryOptions) {
    this.#options = options
    this.#limits = { ...queryLimits, ...options.limits }
  }

  /** Questions waiting, the one under way included. */
  get depth(): number {
    return this.#waiting.length + (this.#current ? 1 : 0)
  }

  ask(query: Query): Promise<Answered> {
    this.lastAskedMs = performance.now()
    const refusal = this.#refusal(query.asker)
    if (refusal) {
      this.counters.refused++
      return Promise.reject(refusal)
    }
    this.#perAsker.set(query.asker, (this.#perAsker.get(query.asker) ?? 0) + 1)
    const { promise, resolve, reject } = Promise.withResolvers<Answered>()
    const deadlineMs = performance.now() + this.#limits.timeoutMs
    const waiting: Waiting = { ...query, id: ++this.#lastId, deadlineMs, resolve, reject }
    this.#waiting.push(waiting)
    query.signal?.addEventListener('abort', () => this.#cancel(waiting), { once: true })
    if (query.signal?.aborted) this.#cancel(waiting)
    this.#next()
    return promise.finally(() => this.#leave(query.asker))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const gone = closing()
    for (const waiting of this.#waiting.splice(0)) waiting.reject(gone)
    this.#end(gone)
    await this.#stopWorker()
  }

  #refusal(asker: string): ProblemError | null {
    if (this.#isClosed) return closing()
    const { perAskerMax, waitingMax } = this.#limits
    if ((this.#perAsker.get(asker) ?? 0) >= perAskerMax) {
      const detail = `You have ${perAskerMax} questions under way. Ask again when one of them is answered.`
      return new ProblemError(429, 'too-many-queries', 'Too many questions at once', detail)
    }
    if (this.depth < waitingMax) return null
    const detail = `${waitingMax} questions are waiting. Ask again in a moment.`
    return new ProblemError(503, 'queries-busy', 'Too many questions at once', detail)
  }

  #leave(asker: string): void {
    const left = (this.#perAsker.get(asker) ?? 1) - 1
    if (left === 0) this.#perAsker.delete(asker)
    else this.#perAsker.set(asker, left)
  }

  #next(): void {
    if (this.#current || this.#isClosed) return
    const waiting = this.#waiting.shift()
    if (!waiting) return
    const timeoutMs = waiting.deadlineMs - performance.now()
    if (timeoutMs <= 0) {
      this.counters.timedOut++
      waiting.reject(tooSlow(this.#limits.timeoutMs))
      this.#next()
      return
    }
    this.#current = waiting
    this.#worker ??= this.#startWorker()
    this.#worker.ref()
    const { id, question, asked, nowMs, ifNoneMatch, format = 'json' } = waiting
    const { rowsMax } = this.#limits
    const asking: Asking = { id, question, asked, nowMs, ifNoneMatch, format, timeoutMs, rowsMax }
    this.#worker.postMessage(asking)
    this.#timer = setTimeout(() => this.#overdue(), timeoutMs + graceMs)
  }

  /** The question under way is settled; the next may go. */
  #end(outcome: Answered | Error): void {
    const current = this.#current
    if (!current) return
    clearTimeout(this.#timer)
    this.#current = null
    // An idle thread keeps no process alive.
    this.#worker?.unref()
    if (outcome instanceof Error) current.reject(outcome)
    else current.resolve(outcome)
    this.#next()
  }

  #cancel(waiting: Waiting): void {
    const index = this.#waiting.indexOf(waiting)
    if (index >= 0) {
      this.#waiting.splice(index, 1)
      this.counters.cancelled++
      waiting.reject(cancelled())
    } else if (this.#current === waiting) {
      Atomics.store(this.#cancelled, 0, waiting.id)
    }
  }

  #overdue(): void {
    this.counters.timedOut++
    this.#options.log.warn('a query did not end in its time; its thread is started anew', {
      question: this.#current?.question,
    })
    void this.#stopWorker()
    this.#end(tooSlow(this.#limits.timeoutMs))
  }

  #startWorker(): Worker {
    const suffix = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const file = this.#options.workerFile ?? new URL(`./query-worker.${suffix}`, import.meta.url)
    const { storePath, timeZone, visits } = this.#options
    const definitions = definedNames()
      .filter(name => !Object.hasOwn(metricCatalogue, name))
      .map(name => [name, definitionOf(name)!] as const)
    const workerData: QueryThreadConfig = {
      ...{ storePath, timeZone, visits, definitions, cancelled: this.#cancelled },
    }
    const worker = new Worker(file, { workerData, resourceLimits: { maxOldGenerationSizeMb: heapMaxMb } })
    worker.on('message', (answer: Answering) => this.#onAnswer(answer))
    // Of a thread that was replaced nothing is heard any more.
    const isMine = () => this.#worker === worker
    worker.on('error', error => {
      if (!isMine()) return
      this.#worker = null
      this.counters.failed++
      this.#options.log.error('the query thread failed', { error })
      this.#end(this.#failure(error))
    })
    worker.on('exit', code => {
      if (!isMine()) return
      this.#worker = null
      this.#end(new Error(`the query thread ended with code ${code}`))
    })
    return worker
  }

  #failure(error: Error & { code?: string }): Error {
    if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') return error
    const detail = `It takes more than ${heapMaxMb} MB. Ask for a shorter range, a wider step or fewer values.`
    return new ProblemError(503, 'query-memory', 'The question is too large', detail)
  }

  #onAnswer(answer: Answering): void {
    if (answer.id !== this.#current?.id) return
    if (answer.type === 'answer' || answer.type === 'same') {
      this.counters.answered++
      const { etag, body, next, rows } = answer.type === 'same' ? { ...answer, ...nothingNew } : answer
      this.#end({ etag, body, next, rows })
      return
    }
    if (answer.type === 'failure') {
      this.counters.failed++
      this.#end(Object.assign(new Error(answer.message), { stack: answer.stack }))
      return
    }
    const { status, kind, title, message, didYouMean } = answer.problem
    if (kind === 'query-timeout') this.counters.timedOut++
    if (kind === 'cancelled') this.counters.cancelled++
    this.#end(new ProblemError(status, kind, title, message, didYouMean))
  }

  async #stopWorker(): Promise<void> {
    const worker = this.#worker
    this.#worker = null
    await worker?.terminate()
  }
}

function closing(): ProblemError {
  return new ProblemError(503, 'restarting', 'The server is stopping', 'Ask again in a moment.')
}
