// The API from outside: every route against its own schema and against numbers worked out by hand, every refusal with
// its hint, and the doors: hosts, origins, links, cookies, tokens.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { AnswerServer } from '../server.ts'
import { FixedClock, fillUsual, nowMs, StoreFeed, startTestServer, testConfig } from '../test-store.ts'
import { metricNames } from '../windows/catalogue.ts'
import type {
  ClusterAnswer,
  LossesAnswer,
  Problem,
  SeriesAnswer,
  StatsAnswer,
  TopAnswer,
} from './contract.ts'
import { routes } from './routes.ts'
import { meSchema, problemSchema } from './schemas.ts'

let directory: Awaited<ReturnType<typeof mkdtempDisposable>>
let server: AnswerServer
let token: string
let origin: string
const clock = new FixedClock()

before(async () => {
  directory = await mkdtempDisposable(join(tmpdir(), 'http-'))
  const page = join(directory.path, 'page')
  mkdirSync(join(page, 'assets'), { recursive: true })
  writeFileSync(join(page, 'index.html'), '<!doctype html><title>page</title>')
  writeFileSync(join(page, 'assets/app-1234.js'), 'void 0')
  const config = { ...testConfig(directory.path), pageDirectory: page }
  const feed = new StoreFeed(join(config.dataDirectory, 'windows.db'), clock)
  fillUsual(feed)
  feed.close()
  server = await startTestServer(config, clock)
  token = readFileSync(config.tokenPath, 'utf8').trim()
  origin = `http://127.0.0.1:${server.port}`
})

after(async () => {
  await server.close()
  await directory.remove()
})

function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${origin}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, ...init.headers },
  })
}

async function read<Answer>(path: string): Promise<Answer> {
  const response = await ask(path)
  assert.equal(response.status, 200, `${path}: ${await response.clone().text()}`)
  return (await response.json()) as Answer
}

async function post(body: object, path = '/api/v1/query'): Promise<unknown> {
  const response = await ask(path, { method: 'POST', body: JSON.stringify(body) })
  assert.equal(response.status, 200, await response.clone().text())
  return response.json()
}

async function refusal(path: string, status = 400): Promise<Problem> {
  const response = await ask(path)
  assert.equal(response.status, status, path)
  assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/)
  return problemSchema.parse(await response.json()) as Problem
}

test('every route answers its example in the shape its schema promises', async () => {
  for (const route of routes) {
    const body = route.exampleBody
      ? await post(route.exampleBody, route.example)
      : await read<unknown>(route.example)
    assert.deepEqual(route.answer.parse(body), body, route.path)
  }
  for (const metric of metricNames) {
    for (const path of [`stats/${metric}?window=10m`, `series/${metric}?window=10m`]) {
      const route = routes.find(({ path: known }) => known.includes(path.split('/')[0]!))!
      const body = await read<unknown>(`/api/v1/${path}`)
      assert.deepEqual(route.answer.parse(body), body, path)
    }
  }
})

test('GET /stats counts what was written, whole and by dimension', async () => {
  const values = async (path: string) => (await read<StatsAnswer>(`/api/v1/stats/${path}`)).rows
  const whole = await values('requests?from=2026-11-24T08:00:00Z&to=2026-11-24T08:10:00Z')
  assert.deepEqual(whole, [{ labels: {}, values: { value: 2400, per_second: 4 } }])
  const byPath = await values('requests?window=30m&by=path')
  assert.deepEqual(
    byPath.map(row => row.values['value']),
    [480, 480, 480, 480, 480],
  )
  const one = await values('requests?window=30m&by=path&filter=path:/p/1&filter=path:/p/2')
  assert.deepEqual(one.map(row => row.labels['path']).sort(), ['/p/1', '/p/2'])
  assert.equal((await values('errors?window=30m'))[0]?.values['value'], 120)
  assert.equal((await values('client_errors?window=30m&filter=status:404'))[0]?.values['value'], 240)
  assert.equal((await values('bytes?window=30m'))[0]?.values['value'], 240_000)
  assert.equal((await values('active_users?window=5m'))[0]?.values['value'], 30)
  const sources = await values('active_users?window=5m&by=source')
  assert.deepEqual(
    new Map(sources.map(row => [row.labels['source'], row.values['value']])),
    new Map([
      ['requests', 40],
      ['events', 30],
    ]),
  )
  const latency = (await values('latency?window=30m'))[0]!.values
  assert.deepEqual([latency['count'], latency['min'], latency['max']], [2400, 10, 109])
  assert.ok(Math.abs(latency['p50']! - 59) < 2)
  const [cpu] = await values('metric?window=30m')
  assert.deepEqual(cpu!.labels, { host: 'web-1', name: 'cpu.utilization' })
  assert.deepEqual(
    [cpu!.values['count'], cpu!.values['min'], cpu!.values['max'], cpu!.values['last']],
    [600, 0, 0.9, 0.1],
  )
  assert.equal((await values('lines?window=30m'))[0]?.values['value'], 2400 + 1200 + 600)
  assert.equal((await values('unparsed?window=30m'))[0]?.values['value'], 1)
  assert.deepEqual((await values('latency?window=30s&filter=path:/nothing'))[0]?.values['p95'], null)
})

test('GET /series gives columns in the asked step, null where nothing was counted', async () => {
  const answer = await read<SeriesAnswer>(
    '/api/v1/series/requests?from=2026-11-24T07:58:00Z&to=2026-11-24T08:02:00Z&step=1m',
  )
  assert.equal(answer.stepSeconds, 60)
  assert.deepEqual(
    answer.times.map(time => new Date(time).toISOString().slice(11, 16)),
    ['07:58', '07:59', '08:00', '08:01'],
  )
  assert.deepEqual(answer.series[0]?.values['value'], [null, null, 240, 240])
  const five = await read<SeriesAnswer>('/api/v1/series/requests?window=10m&step=5m&by=status')
  assert.deepEqual(
    five.series.map(column => column.labels['status']),
    ['200', '404', '500'],
  )
  const day = await read<SeriesAnswer>('/api/v1/series/requests?window=28d')
  assert.equal(day.stepSeconds, 86_400)
  assert.equal(day.series[0]?.values['value']?.at(-1), 2400)
  const finest = await read<SeriesAnswer>('/api/v1/series/latency?window=30s&step=1s')
  assert.equal(finest.times.length, 30)
  assert.equal(finest.series[0]?.values['count']?.at(-2), 4)
})

test('GET /top adds up to the whole', async () => {
  const answer = await read<TopAnswer>('/api/v1/top/path?window=30m&limit=2')
  assert.equal(answer.rows.length, 2)
  assert.equal(
    answer.rows.reduce((sum, row) => sum + row.count, answer.other),
    2400,
  )
  assert.equal(answer.rows[0]?.share, 0.2)
  const referrers = await read<TopAnswer>('/api/v1/top/referrer?window=30m')
  assert.deepEqual(referrers.rows.map(row => row.value).sort(), [
    'ref0.example',
    'ref1.example',
    'ref2.example',
  ])
  const events = await read<TopAnswer>('/api/v1/top/event?window=30m')
  assert.deepEqual(
    events.rows.map(row => row.count),
    [600, 600],
  )
})

test('answers say how fresh they are', async () => {
  const { freshness } = await read<StatsAnswer>('/api/v1/stats/requests')
  assert.equal(freshness.committedAt, nowMs)
  assert.equal(freshness.lagRecords, 0)
  assert.equal(freshness.mayChange, true)
  const past = await read<StatsAnswer>(
    '/api/v1/stats/requests?from=2026-11-24T08:00:00Z&to=2026-11-24T08:05:00Z',
  )
  assert.equal(past.freshness.mayChange, false)
})

test('the ledger holds what agents reported and what could not be read', async () => {
  const { totalLines, entries } = await read<LossesAnswer>('/api/v1/losses')
  assert.equal(totalLines, 4)
  assert.deepEqual(
    entries.map(({ reason, source, from, to, lines }) => [reason, source, from, to, lines]),
    [
      ['unparsed', 'logs-0', '2400', '2400', 1],
      ['truncated', '/var/log/a.log', '10', '90', 3],
    ],
  )
})

test('without a broker the cluster is empty, and everything counted is still answered', async () => {
  const cluster = await read<ClusterAnswer>('/api/v1/cluster')
  assert.deepEqual([cluster.brokers, cluster.topics], [[], []])
})

test('a wrong name is refused with the nearest right one', async () => {
  const rows: [path: string, kind: string, didYouMean: string | undefined][] = [
    ['/api/v1/stats/requets', 'unknown-metric', 'requests'],
    ['/api/v1/stats/zzzzzzzzzzzz', 'unknown-metric', undefined],
    ['/api/v1/stats/requests?window=5min', 'unknown-window', '5m'],
    ['/api/v1/stats/requests?windw=5m', 'unknown-field', 'window'],
    ['/api/v1/stats/requests?by=pth', 'unknown-dimension', 'path'],
    ['/api/v1/stats/requests?by=event', 'unknown-breakdown', undefined],
    ['/api/v1/stats/requests?by=path&filter=status:500', 'unknown-breakdown', 'path'],
    ['/api/v1/stats/requests?filter=path', 'unknown-filter', undefined],
    ['/api/v1/stats/requests?limit=0', 'bad-field', undefined],
    ['/api/v1/stats/requests?from=yesterday', 'unknown-time', undefined],
    ['/api/v1/stats/requests?from=now&to=now-1h', 'empty-range', undefined],
    ['/api/v1/series/requests?window=1h&step=7s', 'unknown-step', '10s'],
    ['/api/v1/series/lines?window=5d&step=1s', 'unknown-step', '60s'],
    ['/api/v1/top/paths', 'unknown-dimension', 'path'],
    ['/api/v1/top/host', 'unranked-dimension', undefined],
  ]
  for (const [path, kind, didYouMean] of rows) {
    const problem = await refusal(path)
    assert.deepEqual([problem.type, problem.didYouMean], [`urn:tailrace:problem:${kind}`, didYouMean], path)
  }
  assert.equal((await refusal('/api/v1/stat/requests', 404)).didYouMean, undefined)
  assert.equal((await refusal('/api/v1/clusters', 404)).didYouMean, '/api/v1/cluster')
})

test('hostile text in a question comes back as JSON text, cut', async () => {
  const problem = await refusal(
    `/api/v1/stats/${encodeURIComponent(`<script>alert(1)</script>${'x'.repeat(5000)}`)}`,
  )
  assert.ok(problem.detail.length < 400)
  assert.match(problem.detail, /<script>/)
})

test('nothing under /api is answered without a token or a session', async () => {
  const me = { example: '/api/v1/me' }
  for (const { example: path, body } of [...routes, { ...me, body: undefined }]) {
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { cookie: 'tailrace_session=wrong' }]) {
      const response = await fetch(`${origin}${path}`, { headers, method: body ? 'POST' : 'GET' })
      assert.equal(response.status, 401, path)
      problemSchema.parse(await response.json())
    }
  }
  for (const path of ['/healthz', '/readyz', '/metrics', '/api/v1/openapi.json', '/api/v1/docs']) {
    assert.equal((await fetch(`${origin}${path}`)).status, 200, path)
  }
})

test('a link signs in once; the cookie is then enough, until logout', async () => {
  const made = await ask('/api/v1/login-links', { method: 'POST' })
  const link = ((await made.json()) as { token: string }).token
  const login = (text: string, headers: Record<string, string> = {}) =>
    fetch(`${origin}/api/v1/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin, ...headers },
      body: JSON.stringify({ token: text }),
    })
  assert.equal((await login(link, { origin: 'http://evil.example' })).status, 403)
  const first = await login(link)
  assert.equal(first.status, 200)
  meSchema.parse(await first.json())
  const setCookie = first.headers.get('set-cookie') ?? ''
  assert.match(setCookie, /HttpOnly; SameSite=Strict; Path=\//)
  const cookie = setCookie.split(';')[0]!
  assert.equal((await login(link)).status, 401)
  assert.equal((await login('made-up')).status, 401)
  // Opening a used link again in a browser that is signed in is no failure.
  assert.equal((await login(link, { cookie })).status, 200)

  const withCookie = (path: string, init: RequestInit = {}) =>
    fetch(`${origin}${path}`, { ...init, headers: { cookie, ...init.headers } })
  assert.equal((await withCookie('/api/v1/me')).status, 200)
  assert.equal((await withCookie('/api/v1/stats/requests')).status, 200)
  // A cookie travels with what other pages send: acting takes our own Origin.
  for (const headers of [{}, { origin: 'http://evil.example' }, { origin: 'null' }] as Record<
    string,
    string
  >[]) {
    assert.equal((await withCookie('/api/v1/login-links', { method: 'POST', headers })).status, 403)
  }
  assert.equal((await withCookie('/api/v1/logout', { method: 'POST', headers: { origin } })).status, 204)
  assert.equal((await withCookie('/api/v1/me')).status, 401)
})

test('a link that nobody opened is good for 15 minutes', async t => {
  const made = await ask('/api/v1/login-links', { method: 'POST' })
  const { token: link, expiresAt } = (await made.json()) as { token: string; expiresAt: number }
  assert.equal(expiresAt, nowMs + 15 * 60_000)
  t.after(() => {
    clock.atMs = nowMs
  })
  clock.atMs = expiresAt
  const headers = { 'content-type': 'application/json', origin }
  const late = await fetch(`${origin}/api/v1/login`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ token: link }),
  })
  assert.equal(late.status, 401)
  assert.match((problemSchema.parse(await late.json()) as Problem).detail, /15 minutes.*login-link/)
})

test('the token file is private, and bodies that are no JSON are refused', async () => {
  assert.equal(statSync(join(directory.path, 'token')).mode & 0o777, 0o600)
  for (const body of ['{', '"x"', JSON.stringify({ token: 'x'.repeat(10_000) })]) {
    const headers = { 'content-type': 'application/json', origin }
    const response = await fetch(`${origin}/api/v1/login`, { method: 'POST', headers, body })
    assert.ok([400, 413].includes(response.status), `${response.status} for ${body.slice(0, 10)}`)
    problemSchema.parse(await response.json())
  }
})

test('a request addressed to a name that is not ours is misdirected', async () => {
  const statusFor = (host: string, path: string) =>
    new Promise<number>((resolve, reject) => {
      const options = { port: server.port, path, headers: { host, authorization: `Bearer ${token}` } }
      httpRequest(options, response => resolve(response.resume().statusCode ?? 0))
        .on('error', reject)
        .end()
    })
  for (const path of ['/', '/api/v1/me', '/metrics']) {
    assert.equal(await statusFor('evil.example', path), 421)
    assert.equal(await statusFor('127.0.0.1.evil.example', path), 421)
    assert.equal(await statusFor(`localhost:${server.port}`, path), 200)
    assert.equal(await statusFor('[::1]:8080', path), 200)
  }
})

test('the page is served with a policy, its views fall back to it, its assets may be kept for ever', async () => {
  for (const path of ['/', '/login', '/some/view']) {
    const response = await fetch(`${origin}${path}`, { headers: { accept: 'text/html' } })
    assert.match(await response.text(), /<title>page/)
    assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'self'/)
    assert.equal(response.headers.get('cache-control'), 'no-cache')
  }
  const asset = await fetch(`${origin}/assets/app-1234.js`)
  assert.match(asset.headers.get('cache-control') ?? '', /immutable/)
  for (const path of ['/assets/gone.js', '/missing.png']) {
    assert.equal((await fetch(`${origin}${path}`)).status, 404, path)
  }
})

test('openapi.json describes every route, and the page for people names every metric', async () => {
  const document = (await (await fetch(`${origin}/api/v1/openapi.json`)).json()) as {
    paths: Record<string, unknown>
  }
  for (const route of routes) assert.ok(document.paths[route.path], route.path)
  const page = await (await fetch(`${origin}/api/v1/docs`)).text()
  for (const metric of metricNames) assert.ok(page.includes(`<code>${metric}</code>`))
  assert.ok(!/<script|style=|https?:\/\/(?!127\.0\.0\.1)/.test(page))
})
