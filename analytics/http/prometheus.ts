// /prometheus/api/v1: what Grafana's Prometheus data source asks, by GET and by form POST, answered and refused in
// Prometheus's own bodies.
import express, {
  type Application,
  type ErrorRequestHandler,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import type { Log } from '../../runtime/log.ts'
import { ProblemError } from '../queries/problem.ts'
import { closedSignal, sendAnswer } from './answer-route.ts'
import type { RouteContext } from './routes.ts'

export interface PrometheusOptions {
  readonly context: RouteContext
  readonly signedIn: RequestHandler
  askerOf(request: Request): string
  readonly log: Log
  readonly alerting?: Alerting | undefined
}

/** Rules and alerts in Prometheus's bodies. */
export interface Alerting {
  rules(): object
  alerts(): object
}

const root = '/prometheus/api/v1'
/** Asked of committed rows; those with a body also by POST. */
const endpoints = ['query', 'query_range', 'series', 'labels', 'metadata'] as const
const form = express.urlencoded({ extended: false, limit: '256kb', parameterLimit: 100 })

/** The version whose semantics these are: ranges are closed at both ends. */
const semantics = '2.42.0'

export function addPrometheus(application: Application, options: PrometheusOptions): void {
  const { signedIn, log } = options
  for (const endpoint of endpoints) {
    const handler: RequestHandler = (request, response) => answer(endpoint, options, request, response)
    application.get(`${root}/${endpoint}`, signedIn, handler)
    if (endpoint !== 'metadata') application.post(`${root}/${endpoint}`, signedIn, form, handler)
  }
  application.get(`${root}/label/:name/values`, signedIn, (request, response) =>
    answer('label', options, request, response),
  )
  const fixed: Readonly<Record<string, unknown>> = {
    'status/buildinfo': {
      version: semantics,
      revision: 'tailrace',
      branch: '',
      buildUser: '',
      buildDate: '',
      goVersion: '',
      features: {},
    },
    query_exemplars: [],
  }
  const told = (path: string, data: () => unknown) =>
    application.all(`${root}/${path}`, signedIn, (_request, response) => {
      response.set('Cache-Control', 'no-store').json({ status: 'success', data: data() })
    })
  for (const [path, data] of Object.entries(fixed)) told(path, () => data)
  told('rules', () => options.alerting?.rules() ?? { groups: [] })
  told('alerts', () => options.alerting?.alerts() ?? { alerts: [] })
  application.use(root, (_request: Request, _response: Response) => {
    throw new ProblemError(404, 'not_found', 'Nothing here', 'page not found')
  })
  application.use(root, problemHandler(log))
}

async function answer(
  endpoint: string,
  { context, askerOf }: PrometheusOptions,
  request: Request,
  response: Response,
): Promise<void> {
  const body = (request.body ?? {}) as Record<string, string>
  const answered = await context.queries.ask({
    question: 'prometheus',
    asked: { endpoint, parameters: { ...request.query, ...body, ...request.params } },
    asker: askerOf(request),
    nowMs: context.nowMs(),
    ifNoneMatch: request.headers['if-none-match'],
    signal: closedSignal(response),
  })
  sendAnswer(response, answered, 'application/json')
}

function problemHandler(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error)
      return
    }
    const status = (error as { status?: number } | null)?.status ?? 500
    if (status >= 500 && !(error instanceof ProblemError))
      log.error('a request failed', { path: request.path, error })
    if (status === 429 || status === 503) response.set('Retry-After', '1')
    const message =
      status === 500 ? 'the server failed at this request; its log says why' : (error as Error).message
    response.status(status).json({ status: 'error', errorType: typeOf(error, status), error: message })
  }
}

function typeOf(error: unknown, status: number): string {
  const kind = error instanceof ProblemError ? error.kind : ''
  if (['bad_data', 'execution', 'not_found'].includes(kind)) return kind
  if (kind === 'query-timeout') return 'timeout'
  if (kind === 'cancelled') return 'canceled'
  if (kind === 'too-many-rows') return 'execution'
  if (status === 401) return 'unauthorized'
  if (status === 503 || status === 429) return 'unavailable'
  return status < 500 ? 'bad_data' : 'internal'
}
