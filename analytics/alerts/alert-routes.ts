// Alerts over HTTP: what fires and has fired for whoever is signed in; rules, tests and secrets for admins.
import express, { type Application, type Request, type RequestHandler, type Response } from 'express'
import { z } from 'zod'
import { ProblemError } from '../queries/problem.ts'
import { moment } from '../queries/question.ts'
import type { Alerts } from './alerts.ts'
import { type Rule, ruleSchema } from './rule.ts'
import { WebhookError } from './webhook.ts'

export interface AlertDoors {
  readonly alerts: Alerts
  nowMs(): number
  readonly onlyOurs: RequestHandler
  readonly signedIn: RequestHandler
  readonly admin: RequestHandler
}

const previewSchema = z.strictObject({
  rule: z.unknown(),
  from: z.string().max(60).default('now-1d'),
  to: z.string().max(60).default('now'),
})
const targetSchema = z.strictObject({ url: z.url().max(2000) })
const listSchema = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z
    .string()
    .regex(/^\d{1,16}-[0-9a-f]{1,64}$/)
    .optional(),
})

export function addAlerts(application: Application, doors: AlertDoors): void {
  const { alerts, nowMs, onlyOurs, signedIn, admin } = doors
  const body = express.json({ limit: '64kb' })
  const path = '/api/v1/alerts'
  application.get(path, signedIn, (request, response) => {
    const { limit, cursor } = read(listSchema, request.query)
    const [firedAt, id] = cursor?.split('-') ?? []
    answer(response, alerts.answer(limit, id === undefined ? null : { firedAt: Number(firedAt), id }))
  })
  application.get(`${path}/rules`, signedIn, (_request, response) =>
    answer(response, { rules: alerts.rules() }),
  )
  application.get(`${path}/rules/:id`, signedIn, (request, response) =>
    answer(response, alerts.rule(idOf(request))),
  )
  application.post(`${path}/rules`, onlyOurs, admin, body, (request, response) => {
    answer(response.status(201), alerts.add(ruleOf(request.body)))
  })
  application.put(`${path}/rules/:id`, onlyOurs, admin, body, (request, response) => {
    answer(response, alerts.change(idOf(request), ruleOf(request.body)))
  })
  application.delete(`${path}/rules/:id`, onlyOurs, admin, (request, response) => {
    alerts.remove(idOf(request))
    response.status(204).end()
  })
  application.post(`${path}/preview`, onlyOurs, signedIn, body, async (request, response) => {
    const { rule, from, to } = read(previewSchema, request.body ?? {})
    const span = { fromMs: moment('from', from, nowMs()), toMs: moment('to', to, nowMs()) }
    answer(response, await alerts.preview(ruleOf(rule), span))
  })
  application.post(`${path}/test`, onlyOurs, admin, body, async (request, response) => {
    const { url } = read(targetSchema, request.body ?? {})
    answer(response, await testOf(alerts, url))
  })
  application.post(`${path}/secret`, onlyOurs, admin, body, (request, response) => {
    const { url } = read(targetSchema, request.body ?? {})
    answer(response, { url, secret: alerts.secretFor(url) })
  })
}

async function testOf(alerts: Alerts, url: string): Promise<{ delivered: boolean; error: string | null }> {
  try {
    await alerts.test(url)
    return { delivered: true, error: null }
  } catch (error) {
    if (!(error instanceof WebhookError)) throw error
    return { delivered: false, error: error.message }
  }
}

function ruleOf(body: unknown): Rule {
  return read(ruleSchema, body ?? {})
}

function idOf(request: Request): string {
  return String(request.params['id'])
}

function answer(response: Response, value: unknown): void {
  response.set('Cache-Control', 'no-store').json(value)
}

function read<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  const name = [...issue.path, ...('keys' in issue ? issue.keys : [])].join('.') || 'the body'
  throw new ProblemError(400, 'bad-field', `Cannot read ${name}`, `${name}: ${issue.message}.`)
}
