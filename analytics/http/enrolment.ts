// Joining over HTTP: invitations, agents and their removal for whoever is signed in; enrolment by a token; the script
// and the packages it fetches, which hold no secret, for everybody.
import express, { type Application, type Request, type RequestHandler } from 'express'
import { z } from 'zod'
import type { Enrolling } from '../enrolment/enrolling.ts'
import { ProblemError } from '../queries/problem.ts'

const topicWord = z.string().regex(/^[\w.-]{1,249}\*?$/, 'a topic, or a prefix and a star')
const nameWord = z.string().regex(/^[\w.-]{1,64}$/, 'letters, digits, dots, dashes; 64 at most')

export const invitationSchema = z.strictObject({
  name: nameWord.optional(),
  expiresInMs: z
    .number()
    .int()
    .min(10_000)
    .max(7 * 86_400_000)
    .default(900_000),
  topics: z.array(topicWord).min(1).max(20).default(['behavior', 'metrics', 'logs']),
})

export const applicantSchema = z.strictObject({
  token: z.string().min(1).max(200),
  host: nameWord,
  agentId: z.string().regex(/^[0-9a-z]{8}$/),
})

export interface EnrolmentDoors {
  readonly enrolling: Enrolling
  readonly onlyOurs: RequestHandler
  readonly signedIn: RequestHandler
}

export function addEnrolment(application: Application, doors: EnrolmentDoors): void {
  const { enrolling, onlyOurs, signedIn } = doors
  const body = express.json({ limit: '4kb' })
  application.post('/api/v1/agents/invitations', onlyOurs, signedIn, body, (request, response) => {
    const { name, expiresInMs, topics } = parsed(invitationSchema, request)
    const invitation = enrolling.invite(name ?? null, expiresInMs, topics)
    response.set('Cache-Control', 'no-store').json(invitation)
  })
  application.post('/api/v1/agents/enroll', body, async (request, response) => {
    const applicant = parsed(applicantSchema, request)
    const answer = await enrolling.enrol(applicant, request.socket.remoteAddress ?? '')
    response.set('Cache-Control', 'no-store').json(answer)
  })
  application.get('/api/v1/agents/enrolled', signedIn, (_request, response) => {
    response.set('Cache-Control', 'no-store').json({ agents: enrolling.list(), removed: enrolling.removed() })
  })
  application.delete('/api/v1/agents/enrolled/:agent', onlyOurs, signedIn, async (request, response) => {
    response.set('Cache-Control', 'no-store').json(await enrolling.remove(String(request.params['agent'])))
  })
  application.get('/install.sh', (_request, response) => {
    response.set('Cache-Control', 'no-store').type('text/x-shellscript').send(enrolling.script())
  })
  application.get('/packages/:file', (request, response, next) => {
    const path = enrolling.packagePath(String(request.params['file']))
    if (path === null) next()
    else response.set('Cache-Control', 'no-store').sendFile(path)
  })
}

function parsed<S extends z.ZodType>(schema: S, request: Request): z.output<S> {
  const result = schema.safeParse(request.body ?? {})
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  const name = issue.path.join('.') || 'the body'
  throw new ProblemError(400, 'bad-field', `Cannot read ${name}`, `${name}: ${issue.message}.`)
}
