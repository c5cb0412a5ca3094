// Signing in, by a link that works once or by name and password, and signing out: here, or everywhere. Tries are
// counted; what a refusal says and costs does not tell which names exist.
import express, { type Application, type Request, type Response } from 'express'
import { LoginLimits } from '../accounts/login-limits.ts'
import { ProblemError } from '../queries/problem.ts'
import { type AccessRules, addressOf, cookieOf, identify, isEncrypted, isOurOrigin } from './access.ts'
import type { MeAnswer } from './contract.ts'
import type { AuditEntry, AuditKind, Role } from './contract-accounts.ts'
import { notSignedIn } from './problems.ts'
import { loginSchema } from './schemas.ts'
import { cookieHeader, type Identity } from './sessions.ts'

export interface SigningInOptions {
  readonly access: AccessRules
  readonly build: string
  nowMs(): number
}

export function addSigningIn(application: Application, options: SigningInOptions): void {
  const { access, build } = options
  const { sessions } = access
  const limits = new LoginLimits()
  application.post('/api/v1/login', express.json({ limit: '4kb' }), async (request, response) => {
    if (request.headers.origin !== undefined && !isOurOrigin(request, access)) {
      throw new ProblemError(403, 'wrong-origin', 'Not from this page', 'Signing in is for our own page.')
    }
    const body = loginSchema.safeParse(request.body)
    if (!body.success) {
      const detail = 'Send {"token": "…"} of a link, or {"user": "…", "password": "…"}, as JSON.'
      throw new ProblemError(400, 'bad-field', 'Cannot read this sign-in', detail)
    }
    const entered =
      'token' in body.data
        ? byLink(body.data.token, request, options, limits)
        : await byPassword(body.data, request, options, limits)
    if (entered.cookie !== null) giveCookie(request, response, entered.cookie)
    answerMe(response, entered, build)
  })
  application.post('/api/v1/login-links', (_request, response) => {
    response.set('Cache-Control', 'no-store').json(sessions.makeLink())
  })
  application.post('/api/v1/logout', (request, response) => {
    const cookie = cookieOf(request)
    const identity = cookie === null ? null : sessions.bySession(cookie)
    if (identity) note(access, request, { ...identity, kind: 'signOut', status: 204, detail: '' })
    if (cookie !== null) sessions.end(cookie)
    takeCookie(request, response)
    response.status(204).end()
  })
  application.delete('/api/v1/sessions', (request, response) => {
    const { user, by } = identify(request, access)!
    // Tokens have no sessions: an admin's ends those of links.
    const ended = sessions.endAll(user, by === 'token' ? 'link' : by)
    takeCookie(request, response)
    response.set('Cache-Control', 'no-store').json({ ended })
  })
  application.get('/api/v1/me', (request, response) => {
    const identity = identify(request, access)
    if (!identity) throw notSignedIn()
    answerMe(response, identity, build)
  })
}

interface Entered extends Pick<Identity, 'user' | 'role' | 'by'> {
  /** Null for one who was signed in already. */
  readonly cookie: string | null
}

function byLink(
  token: string,
  request: Request,
  { access, nowMs }: SigningInOptions,
  limits: LoginLimits,
): Entered {
  const admin = { user: 'admin', role: 'admin', by: 'link' } as const
  const known = identify(request, access)
  // Opening a used link again is no failure for whoever has what it gives.
  if (known?.role === 'admin') return { ...known, cookie: null }
  const address = addressOf(request)
  refuseOften(limits.take(address, null, nowMs()))
  const cookie = access.sessions.redeemLink(token)
  if (cookie !== null) {
    limits.succeeded(address, null)
    note(access, request, { ...admin, kind: 'signIn', status: 200, detail: 'by link' })
    return { ...admin, cookie }
  }
  note(access, request, { ...unknown, kind: 'signInRefused', status: 401, detail: 'by link' })
  const detail =
    'This sign-in link was used or is more than 15 minutes old. `node cli/tailrace.js login-link` prints another.'
  throw new ProblemError(401, 'link-used', 'The link does not sign in any more', detail)
}

async function byPassword(
  { user, password }: { readonly user: string; readonly password: string },
  request: Request,
  { access, nowMs }: SigningInOptions,
  limits: LoginLimits,
): Promise<Entered> {
  const { sessions } = access
  const address = addressOf(request)
  refuseOften(limits.take(address, user, nowMs()))
  const role = await sessions.accounts.check(user, password)
  if (role === null) {
    note(access, request, { ...unknown, user, kind: 'signInRefused', status: 401, detail: 'by password' })
    const detail = 'There is no such account, or this is not its password.'
    throw new ProblemError(401, 'wrong-password', 'Name or password is wrong', detail)
  }
  limits.succeeded(address, user)
  const entered = { user, role, by: 'password' } as const
  note(access, request, { ...entered, kind: 'signIn', status: 200, detail: 'by password' })
  // What this browser had before is of somebody else, or would stay behind.
  const before = cookieOf(request)
  if (before !== null) sessions.end(before)
  return { ...entered, cookie: sessions.startFor(user, role) }
}

const unknown = { user: '', role: null, by: 'nobody' } as const

function refuseOften(waitMs: number): void {
  if (waitMs === 0) return
  const seconds = Math.ceil(waitMs / 1000)
  const detail = `Too many tries to sign in. Try again in ${seconds} s.`
  throw new ProblemError(429, 'too-many-tries', 'Too many tries', detail)
}

function answerMe(
  response: Response,
  { user, role, by }: Pick<Identity, 'user' | 'role' | 'by'>,
  build: string,
) {
  response.set('Cache-Control', 'no-store').json({ user, role, by, build } satisfies MeAnswer)
}

function giveCookie(request: Request, response: Response, cookie: string): void {
  response.set('Set-Cookie', cookieHeader(cookie, isEncrypted(request)))
}

function takeCookie(request: Request, response: Response): void {
  response.set('Set-Cookie', cookieHeader('', isEncrypted(request), 0))
}

interface SignInNote {
  readonly user: string
  readonly role: Role | null
  readonly by: AuditEntry['by']
  readonly kind: AuditKind
  readonly status: number
  readonly detail: string
}

function note({ audit }: AccessRules, request: Request, noted: SignInNote): void {
  const { user, role, by, kind, status, detail } = noted
  const action = `POST ${request.path}`
  audit.add({ user, role, by, address: addressOf(request), kind, action, status, detail })
}
