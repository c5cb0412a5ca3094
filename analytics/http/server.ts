// The HTTP side of the one port: the API of routes.ts, signing in, health and metrics, and the page. Builds an express
// application; listening and WebSocket upgrades are joined in analytics/server.ts.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import express, { type Application, type Request, type RequestHandler, type Response } from 'express'
import type { Log } from '../../runtime/log.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import { addAccounts } from '../accounts/account-routes.ts'
import type { Enrolling } from '../enrolment/enrolling.ts'
import { nearest } from '../queries/nearest.ts'
import { ProblemError } from '../queries/problem.ts'
import { type AccessRules, cookieOf, identify, isFromElsewhere, isOurHost, mayAct } from './access.ts'
import { answerRoute } from './answer-route.ts'
import { addEnrolment } from './enrolment.ts'
import { gate, roleNeeded, wrongOrigin } from './gate.ts'
import { docsPage, docsStyle, openApiDocument } from './openapi.ts'
import { notSignedIn, problemHandler, sendProblem } from './problems.ts'
import { type Alerting, addPrometheus } from './prometheus.ts'
import { type RouteContext, routes } from './routes.ts'
import { addSigningIn } from './signing-in.ts'

export interface ServerOptions {
  readonly context: RouteContext
  readonly access: AccessRules
  readonly metrics: Metrics
  readonly alerting?: Alerting
  readonly log: Log
  readonly build: string
  readonly pageDirectory?: string | undefined
  /** Metrics of others, Prometheus text. */
  brokerMetrics?(): string
  /** Adds the routes of other rooms, behind these doors. */
  addMore?(application: Application, doors: Doors): void
  /** How agents join; without it they do not. */
  readonly enrolling?: Enrolling
  /** Null while everything needed to answer is there, else what is missing. */
  notReady(): string | null
}

export interface Doors {
  /** From our own page, or with a token. */
  readonly onlyOurs: RequestHandler
  readonly signedIn: RequestHandler
  readonly admin: RequestHandler
}

/** Everything from ourselves, nothing from anywhere else; the page is in no frame. */
const pagePolicy =
  "default-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

export function createApplication(options: ServerOptions): Application {
  const { access, log } = options
  const application = express()
  application.disable('x-powered-by')
  application.set('query parser', 'simple')
  application.use((request, response, next) => {
    response.set({
      'Content-Security-Policy': pagePolicy,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Resource-Policy': 'same-origin',
    })
    if (isOurHost(request, access)) next()
    else next(new ProblemError(421, 'wrong-host', 'Not addressed to this server', wrongHost(request)))
  })
  application.use(gate(access))
  addHealth(application, options)
  addSigningIn(application, { access, build: options.build, nowMs: options.context.nowMs })
  addAccounts(application, access)
  const { enrolling } = options
  if (enrolling) {
    addEnrolment(application, { enrolling, onlyOurs: onlyOurs(access), signedIn: signedIn(access) })
  }
  options.addMore?.(application, {
    onlyOurs: onlyOurs(access),
    signedIn: signedIn(access),
    admin: admin(access),
  })
  addApi(application, options)
  addPrometheus(application, {
    context: options.context,
    signedIn: signedIn(access),
    askerOf: request => askerOf(request, access),
    log,
    alerting: options.alerting,
  })
  addPage(application, options.pageDirectory)
  application.use((request: Request) => {
    throw new ProblemError(
      404,
      'not-found',
      'Nothing here',
      `There is nothing at ${request.method} ${request.path}.`,
    )
  })
  application.use(problemHandler(log))
  return application
}

function wrongHost(request: Request): string {
  return `This server answers to loopback names and its public origins, not to "${request.headers.host ?? ''}".`
}

function addHealth(application: Application, options: ServerOptions): void {
  const { access, metrics, notReady, brokerMetrics } = options
  application.get('/healthz', (_request, response) => {
    response.type('text/plain').send('ok\n')
  })
  application.get('/readyz', (_request, response) => {
    const missing = notReady()
    response
      .status(missing === null ? 200 : 503)
      .type('text/plain')
      .send(missing === null ? 'ready\n' : `not ready: ${missing}\n`)
  })
  application.get('/metrics', (request, response) => {
    // Whoever is on this machine may see them; from elsewhere, whoever is signed in.
    if (isFromElsewhere(request) && !identify(request, access)) throw notSignedIn()
    response.type('text/plain; version=0.0.4').send(metrics.render() + (brokerMetrics?.() ?? ''))
  })
}

function admin(access: AccessRules): RequestHandler {
  return (request, _response, next) => {
    const identity = identify(request, access)
    if (!identity) next(notSignedIn())
    else if (identity.role === 'admin') next()
    else next(roleNeeded(identity, 'admin'))
  }
}

function onlyOurs(access: AccessRules): RequestHandler {
  return (request, _response, next) => {
    if (mayAct(request, access)) next()
    else next(wrongOrigin())
  }
}

function signedIn(access: AccessRules): RequestHandler {
  return (request, _response, next) => {
    if (identify(request, access)) next()
    else next(notSignedIn())
  }
}

const jsonBody = express.json({ limit: '64kb', type: () => true })

/** Whose share of the questions under way this one counts against. */
function askerOf(request: Request, access: AccessRules): string {
  return cookieOf(request) ?? identify(request, access)?.user ?? ''
}

function addApi(application: Application, { access, context, build }: ServerOptions): void {
  const document = JSON.stringify(openApiDocument(routes, build))
  const page = docsPage(routes)
  application.get('/api/v1/openapi.json', (_request, response) => {
    response.type('application/json').send(document)
  })
  application.get('/api/v1/docs', (_request, response) => {
    response.type('text/html').send(page)
  })
  application.get('/api/v1/docs.css', (_request, response) => {
    response.type('text/css').send(docsStyle)
  })
  for (const route of routes) {
    const path = route.path.replaceAll(/\{(\w+)\}/g, ':$1')
    const handler: RequestHandler = (request, response) =>
      answerRoute(route, { context, asker: askerOf(request, access) }, request, response)
    if (!route.body) application.get(path, signedIn(access), handler)
    else application.post(path, signedIn(access), onlyOurs(access), jsonBody, handler)
  }
  const paths = routes.map(route => route.path)
  application.use('/api', (request: Request, response: Response) => {
    const asked = `/api${request.path}`
    const near = nearest(asked, paths)
    const hint = near ? ` Did you mean ${near}?` : ''
    const detail = `There is no ${request.method} ${asked.slice(0, 100)}.${hint} See /api/v1/docs.`
    sendProblem(response, new ProblemError(404, 'unknown-route', 'Unknown route', detail, near))
  })
}

function addPage(application: Application, pageDirectory: string | undefined): void {
  if (pageDirectory === undefined || !existsSync(join(pageDirectory, 'index.html'))) {
    application.get('/', (_request, response) => response.redirect('/api/v1/docs'))
    return
  }
  const assets = express.static(join(pageDirectory, 'assets'), {
    immutable: true,
    maxAge: '1y',
    fallthrough: false,
  })
  application.use('/assets', assets)
  application.use(express.static(pageDirectory, { index: 'index.html', setHeaders: revalidate }))
  // Any other path is a view of the page; a missing file is not.
  application.get('/{*view}', (request, response, next) => {
    if (/\.\w+$/.test(request.path) || !request.accepts('html')) next()
    else response.set('Cache-Control', 'no-cache').sendFile(join(pageDirectory, 'index.html'))
  })
}

function revalidate(response: Response): void {
  response.set('Cache-Control', 'no-cache')
}
