// The one gate in front of every route: by the table of roles it decides who passes, asks for our own origin where
// something is changed, and tells the audit log what was done and what was refused.
import type { Request, RequestHandler, Response } from 'express'
import type { AuditLog } from '../accounts/audit-log.ts'
import { ProblemError } from '../queries/problem.ts'
import { type AccessRules, addressOf, identify, mayAct } from './access.ts'
import type { AuditKind } from './contract-accounts.ts'
import { notSignedIn } from './problems.ts'
import { mayDo, type RouteRule, ruleFor } from './role-table.ts'
import type { Identity } from './sessions.ts'

/** What a route may say of what it did, for the audit log. */
export function remark(response: Response, detail: string): void {
  response.locals['auditDetail'] = detail
}

/** Express on `finish`; a refused request is told by `refuse` already. */
export function gate(access: AccessRules): RequestHandler {
  return (request, response, next) => {
    const rule = ruleFor(request.method, request.path)
    const identity = identify(request, access)
    const changes = request.method !== 'GET' && request.method !== 'HEAD'
    if (rule.who !== 'anyone' && !identity) return next(notSignedIn())
    if (changes && !rule.anywhere && !mayAct(request, access)) {
      if (identity) note(access.audit, 'refused', { request, identity, status: 403, detail: 'wrong origin' })
      return next(wrongOrigin())
    }
    if (!mayDo(identity?.role ?? null, rule.who)) {
      const problem = roleNeeded(identity!, 'admin')
      note(access.audit, 'refused', { request, identity, status: 403, detail: problem.message })
      return next(problem)
    }
    if (rule.acts) {
      response.once('finish', () => {
        const { statusCode: status, locals } = response
        const isRefused = status === 401 || status === 403
        // Whoever is not known leaves a trace only by what succeeds: else strangers would fill the log.
        if (!identity && status >= 400) return
        const detail = String(locals['auditDetail'] ?? '')
        note(access.audit, isRefused ? 'refused' : 'act', { request, identity, status, detail })
      })
    }
    next()
  }
}

export function wrongOrigin(): ProblemError {
  const detail = 'Requests that act come from our own page.'
  return new ProblemError(403, 'wrong-origin', 'Not from this page', detail)
}

export function roleNeeded({ user, role }: Identity, needed: RouteRule['who']): ProblemError {
  const detail =
    `This takes the role ${needed}; ${user} has the role ${role}. ` +
    'Whoever is signed in as a viewer may look, and change nothing.'
  return new ProblemError(403, 'role-needed', `For the role ${needed}`, detail)
}

interface Noted {
  readonly request: Request
  readonly identity: Identity | null
  readonly status: number
  readonly detail: string
}

function note(audit: AuditLog, kind: AuditKind, { request, identity, status, detail }: Noted): void {
  audit.add({
    user: identity?.user ?? '',
    role: identity?.role ?? null,
    by: identity?.by ?? 'nobody',
    address: addressOf(request),
    kind,
    // Without the query: there is no telling what stands in it.
    action: `${request.method} ${request.originalUrl.split('?')[0]}`,
    status,
    detail,
  })
}
