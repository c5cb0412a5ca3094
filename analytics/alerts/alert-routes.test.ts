// Alerts over HTTP: rules made, changed and removed, what is refused and how, previews, and who may do what.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { AlertPreview, AlertRuleView, AlertsAnswer } from '../http/contract-alerts.ts'
import { problemSchema } from '../http/schemas.ts'
import type { AnswerServer } from '../server.ts'
import { FixedClock, fillUsual, StoreFeed, startTestServer, testConfig } from '../test-store.ts'

let directory: Awaited<ReturnType<typeof mkdtempDisposable>>
let server: AnswerServer
let token: string

before(async () => {
  directory = await mkdtempDisposable(join(tmpdir(), 'alert-routes-'))
  const clock = new FixedClock()
  const fileRule = { name: 'From the file', kind: 'absence', metric: 'lines' } as const
  const config = {
    ...testConfig(directory.path),
    alerts: { rules: [fileRule], webhookAllow: [] },
  }
  const feed = new StoreFeed(join(config.dataDirectory, 'windows.db'), clock)
  fillUsual(feed)
  feed.close()
  server = await startTestServer(config, clock)
  token = readFileSync(config.tokenPath, 'utf8').trim()
})

after(async () => {
  await server.close()
  await directory.remove()
})

async function call<Answer>(method: string, path: string, body?: unknown, status = 200): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${server.port}/api/v1/alerts${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  assert.equal(response.status, status, `${method} ${path}: ${text}`)
  return (text === '' ? undefined : JSON.parse(text)) as Answer
}

const rule = { name: 'Slow', kind: 'threshold', metric: 'latency', value: 'p95', op: '>', threshold: 500 }

test('a rule is made, read, changed and removed; defaults are filled in', async () => {
  const made = await call<AlertRuleView>('POST', '/rules', rule, 201)
  assert.deepEqual([made.source, made.rule.window, made.rule.settle, made.error], ['api', '5m', '1m', null])
  assert.deepEqual(await call('GET', `/rules/${made.id}`), made)
  const changed = await call<AlertRuleView>('PUT', `/rules/${made.id}`, { ...rule, threshold: 600 })
  assert.deepEqual([changed.id, changed.rule.threshold], [made.id, 600])
  const { rules } = await call<{ rules: AlertRuleView[] }>('GET', '/rules')
  assert.deepEqual(
    rules.map(({ source, rule: { name } }) => [source, name]),
    [
      ['file', 'From the file'],
      ['api', 'Slow'],
    ],
  )
  await call('DELETE', `/rules/${made.id}`, undefined, 204)
  await call('GET', `/rules/${made.id}`, undefined, 404)
  const { firing, history, cursor } = await call<AlertsAnswer>('GET', '?limit=5')
  assert.deepEqual([firing, history, cursor], [[], [], null])
})

test('what makes no rule is refused with its name', async () => {
  const rows: [method: string, path: string, body: unknown, status: number, told: RegExp][] = [
    ['POST', '/rules', { ...rule, metric: 'latencies' }, 400, /latency/],
    ['POST', '/rules', { ...rule, value: 'p96' }, 400, /p95/],
    ['POST', '/rules', { ...rule, window: 'soon' }, 400, /window: write a duration/],
    ['POST', '/rules', { ...rule, treshold: 1 }, 400, /treshold/],
    ['POST', '/rules', { ...rule, kind: 'guess' }, 400, /kind/],
    ['POST', '/rules', { ...rule, webhooks: ['ftp://x/'] }, 400, /http/],
    ['POST', '/rules', { ...rule, webhooks: ['https://user:secret@x.example/'] }, 400, /without user/],
    ['POST', '/rules', [], 400, /Cannot read/],
    ['PUT', '/rules/file-from-the-file', rule, 409, /configuration file/],
    ['DELETE', '/rules/file-from-the-file', undefined, 409, /configuration file/],
    ['DELETE', '/rules/none', undefined, 404, /no alert rule/],
    ['POST', '/preview', { rule, from: 'now', to: 'now-1h' }, 400, /from must be before/],
    ['GET', '?cursor=x', undefined, 400, /cursor/],
  ]
  for (const [method, path, body, status, told] of rows) {
    const problem = problemSchema.parse(await call(method, path, body, status))
    assert.match(`${problem.title} ${problem.detail}`, told)
  }
})

test('a preview judges the past; a test notification says why it cannot be sent', async () => {
  const threshold = { ...rule, metric: 'requests', value: 'value', window: '1m', threshold: 100 }
  const seen = await call<AlertPreview>('POST', '/preview', { rule: threshold, from: 'now-1h' })
  assert.equal(seen.episodes.length, 1)
  const url = 'http://127.0.0.1:9/x'
  const told = await call<{ delivered: boolean; error: string }>('POST', '/test', { url })
  assert.equal(told.delivered, false)
  assert.match(told.error, /not on the public internet/)
  const { secret } = await call<{ secret: string }>('POST', '/secret', { url })
  const other = await call<{ secret: string }>('POST', '/secret', { url: 'http://127.0.0.1:9/y' })
  assert.match(secret, /^[0-9a-f]{64}$/)
  assert.notEqual(secret, other.secret)
})

test('without a token nothing is told; from another page nothing is changed', async () => {
  const origin = `http://127.0.0.1:${server.port}`
  for (const path of ['', '/rules', '/rules/file-from-the-file']) {
    assert.equal((await fetch(`${origin}/api/v1/alerts${path}`)).status, 401)
  }
  for (const path of ['/rules', '/preview', '/test', '/secret']) {
    const headers = { authorization: `Bearer ${token}`, origin: 'http://evil.example' }
    const response = await fetch(`${origin}/api/v1/alerts${path}`, { method: 'POST', headers })
    assert.equal(response.status, 403, path)
  }
})

test('Prometheus’s own paths tell of the rules there are', async () => {
  const made = await call<AlertRuleView>('POST', '/rules', rule, 201)
  const ask = async (path: string) => {
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(`http://127.0.0.1:${server.port}/prometheus/api/v1/${path}`, { headers })
    return (await response.json()) as { status: string; data: { groups: { rules: { name: string }[] }[] } }
  }
  const { status, data } = await ask('rules')
  assert.equal(status, 'success')
  assert.deepEqual(
    data.groups.map(({ rules }) => rules.map(({ name }) => name)),
    [['From the file'], ['Slow']],
  )
  assert.deepEqual(await ask('alerts'), { status: 'success', data: { alerts: [] } })
  await call('DELETE', `/rules/${made.id}`, undefined, 204)
})
