// One request of the API: its query checked by the route's schema, answered by the query thread or by this one, with an
// ETag where it comes from committed rows. A connection that closes takes its question with it.
import type { Request, Response } from 'express'
import type { Answered } from '../queries/query-thread.ts'
import { type Format, isTable } from '../queries/tables.ts'
import { queryProblem } from './problems.ts'
import type { Route, RouteContext } from './routes.ts'

export interface Asker {
  readonly context: RouteContext
  /** Whose share of the questions under way this one counts against. */
  readonly asker: string
}

export async function answerRoute(
  route: Route,
  { context, asker }: Asker,
  request: Request,
  response: Response,
): Promise<void> {
  const query = route.query.safeParse(request.query)
  if (!query.success) throw queryProblem(query.error, Object.keys(route.query.shape))
  const body = route.body?.safeParse(request.body ?? {})
  if (body?.success === false) throw queryProblem(body.error, Object.keys(route.body!.shape))
  const asked = { ...query.data, ...body?.data, ...request.params }
  const { question } = route
  if (question === undefined) {
    const answered = await route.answerTo?.(context, asked)
    response.set('Cache-Control', 'no-store').json(answered)
    return
  }
  const format = isTable(question) ? formatOf(request, asked) : 'json'
  const answered = await context.queries.ask({
    question,
    asked,
    asker,
    format,
    nowMs: context.nowMs(),
    ifNoneMatch: request.headers['if-none-match'],
    signal: closedSignal(response),
  })
  if (isTable(question)) response.vary('Accept')
  sendAnswer(response, answered, mediaTypes[format])
}

const mediaTypes: Readonly<Record<Format, string>> = {
  json: 'application/json',
  csv: 'text/csv; charset=utf-8; header=present',
  ndjson: 'application/x-ndjson',
}

/** What the question says; else what is accepted, JSON before all. */
function formatOf(request: Request, asked: { readonly format?: unknown }): Format {
  if (asked.format !== undefined) return asked.format as Format
  const accepted = request.accepts([
    'application/json',
    'text/csv',
    'application/x-ndjson',
    'application/ndjson',
  ])
  if (accepted === 'text/csv') return 'csv'
  return accepted === 'application/x-ndjson' || accepted === 'application/ndjson' ? 'ndjson' : 'json'
}

/** Aborts when the connection closes before the answer is out. */
export function closedSignal(response: Response): AbortSignal {
  const controller = new AbortController()
  response.once('close', () => {
    if (!response.writableEnded) controller.abort()
  })
  return controller.signal
}

export function sendAnswer(response: Response, { etag, body, next, rows }: Answered, type: string): void {
  // Kept by whoever asked, and asked again each time: a 304 costs no reading.
  response.set({ ETag: etag, 'Cache-Control': 'private, no-cache', 'X-Tailrace-Rows-Read': String(rows) })
  if (next !== null) response.set('X-Tailrace-Next', next)
  if (body === null) response.status(304).end()
  else response.type(type).send(body)
}
