// Accounts, tokens and the audit log over real HTTP: who gets in and who does not, what a change ends, what is told
// once, what is written down.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { WebSocket } from 'ws'
import type { AccountsAnswer, ApiTokensAnswer, AuditAnswer, NewApiToken } from '../http/contract-accounts.ts'
import { sessionIdleMs, sessionMs } from '../http/sessions.ts'
import type { AnswerServer } from '../server.ts'
import { FixedClock, nowMs, StoreFeed, startTestServer, testConfig } from '../test-store.ts'

let directory: Awaited<ReturnType<typeof mkdtempDisposable>>
let server: AnswerServer
let origin: string
let token: string
const clock = new FixedClock()
const password = 'quiet-morning-7'

before(async () => {
  directory = await mkdtempDisposable(join(tmpdir(), 'accounts-'))
  const config = testConfig(directory.path)
  new StoreFeed(join(config.dataDirectory, 'windows.db'), clock).close()
  server = await startTestServer(config, clock)
  origin = `http://127.0.0.1:${server.port}`
  token = readFileSync(config.tokenPath, 'utf8').trim()
})

after(async () => {
  await server.close()
  await directory.remove()
})

async function call(method: string, path: string, body?: object, headers: Record<string, string> = {}) {
  const response = await fetch(`${origin}/api/v1${path}`, {
    method,
    headers: {
      ...(headers['cookie'] === undefined ? { authorization: `Bearer ${token}` } : { origin }),
      'content-type': 'application/json',
      ...headers,
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text }
}

async function get<Answer>(path: string): Promise<Answer> {
  const { status, text } = await call('GET', path)
  assert.equal(status, 200, text)
  return JSON.parse(text) as Answer
}

async function login(
  user: string,
  secret: string,
): Promise<{ status: number; cookie: string; text: string }> {
  const response = await fetch(`${origin}/api/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin },
    body: JSON.stringify({ user, password: secret }),
  })
  const cookie = (response.headers.get('set-cookie') ?? '').split(';')[0]!
  return { status: response.status, cookie, text: await response.text() }
}

async function watch(headers: Record<string, string>): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/api/v1/live`, ['tailrace.v1'], {
    headers: { origin, ...headers },
  })
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'hello', version: 1, build: 'x' }))
  await once(socket, 'message')
  return socket
}

test('an account is made, signs in by name and password, and is listed without its password', async () => {
  const made = await call('POST', '/accounts', { name: 'Ada', role: 'admin', password })
  assert.deepEqual([made.status, JSON.parse(made.text)], [201, { name: 'ada', role: 'admin' }])
  assert.equal((await call('POST', '/accounts', { name: 'ada', password })).status, 409)
  const { status, cookie, text } = await login(' ADA', password)
  assert.equal(status, 200)
  const { build, ...me } = JSON.parse(text) as Record<string, string>
  assert.deepEqual([me, typeof build], [{ user: 'ada', role: 'admin', by: 'password' }, 'string'])
  assert.equal((await call('GET', '/me', undefined, { cookie })).status, 200)
  const { accounts } = await get<AccountsAnswer>('/accounts')
  const times = { createdAt: nowMs, changedAt: nowMs, lastSeenAt: nowMs }
  assert.deepEqual(accounts, [{ name: 'ada', role: 'admin', ...times, sessions: 1 }])
})

test('what makes no account is refused with its reason', async () => {
  const rows: [body: object, reason: RegExp][] = [
    [{ name: 'b', password: 'short' }, /10 characters/],
    [{ name: 'a b', password }, /name: letters/],
    [{ name: 'b', role: 'root', password }, /role:/],
    [{ name: 'b', password, more: 1 }, /more/],
    [{ name: '__proto__', password }, /name:/],
  ]
  for (const [body, reason] of rows) {
    const { status, text } = await call('POST', '/accounts', body)
    assert.equal(status, 400)
    assert.match(text, reason)
  }
  assert.equal((await call('DELETE', '/accounts/nobody')).status, 404)
  assert.equal((await call('POST', '/accounts/nobody/password', { password })).status, 404)
})

test('a wrong password and an unknown name are told apart by nothing, and tries run out for both', async () => {
  await call('POST', '/accounts', { name: 'known', password })
  const answers = new Map<string, string[]>()
  for (const user of ['known', 'unknown']) {
    const seen: string[] = []
    for (let index = 0; index < 7; index++) {
      const { status, text } = await login(user, 'wrong-password')
      seen.push(`${status} ${text}`)
    }
    answers.set(user, seen)
  }
  assert.deepEqual(answers.get('known'), answers.get('unknown'))
  assert.deepEqual(
    answers.get('known')!.map(answer => answer.slice(0, 3)),
    ['401', '401', '401', '401', '401', '429', '429'],
  )
  assert.equal((await login('known', password)).status, 429, 'the right one too, while it lasts')
  clock.atMs += 60_000
  assert.equal((await login('known', password)).status, 200)
  clock.atMs = nowMs
})

test('a change of password ends every other session and its sockets, and wants the old one', async () => {
  await call('POST', '/accounts', { name: 'vera', password })
  const mine = (await login('vera', password)).cookie
  const other = (await login('vera', password)).cookie
  const socket = await watch({ cookie: other })
  const closed = once(socket, 'close')
  const change = (body: object) => call('POST', '/accounts/vera/password', body, { cookie: mine })
  const next = 'another-evening-8'
  assert.equal((await change({ password: next })).status, 403)
  assert.equal((await change({ password: next, current: 'wrong-password' })).status, 403)
  assert.equal((await change({ password: next, current: password })).status, 204)
  assert.equal(((await closed) as [number])[0], 4401)
  assert.equal((await call('GET', '/me', undefined, { cookie: other })).status, 401)
  assert.equal((await call('GET', '/me', undefined, { cookie: mine })).status, 200)
  assert.equal((await login('vera', password)).status, 401)
  assert.equal((await login('vera', next)).status, 200)
  const theirs = await call('POST', '/accounts/ada/password', { password: next }, { cookie: mine })
  assert.equal(theirs.status, 403)
  assert.match(theirs.text, /takes the role admin; vera has the role viewer/)
})

test('an account that goes takes its sessions and sockets along', async () => {
  await call('POST', '/accounts', { name: 'leaving', password })
  const { cookie } = await login('leaving', password)
  const socket = await watch({ cookie })
  const closed = once(socket, 'close')
  assert.equal((await call('DELETE', '/accounts/leaving')).status, 204)
  assert.equal(((await closed) as [number])[0], 4401)
  assert.equal((await call('GET', '/me', undefined, { cookie })).status, 401)
  await call('POST', '/accounts', { name: 'leaving', password })
  assert.equal((await call('GET', '/me', undefined, { cookie })).status, 401, 'nor by the same name')
})

test('a role that changes ends the sessions and sockets of before; the last admin stays one', async () => {
  await call('POST', '/accounts', { name: 'riser', password })
  const { cookie } = await login('riser', password)
  const socket = await watch({ cookie })
  const closed = once(socket, 'close')
  const role = (name: string, to: unknown) => call('POST', `/accounts/${name}/role`, { role: to })
  assert.equal((await role('riser', 'viewer')).status, 204)
  assert.equal((await call('GET', '/me', undefined, { cookie })).status, 200, 'nothing has changed')
  assert.equal((await role('Riser', 'admin')).status, 204)
  assert.equal(((await closed) as [number])[0], 4401)
  assert.equal((await call('GET', '/me', undefined, { cookie })).status, 401)
  assert.equal((await role('ada', 'viewer')).status, 204)
  const last = await role('riser', 'viewer')
  assert.deepEqual([last.status, JSON.parse(last.text).type], [409, 'urn:tailrace:problem:last-admin'])
  assert.equal((await call('DELETE', '/accounts/riser')).status, 409, 'nor does the last admin go')
  const again = (await login('riser', password)).cookie
  assert.equal((await call('POST', '/accounts/ada/role', { role: 'admin' }, { cookie: again })).status, 204)
  assert.deepEqual([(await role('nobody', 'admin')).status, (await role('ada', 'root')).status], [404, 400])
  assert.equal((await call('DELETE', '/accounts/riser')).status, 204)
})

test('signing out everywhere ends the sessions of one account and of nobody else', async () => {
  await call('POST', '/accounts', { name: 'multi', password })
  const [first, second] = [(await login('multi', password)).cookie, (await login('multi', password)).cookie]
  const stranger = (await login('ada', password)).cookie
  const ended = await call('DELETE', '/sessions', undefined, { cookie: first })
  assert.deepEqual([ended.status, JSON.parse(ended.text)], [200, { ended: 2 }])
  for (const cookie of [first, second])
    assert.equal((await call('GET', '/me', undefined, { cookie })).status, 401)
  assert.equal((await call('GET', '/me', undefined, { cookie: stranger })).status, 200)
})

test('a session ends when it is not used, and in any case after a month', async t => {
  t.after(() => {
    clock.atMs = nowMs
  })
  const { cookie } = await login('ada', password)
  const me = async () => (await call('GET', '/me', undefined, { cookie })).status
  for (let used = nowMs; used < nowMs + sessionMs; used += sessionIdleMs - 1000) {
    clock.atMs = used
    assert.equal(await me(), 200)
  }
  clock.atMs = nowMs + sessionMs
  assert.equal(await me(), 401)
  clock.atMs = nowMs
  const idle = (await login('ada', password)).cookie
  clock.atMs = nowMs + sessionIdleMs
  assert.equal((await call('GET', '/me', undefined, { cookie: idle })).status, 401)
})

test('a token is told once, has its role until its end, and its removal ends its sockets', async t => {
  t.after(() => {
    clock.atMs = nowMs
  })
  const body = { name: 'Grafana', role: 'viewer', expiresAt: nowMs + 3_600_000 }
  const made = await call('POST', '/tokens', body)
  assert.equal(made.status, 201)
  const { token: secret, id } = JSON.parse(made.text) as NewApiToken
  assert.match(secret, /^tailrace_[\w-]{32}$/)
  const authorization = `Bearer ${secret}`
  assert.equal((await call('GET', '/losses', undefined, { authorization })).status, 200)
  assert.equal((await call('POST', '/tokens', body, { authorization })).status, 403)
  const listed = await call('GET', '/tokens')
  assert.ok(!listed.text.includes(secret))
  const { tokens } = JSON.parse(listed.text) as ApiTokensAnswer
  assert.deepEqual(tokens[0], { ...body, id, createdBy: 'admin', createdAt: nowMs, lastUsedAt: nowMs })
  for (const file of ['app.db', 'app.db-wal']) {
    assert.ok(!readFileSync(join(directory.path, 'analytics', file)).includes(secret), file)
  }
  clock.atMs = nowMs + 3_600_000
  assert.equal((await call('GET', '/losses', undefined, { authorization })).status, 401)
  clock.atMs = nowMs
  const socket = await watch({ authorization })
  const closed = once(socket, 'close')
  assert.equal((await call('DELETE', `/tokens/${id}`)).status, 204)
  assert.equal(((await closed) as [number])[0], 4401)
  assert.equal((await call('GET', '/losses', undefined, { authorization })).status, 401)
  assert.equal((await call('DELETE', `/tokens/${id}`)).status, 404)
  assert.equal((await call('POST', '/tokens', { name: 'late', expiresAt: nowMs - 1 })).status, 400)
})

test('the log says who did what from where, page by page, and of secrets nothing', async () => {
  await login('ada', password)
  await login('ada', 'a-wrong-password')
  await login('nobody-at-all', 'a-wrong-password')
  const { entries } = await get<AuditAnswer>('/audit?limit=1000')
  const said = entries.map(
    ({ kind, user, by, status, action }) => `${kind} ${user} ${by} ${status} ${action}`,
  )
  for (const line of [
    'signIn ada password 200 POST /api/v1/login',
    'signInRefused ada nobody 401 POST /api/v1/login',
    'signInRefused nobody-at-all nobody 401 POST /api/v1/login',
    'act admin token 201 POST /api/v1/accounts',
    'act vera password 204 POST /api/v1/accounts/vera/password',
    'refused vera password 403 POST /api/v1/accounts/ada/password',
    'act admin token 204 DELETE /api/v1/accounts/leaving',
  ])
    assert.ok(said.includes(line), line)
  assert.ok(entries.every(({ address }) => /127\.0\.0\.1$/.test(address)))
  assert.ok(!JSON.stringify(entries).includes(password))
  const first = await get<AuditAnswer>('/audit?limit=2')
  const second = await get<AuditAnswer>(`/audit?limit=2&before=${first.next}`)
  assert.deepEqual([...first.entries, ...second.entries], entries.slice(0, 4))
  const refused = await get<AuditAnswer>('/audit?kind=signInRefused&user=ada')
  assert.deepEqual(
    new Set(refused.entries.map(({ kind, user }) => `${kind} ${user}`)),
    new Set(['signInRefused ada']),
  )
})

test('refusals that never end do not wash the rest of the log away', async () => {
  const { AuditLog } = await import('./audit-log.ts')
  const { openAppDatabase } = await import('../app/app-database.ts')
  const { silentLog } = await import('../test-store.ts')
  const database = openAppDatabase(join(directory.path, 'washed.db'))
  const log = new AuditLog(database, clock, silentLog)
  for (let index = 0; index < 500; index++) {
    const action = 'POST /api/v1/login'
    const from = { by: 'nobody', address: '198.51.100.7', role: null } as const
    log.add({ ...from, user: `name-${index}`, kind: 'signInRefused', action, status: 401 })
  }
  assert.equal(log.page({ limit: 1000 }).entries.length, 30)
  database.close()
})

test('a preset admin token loses the white space around it; one that no header can carry is refused', async () => {
  const { adminToken } = await import('../http/sessions.ts')
  const path = join(directory.path, 'preset')
  assert.equal(adminToken(path, ' preset-token\n'), 'preset-token')
  assert.equal(readFileSync(path, 'utf8'), 'preset-token\n')
  assert.equal(adminToken(path, ''), 'preset-token')
  for (const bad of ['two words', 'line\nbreak', 'ünïcode'])
    assert.throws(() => adminToken(path, bad), /TAILRACE_ADMIN_TOKEN/)
})
