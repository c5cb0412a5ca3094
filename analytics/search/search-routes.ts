// The log over HTTP: search, streamed as NDJSON or answered as JSON, and records of a partition page by page.

import { once } from 'node:events'
import type { Application, Request, RequestHandler, Response } from 'express'
import { z } from 'zod'
import type { Cluster } from '../../broker/client/cluster.ts'
import { ConnectionError } from '../../broker/client/connection.ts'
import type { Clock } from '../../runtime/clock.ts'
import { unreachable } from '../admin/refusal.ts'
import type { TailRow } from '../http/contract.ts'
import type { SearchEnd } from '../http/contract-search.ts'
import { queryProblem } from '../http/problems.ts'
import { ProblemError } from '../queries/problem.ts'
import { moment } from '../queries/question.ts'
import { browse } from './browse.ts'
import { type OffsetRange, type SearchWish, search } from './search.ts'
import { searchNewest } from './search-back.ts'

export interface SearchDoors {
  readonly cluster: Cluster
  readonly clock: Clock
  readonly signedIn: RequestHandler
}

/** Each costs a core while it runs. */
const atOnceMax = 4
const rowsMax = 10_000
const wait = { timeoutMs: 1_000 }

const many = z
  .union([z.string(), z.array(z.string())])
  .default([])
  .transform(value => (typeof value === 'string' ? [value] : value))
const wholeNumber = z.string().regex(/^\d{1,15}$/, 'write a whole number')
const searchQuery = z.strictObject({
  topic: z.string().min(1).max(249),
  from: z.string().max(60).default('now-15m'),
  to: z.string().max(60).optional(),
  q: z.string().max(500).optional(),
  re: z.string().max(500).optional(),
  field: many,
  level: z.enum(['info', 'warn', 'error']).optional(),
  limit: z.coerce.number().int().min(1).max(rowsMax).default(100),
  cursor: z.string().max(10_000).optional(),
  invert: z.enum(['yes']).optional(),
  order: z.enum(['oldest', 'newest']).default('oldest'),
  range: many,
  format: z.enum(['json', 'ndjson']).optional(),
})
const recordsQuery = z.strictObject({
  partition: wholeNumber.default('0'),
  offset: wholeNumber.optional(),
  before: wholeNumber.optional(),
  time: z.string().max(60).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(50),
})

export function addSearch(application: Application, { cluster, clock, signedIn }: SearchDoors): void {
  let running = 0
  application.get('/api/v1/search', signedIn, async (request, response) => {
    const query = read(searchQuery, request)
    if (running >= atOnceMax) {
      response.set('Retry-After', String(wait.timeoutMs / 1000))
      throw new ProblemError(
        429,
        'too-many-searches',
        'Busy',
        `${atOnceMax} searches are running; try again.`,
      )
    }
    const isStream =
      (query.format ?? (request.accepts(['json', 'application/x-ndjson']) === 'json' ? 'json' : '')) !==
      'json'
    running++
    try {
      const wish = wishOf(query, clock.wallMs())
      if (query.order === 'newest') await reached(answerNewest(cluster, wish, clock, response))
      else await reached(answer(cluster, wish, isStream, clock, response))
    } finally {
      running--
    }
  })
  application.get('/api/v1/topics/:topic/records', signedIn, async (request, response) => {
    const { partition, offset, before, time, limit } = read(recordsQuery, request)
    const places = [offset, before, time].filter(one => one !== undefined)
    if (places.length > 1) {
      throw new ProblemError(400, 'bad-field', 'Too many places', 'Give one of offset, time and before.')
    }
    const place = {
      topic: String(request.params['topic']),
      partition: Number(partition),
      limit,
      offset: offset === undefined ? undefined : Number(offset),
      before: before === undefined ? undefined : Number(before),
      timeMs: time === undefined ? undefined : moment('time', time, clock.wallMs()),
    }
    const answered = await reached(browse(cluster, place))
    response.set('Cache-Control', 'no-store').json(answered)
  })
}

/** Where no broker answers, that is said, and not that this server failed. */
async function reached<Answer>(answering: Promise<Answer>): Promise<Answer> {
  try {
    return await answering
  } catch (error) {
    throw error instanceof ConnectionError ? unreachable(error) : error
  }
}

function wishOf(query: z.output<typeof searchQuery>, nowMs: number): SearchWish {
  const { topic, from, to, q, re, field, level, limit, cursor, invert, order } = query
  const ranges = query.range.length === 0 ? undefined : query.range.map(rangeOf)
  const isAnyTime = (cursor !== undefined || ranges !== undefined || order === 'newest') && from === 'now-15m'
  const fromMs = isAnyTime ? 0 : moment('from', from, nowMs)
  const end = order === 'newest' ? nowMs : Number.POSITIVE_INFINITY
  const toMs = to === undefined ? end : moment('to', to, nowMs)
  if (fromMs >= toMs) {
    throw new ProblemError(400, 'empty-range', 'Nothing lies between from and to', 'from must be before to.')
  }
  const filter = { text: q, pattern: re, fields: field, level, isInverted: invert === 'yes' }
  return { topic, fromMs, toMs, ...filter, limit, cursor, ranges }
}

/** `3:100-250`: partition, and both ends of the offsets. */
function rangeOf(text: string): OffsetRange {
  const match = /^(\d{1,6}):(\d{1,15})-(\d{1,15})$/.exec(text)
  if (match) return { partition: Number(match[1]), from: Number(match[2]), to: Number(match[3]) }
  throw new ProblemError(400, 'bad-field', 'Cannot read range', 'Write PARTITION:FROM-TO, such as 3:100-250.')
}

async function answerNewest(cluster: Cluster, wish: SearchWish, clock: Clock, response: Response) {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const found = await searchNewest(cluster, wish, gone.signal, () => clock.monotonicMs())
  response.set('Cache-Control', 'no-store').json(found)
}

async function answer(
  cluster: Cluster,
  wish: SearchWish,
  isStream: boolean,
  clock: Clock,
  response: Response,
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const found = search(cluster, wish, gone.signal, () => clock.monotonicMs())
  // Refusals come before anything is written.
  let step = await found.next()
  response.set('Cache-Control', 'no-store')
  if (!isStream) {
    const rows: TailRow[] = []
    for (; !step.done; step = await found.next()) rows.push(step.value)
    response.json({ rows, end: step.value })
    return
  }
  response.type('application/x-ndjson')
  for (; !step.done; step = await found.next()) {
    if (!response.write(`${JSON.stringify(step.value)}\n`)) {
      await once(response, 'drain', { signal: gone.signal }).catch(() => undefined)
    }
  }
  response.end(`${JSON.stringify({ end: step.value satisfies SearchEnd })}\n`)
}

function read<Schema extends z.ZodObject>(schema: Schema, request: Request): z.output<Schema> {
  const result = schema.safeParse(request.query)
  if (result.success) return result.data
  throw queryProblem(result.error, Object.keys(schema.shape))
}
