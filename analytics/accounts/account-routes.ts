// Accounts, tokens and the audit log over HTTP. Who may is in the table of roles; here only that one's own password is
// one's own to change, with the old one. What ends takes its sockets with it at once.
import express, { type Application, type Request } from 'express'
import { z } from 'zod'
import { type AccessRules, identify } from '../http/access.ts'
import type { AccountsAnswer, ApiTokensAnswer } from '../http/contract-accounts.ts'
import { remark, roleNeeded } from '../http/gate.ts'
import { ProblemError } from '../queries/problem.ts'
import { newAccountSchema, newPasswordSchema, newRoleSchema, newTokenSchema } from './schemas.ts'

const auditQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  before: z.coerce.number().int().min(1).optional(),
  user: z.string().min(1).max(100).optional(),
  kind: z.enum(['signIn', 'signInRefused', 'signOut', 'refused', 'act']).optional(),
})

export function addAccounts(application: Application, access: AccessRules): void {
  const { sessions, audit } = access
  const { accounts } = sessions
  const body = express.json({ limit: '4kb' })
  const ended = (hashes: readonly string[]) => {
    for (const session of hashes) sessions.onEnded(session)
  }
  application.get('/api/v1/accounts', (_request, response) => {
    const answer: AccountsAnswer = { accounts: accounts.list() }
    response.set('Cache-Control', 'no-store').json(answer)
  })
  application.post('/api/v1/accounts', body, async (request, response) => {
    const { name, role, password } = parsed(newAccountSchema, request.body)
    remark(response, `${name}, ${role}`)
    await accounts.add(name, role, password)
    response.status(201).set('Cache-Control', 'no-store').json({ name, role })
  })
  application.delete('/api/v1/accounts/:name', (request, response) => {
    ended(accounts.remove(nameIn(request)))
    response.status(204).end()
  })
  application.post('/api/v1/accounts/:name/password', body, async (request, response) => {
    const { password, current } = parsed(newPasswordSchema, request.body)
    const name = nameIn(request)
    const me = identify(request, access)!
    const isMine = me.by === 'password' && me.user === name
    if (!isMine && me.role !== 'admin') throw roleNeeded(me, 'admin')
    if (isMine && (await accounts.check(name, current ?? '')) === null) {
      const detail = 'current: is not the password that you have now.'
      throw new ProblemError(403, 'wrong-password', 'Not your password', detail)
    }
    ended(await accounts.changePassword(name, password, isMine ? me.session : ''))
    response.status(204).end()
  })
  application.post('/api/v1/accounts/:name/role', body, (request, response) => {
    const { role } = parsed(newRoleSchema, request.body)
    remark(response, role)
    ended(accounts.changeRole(nameIn(request), role))
    response.status(204).end()
  })
  addTokens(application, access)
  application.get('/api/v1/audit', (request, response) => {
    response.set('Cache-Control', 'no-store').json(audit.page(parsed(auditQuery, request.query)))
  })
}

function addTokens(application: Application, access: AccessRules): void {
  const { sessions } = access
  application.get('/api/v1/tokens', (_request, response) => {
    const answer: ApiTokensAnswer = { tokens: sessions.tokens.list() }
    response.set('Cache-Control', 'no-store').json(answer)
  })
  application.post('/api/v1/tokens', express.json({ limit: '4kb' }), (request, response) => {
    const { name, role, expiresAt } = parsed(newTokenSchema, request.body)
    const made = sessions.tokens.add(name, role, identify(request, access)!.user, expiresAt)
    remark(response, `${made.id} ${name}, ${role}`)
    response.status(201).set('Cache-Control', 'no-store').json(made)
  })
  application.delete('/api/v1/tokens/:id', (request, response) => {
    const id = String(request.params['id'])
    remark(response, sessions.tokens.remove(id))
    sessions.onEnded(`token:${id}`)
    response.status(204).end()
  })
}

function nameIn(request: Request): string {
  return String(request.params['name']).toLowerCase()
}

function parsed<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value ?? {})
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  const name = issue.path.join('.') || 'the request'
  throw new ProblemError(400, 'bad-field', `Cannot read ${name}`, `${name}: ${issue.message}.`)
}
