// Every route that is registered has a rule, every rule a route; and each is walked as nobody, as a viewer, as an
// admin, from a wrong origin and with a cookie alone.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { AnswerServer } from '../server.ts'
import { FixedClock, StoreFeed, startTestServer, testConfig } from '../test-store.ts'
import type { AuditAnswer } from './contract-accounts.ts'
import { type RouteRule, routeRules, ruleFor } from './role-table.ts'
import { routes } from './routes.ts'

let directory: Awaited<ReturnType<typeof mkdtempDisposable>>
let server: AnswerServer
let origin: string
let tokens: Readonly<Record<'admin' | 'viewer', string>>
let viewerCookie: string
const clock = new FixedClock()

before(async () => {
  directory = await mkdtempDisposable(join(tmpdir(), 'roles-'))
  const config = testConfig(directory.path)
  new StoreFeed(join(config.dataDirectory, 'windows.db'), clock).close()
  server = await startTestServer(config, clock)
  origin = `http://127.0.0.1:${server.port}`
  const { sessions } = server
  tokens = {
    admin: readFileSync(config.tokenPath, 'utf8').trim(),
    viewer: sessions.tokens.add('reader', 'viewer', 'admin', null).token,
  }
  await sessions.accounts.add('vera', 'viewer', 'quiet-morning-7')
  viewerCookie = `tailrace_session=${sessions.startFor('vera', 'viewer')}`
})

after(async () => {
  await server.close()
  await directory.remove()
})

interface Registered {
  readonly method: string
  readonly path: string
}

/** What express has, in the words of the table. */
function registered(): Registered[] {
  const { stack } = (
    server.application as unknown as {
      router: { stack: { route?: { path: string; methods: Record<string, boolean> } }[] }
    }
  ).router
  return stack.flatMap(({ route }) => {
    if (!route) return []
    const methods = Object.keys(route.methods).filter(method => method !== 'head')
    // `all` registers every method there is.
    if (methods.length > 10) return [{ method: 'ALL', path: route.path }]
    return methods.map(method => ({ method: method.toUpperCase(), path: route.path }))
  })
}

/** A path of the route, with something in place of every parameter. */
function example(path: string): string {
  return path === '/{*view}' ? '/some/view' : path.replaceAll(/:(\w+)/g, 'x-$1')
}

test('every route has a rule, and every rule but those of the page a route', () => {
  const found = registered().map(({ method, path }) => `${method} ${path}`)
  assert.ok(found.length > 50, 'the routes of express are found')
  assert.deepEqual(
    found.filter(route => !Object.hasOwn(routeRules, route)),
    [],
    'add these to analytics/http/role-table.ts',
  )
  const served = new Set([...found, 'GET /{*view}'])
  assert.deepEqual(
    Object.keys(routeRules).filter(route => !served.has(route)),
    [],
    'these are in analytics/http/role-table.ts and nowhere else',
  )
  for (const { path, body } of routes) {
    const route = `${body ? 'POST' : 'GET'} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`
    assert.ok(Object.hasOwn(routeRules, route), route)
  }
})

test('a path finds the rule of the route that answers it, whatever its case', () => {
  for (const { method, path } of registered()) {
    const asked = method === 'ALL' ? 'PUT' : method
    assert.equal(ruleFor(asked, example(path)).route, `${method} ${path}`)
    assert.equal(ruleFor(asked, `${example(path).toUpperCase()}/`).who, ruleFor(asked, example(path)).who)
  }
  assert.equal(ruleFor('HEAD', '/api/v1/audit').who, 'admin')
  assert.deepEqual(
    ['/api/v1/new', '/API/v1/new', '/api', '/prometheus/x'].map(path => ruleFor('GET', path).who),
    ['admin', 'admin', 'admin', 'admin'],
  )
  assert.equal(ruleFor('TRACE', '/').who, 'admin')
})

const outcomes = async (method: string, path: string, headers: Record<string, string>) => {
  const asked = method === 'ALL' ? 'GET' : method
  const init = asked === 'GET' || asked === 'DELETE' ? {} : { body: '{}' }
  const all = { 'content-type': 'application/json', ...headers }
  const response = await fetch(`${origin}${path}`, {
    method: asked,
    headers: all,
    redirect: 'manual',
    ...init,
  })
  const text = await response.text()
  return { status: response.status, text }
}

/** Passed the gate: whatever the route then says of an empty body or of what does not exist. */
const isPast = ({ status, text }: { status: number; text: string }) =>
  status !== 401 &&
  !(status === 403 && /role-needed|wrong-origin|takes the role|come from our own/.test(text))

test('nobody gets what takes a role; a viewer reads and does not act; an admin does both', async () => {
  const wrong: string[] = []
  const expect = (what: string, holds: boolean) => {
    if (!holds) wrong.push(what)
  }
  for (const [route, { who }] of walked()) {
    const [method = '', pattern = ''] = route.split(' ')
    const path = example(pattern)
    const ask = (headers: Record<string, string>) => outcomes(method, path, headers)
    const nobody = await ask({ origin })
    if (who !== 'anyone') expect(`nobody: ${route} ${nobody.status}`, nobody.status === 401)
    const forged = await ask({ origin, authorization: 'Bearer tailrace_x', cookie: 'tailrace_session=x' })
    if (who !== 'anyone') expect(`forged: ${route} ${forged.status}`, forged.status === 401)
    const viewer = await ask({ authorization: `Bearer ${tokens.viewer}` })
    if (who === 'admin') {
      expect(`viewer: ${route} ${viewer.status} ${viewer.text}`, viewer.status === 403)
      expect(`viewer is told: ${viewer.text}`, viewer.text.includes('the role admin'))
    } else if (!isOwn(route)) expect(`viewer: ${route} ${viewer.status}`, isPast(viewer))
    const admin = await ask({ authorization: `Bearer ${tokens.admin}` })
    expect(`admin: ${route} ${admin.status} ${admin.text}`, isPast(admin))
  }
  assert.deepEqual(wrong, [])
})

test('a cookie acts from our own origin alone; a token from nowhere else than it, or without one', async () => {
  for (const [route, rule] of walked()) {
    const [method = '', pattern = ''] = route.split(' ')
    if (method === 'GET' || method === 'ALL' || rule.anywhere) continue
    for (const wrong of [
      {},
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { origin: `${origin}0` },
    ]) {
      const { status, text } = await outcomes(method, example(pattern), { cookie: viewerCookie, ...wrong })
      assert.deepEqual(
        [status, text.includes('wrong-origin') || text.includes('own page')],
        [403, true],
        route,
      )
    }
    const authorization = `Bearer ${tokens.admin}`
    const foreign = await outcomes(method, example(pattern), {
      authorization,
      origin: 'https://evil.example',
    })
    assert.equal(foreign.status, 403, route)
  }
})

test('what a viewer was refused, and what an admin did, is in the log', async () => {
  const response = await fetch(`${origin}/api/v1/audit?limit=1000`, {
    headers: { authorization: `Bearer ${tokens.admin}` },
  })
  const { entries } = (await response.json()) as AuditAnswer
  const refused = entries.filter(({ kind, user }) => kind === 'refused' && user === 'reader')
  assert.ok(refused.some(({ action, role }) => action === 'POST /api/v1/accounts' && role === 'viewer'))
  const acted = entries.filter(({ kind, user }) => kind === 'act' && user === 'admin')
  assert.ok(acted.some(({ action }) => action === 'POST /api/v1/login-links'))
  assert.ok(!acted.some(({ action }) => action === 'POST /api/v1/query'), 'a question is no act')
})

/** All but what would take the callers' own sessions away. */
function walked(): [string, RouteRule][] {
  return Object.entries(routeRules).filter(([route]) => route !== 'DELETE /api/v1/sessions')
}

/** The role alone does not decide there: it has a test of its own. */
function isOwn(route: string): boolean {
  return route === 'POST /api/v1/accounts/:name/password'
}
