// Whether a request may pass: addressed to us by a name of ours (a page elsewhere may have rebound its own name to
// loopback), from a page of ours where it changes something or opens a socket, and by somebody we know.
import type { IncomingMessage } from 'node:http'
import type { AuditLog } from '../accounts/audit-log.ts'
import type { Identity, Sessions } from './sessions.ts'
import { sessionCookie } from './sessions.ts'

export interface AccessRules {
  readonly sessions: Sessions
  readonly publicOrigins: readonly string[]
  readonly audit: AuditLog
}

const loopbackHost = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d+)?$/i

/** True if the Host header is a loopback name or one of the public origins. */
export function isOurHost(request: IncomingMessage, rules: AccessRules): boolean {
  const host = request.headers.host ?? ''
  return (
    loopbackHost.test(host) ||
    rules.publicOrigins.some(origin => URL.parse(origin)?.host === host.toLowerCase())
  )
}

/** True if the Origin is exactly the origin this request was addressed to, or one of the public ones. */
export function isOurOrigin(request: IncomingMessage, rules: AccessRules): boolean {
  const { origin, host } = request.headers
  if (origin === undefined) return false
  const scheme = isEncrypted(request) ? 'https' : 'http'
  return origin === `${scheme}://${host}` || rules.publicOrigins.includes(origin)
}

/** True for what came over TLS: from another host, perhaps. */
export function isEncrypted(request: IncomingMessage): boolean {
  return (request.socket as { encrypted?: boolean }).encrypted === true
}

/** True for what may come from another host: over TLS, or by a proxy in front of us, which says its own name. */
export function isFromElsewhere(request: IncomingMessage): boolean {
  return isEncrypted(request) || !loopbackHost.test(request.headers.host ?? '')
}

export function addressOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? ''
}

/** Over TLS only the cookie that came over TLS counts: a plain one may have been put there by somebody else. */
export function cookieOf(request: IncomingMessage): string | null {
  const wanted = sessionCookie(isEncrypted(request))
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const equals = pair.indexOf('=')
    if (pair.slice(0, equals).trim() === wanted) return pair.slice(equals + 1).trim()
  }
  return null
}

function bearerOf(request: IncomingMessage): string | null {
  const match = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')
  return match ? match[1]! : null
}

const identities = new WeakMap<IncomingMessage, Identity | null>()

/** Who asks, as of when the request came; null when nobody we know. A token wins over a cookie. */
export function identify(request: IncomingMessage, { sessions }: AccessRules): Identity | null {
  const known = identities.get(request)
  if (known !== undefined) return known
  const token = bearerOf(request)
  const cookie = token === null ? cookieOf(request) : null
  const identity =
    token !== null ? sessions.byToken(token) : cookie === null ? null : sessions.bySession(cookie)
  identities.set(request, identity)
  return identity
}

/**
 * A cookie travels with requests that other pages cause; so where something is changed or a socket opened, a cookie
 * counts only together with our own Origin. A token never travels by itself.
 */
export function mayAct(request: IncomingMessage, rules: AccessRules): boolean {
  return bearerOf(request) !== null
    ? request.headers.origin === undefined || isOurOrigin(request, rules)
    : isOurOrigin(request, rules)
}
