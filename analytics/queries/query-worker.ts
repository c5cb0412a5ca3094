// The query thread: answers one question at a time over one state of the database, by a connection that cannot write,
// so that neither live values nor sockets wait for a long read. Ends what takes too long or what nobody waits for.
import { createHash, randomBytes } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { openReader } from '../store/schema.ts'
import { noVisitSettings, type VisitSettings } from '../visits/conditions.ts'
import type { MetricDefinition } from '../windows/catalogue.ts'
import { defineMetrics } from '../windows/definitions.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import type { Reading } from './answers.ts'
import { Budget } from './budget.ts'
import { ProblemError } from './problem.ts'
import { type Question, type QuestionName, questions } from './questions.ts'
import { Rows } from './rows.ts'
import { bodyOf, type Format } from './tables.ts'

export interface QueryThreadConfig {
  readonly storePath: string
  readonly timeZone: string
  readonly visits?: VisitSettings | undefined
  /** What is configured to be counted beside the catalogue. */
  readonly definitions: readonly (readonly [string, MetricDefinition])[]
  /** One number: the question that nobody waits for any more. */
  readonly cancelled: Int32Array
}

export interface Asking {
  readonly id: number
  readonly question: QuestionName
  readonly asked: unknown
  readonly nowMs: number
  readonly timeoutMs: number
  readonly rowsMax: number
  readonly ifNoneMatch: string | undefined
  readonly format: Format
}

export type Answering =
  | {
      readonly type: 'answer'
      readonly id: number
      readonly etag: string
      readonly body: string
      readonly rows: number
      readonly next: string | null
    }
  /** What the asker has is still true. */
  | { readonly type: 'same'; readonly id: number; readonly etag: string }
  | {
      readonly type: 'problem'
      readonly id: number
      readonly problem: Pick<ProblemError, 'status' | 'kind' | 'title' | 'message' | 'didYouMean'>
    }
  | { readonly type: 'failure'; readonly id: number; readonly message: string; readonly stack: string }

/** Numbers of data versions begin anew with each connection; so does this. */
const connectionId = randomBytes(6).toString('base64url')

function run(config: QueryThreadConfig, port: NonNullable<typeof parentPort>): void {
  const { storePath, timeZone, definitions, cancelled, visits = noVisitSettings } = config
  defineMetrics(new Map(definitions))
  const days = new ZoneDays(timeZone)
  let current = 0
  const budget = new Budget(
    () => performance.now(),
    () => Atomics.load(cancelled, 0) === current,
  )
  const rows = new Rows(openReader(storePath), budget)
  port.on('message', (asking: Asking) => {
    current = asking.id
    budget.start(asking)
    port.postMessage(answerTo(asking, { rows, days, visits, nowMs: asking.nowMs }, () => budget.rows))
  })
}

function answerTo(asking: Asking, reading: Reading, rowsRead: () => number): Answering {
  const { id, asked, ifNoneMatch } = asking
  try {
    return reading.rows.snapshot<Answering>(() => {
      const question: Question = questions[asking.question]
      const etag = etagOf(asking, question, reading)
      if (ifNoneMatch !== undefined && isListed(etag, ifNoneMatch)) return { type: 'same', id, etag }
      const answer = question.answer(reading, asked as never)
      const body = bodyOf(asking.question, answer, asking.format)
      return { type: 'answer', id, etag, body, next: nextOf(answer), rows: rowsRead() }
    })
  } catch (error) {
    if (error instanceof ProblemError) {
      const { status, kind, title, message, didYouMean } = error
      return { type: 'problem', id, problem: { status, kind, title, message, didYouMean } }
    }
    const { message, stack = '' } = error as Error
    return { type: 'failure', id, message, stack }
  }
}

/** The cursor of the next page, for formats that have no place for it. */
function nextOf(answer: unknown): string | null {
  const { next, meta } = answer as { next?: string | null; meta?: { next?: string | null } }
  return next ?? meta?.next ?? null
}

/** Changes with every commit, and with the second where the question moves with the clock. */
function etagOf(
  { question: name, asked, format, nowMs }: Asking,
  question: Question,
  { rows }: Reading,
): string {
  const slot = question.moves(asked as never) ? Math.floor(nowMs / 1000) : null
  const state = [connectionId, rows.dataVersion(), rows.commit().version, slot, name, format, asked]
  return `"${createHash('sha1').update(JSON.stringify(state)).digest('base64url')}"`
}

function isListed(etag: string, ifNoneMatch: string): boolean {
  return ifNoneMatch.split(',').some(text => text.trim().replace(/^W\//, '') === etag)
}

if (parentPort) run(workerData as QueryThreadConfig, parentPort)
