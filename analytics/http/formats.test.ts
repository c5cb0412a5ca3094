// What POST /query takes, formats other than JSON, and what is not sent again, through a real server.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { usualServer } from '../test-store.ts'
import type { LossesAnswer, Problem, QueryAnswer, StatsAnswer } from './contract.ts'

const usual = usualServer()

function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${usual.token}`, ...init.headers }
  return fetch(`${usual.origin}${path}`, { ...init, headers })
}

async function read<Answer>(path: string): Promise<Answer> {
  return (await (await ask(path)).json()) as Answer
}

async function post(body: object): Promise<unknown> {
  return (await ask('/api/v1/query', { method: 'POST', body: JSON.stringify(body) })).json()
}

test('POST /query takes what its schema takes, and not from a page of somebody else', async () => {
  const answer = (await post({ metrics: ['requests', 'latency.p95'], date_range: '30m' })) as QueryAnswer
  assert.equal(answer.results[0]?.metrics[0], 2400)
  const problemOf = async (body: string, headers: Record<string, string> = {}) => {
    const response = await ask('/api/v1/query', { method: 'POST', body, headers })
    return (await response.json()) as Problem
  }
  const unknown = await problemOf('{"metrics":["requests"],"dimension":["path"]}')
  assert.deepEqual([unknown.status, unknown.didYouMean], [400, 'dimensions'])
  assert.equal((await problemOf('{"metrics":["requests"],"filters":[["is","path"]]}')).status, 400)
  assert.equal(
    (await problemOf('{"metrics":["requests"],"filters":[["__proto__","path",["x"]]]}')).status,
    400,
  )
  assert.equal((await problemOf('{"metrics":["constructor"]}')).status, 400)
  assert.equal((await problemOf('{')).status, 400)
  assert.equal((await problemOf('{"metrics":["requests"]}', { origin: 'https://evil.example' })).status, 403)
})

test('what is still true is not sent again', async () => {
  const path = '/api/v1/stats/requests?from=2026-11-24T08:00:00Z&to=2026-11-24T08:10:00Z&compare=previous'
  const first = await ask(path)
  assert.equal(((await first.json()) as StatsAnswer).rows[0]?.previous?.['value'], 0)
  assert.equal(first.headers.get('cache-control'), 'private, no-cache')
  const again = await ask(path, { headers: { 'if-none-match': first.headers.get('etag')! } })
  assert.deepEqual([again.status, await again.text()], [304, ''])
})

test('tables come as CSV and NDJSON, by the Accept header or by name, with the next page in a header', async () => {
  const csv = await ask('/api/v1/top/path?window=30m&limit=2', { headers: { accept: 'text/csv' } })
  assert.match(csv.headers.get('content-type') ?? '', /^text\/csv; charset=utf-8/)
  assert.equal(await csv.text(), 'path,requests,share\r\n/p/0,480,0.2\r\n/p/1,480,0.2\r\n')
  const next = csv.headers.get('x-tailrace-next')
  const page = await ask(`/api/v1/top/path?window=30m&limit=9&format=csv&cursor=${next}`)
  assert.equal((await page.text()).split('\r\n')[1], '/p/2,480,0.2')
  const span = 'from=2026-11-24T08:00:00Z&to=2026-11-24T08:02:00Z'
  const lines = await ask(`/api/v1/series/requests?${span}&step=1m`, {
    headers: { accept: 'application/x-ndjson' },
  })
  assert.equal(
    await lines.text(),
    ['00', '01']
      .map(minute => `{"time":"2026-11-24T08:${minute}:00.000Z","value":240,"per_second":4}\n`)
      .join(''),
  )
  const losses = await (await ask('/api/v1/losses?format=csv')).text()
  assert.match(losses, /^at,reason,source,from,to,lines,detail\r\n.*unparsed.*\r\n/)
  const all = await read<LossesAnswer>('/api/v1/losses')
  const first = await read<LossesAnswer>('/api/v1/losses?limit=1')
  const second = await read<LossesAnswer>(`/api/v1/losses?limit=1&cursor=${first.next}`)
  assert.deepEqual([...first.entries, ...second.entries], all.entries)
  const cut = await read<LossesAnswer>(
    '/api/v1/losses?reason=truncated&source=a.log&from=2026-11-24T00:00:00Z',
  )
  assert.deepEqual(
    [cut.totalLines, cut.entries.length, cut.reasons?.map(({ reason, lines }) => [reason, lines])],
    [4, 1, [['truncated', 3]]],
  )
  assert.deepEqual((await read<LossesAnswer>('/api/v1/losses?to=2026-11-01T00:00:00Z')).entries, [])
  const posted = await ask('/api/v1/query?format=csv', {
    method: 'POST',
    body: '{"metrics":["requests"],"date_range":"30m"}',
  })
  assert.equal(await posted.text(), 'requests\r\n2400\r\n')
})

const visitTables: Readonly<Record<string, readonly string[]>> = {
  visits: [
    'source,visitors,visits,pageviews,views_per_visit,bounce_rate,bounce_rate_umami,bounce_rate_posthog,' +
      'duration_mean_ms,duration_median_ms,untracked_beyond_limit,untracked_too_late',
    'events,30,30,600,20,0,0,0,',
  ],
  'active-users?days=1': ['day,daily,weekly,monthly,stickiness', '2026-11-24,30,30,30,1'],
  'lifecycle?periods=1': ['start,new,returning,resurrecting,dormant,is_over', '2026-11-24,30,0,0,0,false'],
  'retention?weeks=1': ['cohort,visitors,week,active,share', '2026-11-23,30,0,30,1'],
  'active-hours?days=1': ['weekday,hour,visits', 'Monday,0,0'],
  'paths?limit=1': ['page,next,count', '/p/'],
  'goals?page=/p/0': ['goal,unique,total,conversion_rate,visitors', '/p/0,'],
  'funnels/purchase': [
    'step,visitors,of_first,of_previous,dropped,median_ms,median_from_previous_ms',
    '/p/0,',
  ],
}

test('answers about visitors are tables too, by Accept and by format', async () => {
  for (const [path, [columns, row]] of Object.entries(visitTables)) {
    const response = await ask(`/api/v1/${path}`, { headers: { accept: 'text/csv' } })
    const text = await response.text()
    assert.equal(response.status, 200, text)
    assert.match(response.headers.get('content-type')!, /^text\/csv/, path)
    assert.equal(text.split('\r\n')[0], columns, path)
    assert.ok(text.split('\r\n')[1]!.startsWith(row!), `${path}: ${text}`)
    const asked = `/api/v1/${path}${path.includes('?') ? '&' : '?'}format=ndjson`
    const [first] = (await (await ask(asked)).text()).split('\n')
    assert.equal(Object.keys(JSON.parse(first!)).join(','), columns)
  }
  const body = JSON.stringify({ steps: [{ page: '/p/0' }, { page: '/p/*' }] })
  const headers = { accept: 'text/csv', 'content-type': 'application/json' }
  const response = await ask('/api/v1/funnels', { method: 'POST', body, headers })
  assert.match(await response.text(), /^step,visitors,/)
})

test('/metrics counts the lines of visitors that are in no visit, by topic', async () => {
  const text = await (await ask('/metrics')).text()
  for (const name of ['untracked', 'late', 'mixed', 'keyless'])
    assert.match(text, new RegExp(`^tailrace_visits_${name}_lines\\{topic="behavior"\\} 0$`, 'm'))
})

test('the log cannot be searched while no broker answers, and that is said', async () => {
  for (const path of ['search?topic=logs', 'search?topic=logs&order=newest', 'topics/logs/records']) {
    const problem = await read<Problem>(`/api/v1/${path}`)
    assert.deepEqual([problem.status, problem.type], [503, 'urn:tailrace:problem:broker-away'], path)
  }
})
