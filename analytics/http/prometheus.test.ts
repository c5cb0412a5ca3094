// What Grafana's Prometheus data source asks by default, of a real server: by GET and by form POST, answered and
// refused in Prometheus's bodies; and that the counters made of stored buckets count what was written.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nowMs, usualServer } from '../test-store.ts'

const usual = usualServer()

interface Body {
  readonly status: string
  readonly data: unknown
  readonly errorType?: string
  readonly error?: string
}

type Vector = {
  readonly metric: Record<string, string>
  readonly value: [number, string]
  readonly values: [number, string][]
}[]

async function ask(path: string, form?: Record<string, string>, status = 200): Promise<Body> {
  const response = await fetch(`${usual.origin}/prometheus/api/v1/${path}`, {
    headers: { authorization: `Bearer ${usual.token}` },
    ...(form && { method: 'POST', body: new URLSearchParams(form) }),
  })
  assert.equal(response.status, status, `${path} ${JSON.stringify(form)}: ${await response.clone().text()}`)
  return (await response.json()) as Body
}

async function vector(query: string, time = nowMs / 1000): Promise<Vector> {
  const { data } = await ask('query', { query, time: String(time) })
  return (data as { result: Vector }).result
}

test('the data source’s test, its build and its rules are answered', async () => {
  const sum = await ask('query', { query: '1+1', time: '4' })
  assert.deepEqual(sum, { status: 'success', data: { resultType: 'scalar', result: [4, '2'] } })
  assert.deepEqual((await ask('query?query=1%2B1&time=4')).data, sum.data)
  assert.match(((await ask('status/buildinfo')).data as { version: string }).version, /^2\.\d+\.\d+$/)
  assert.deepEqual((await ask('rules')).data, { groups: [] })
  assert.deepEqual((await ask('alerts')).data, { alerts: [] })
})

test('names, labels and their values are found, by GET and by POST, within a range and for a selector', async () => {
  const span = { start: String(nowMs / 1000 - 3600), end: String(nowMs / 1000) }
  const names = (await ask(`label/__name__/values?${new URLSearchParams(span)}`)).data as string[]
  for (const name of ['tailrace_requests_total', 'tailrace_requests_by_path_total', 'tailrace_latency']) {
    assert.ok(names.includes(name), name)
  }
  const selector = 'tailrace_requests_by_path_total'
  assert.deepEqual((await ask('labels', { ...span, 'match[]': selector })).data, ['__name__', 'path'])
  const paths = (await ask(`label/path/values?match[]=${selector}`)).data
  assert.deepEqual(paths, ['/p/0', '/p/1', '/p/2', '/p/3', '/p/4'])
  const found = (await ask('series', { ...span, 'match[]': `${selector}{path=~"/p/[01]"}` })).data
  assert.deepEqual(found, [
    { __name__: selector, path: '/p/0' },
    { __name__: selector, path: '/p/1' },
  ])
  const quantiles = (await ask('series?match[]=tailrace_latency{quantile!="0.5"}')).data as unknown[]
  assert.equal(quantiles.length, 3)
  const metadata = (await ask('metadata')).data as Record<string, { type: string; help: string }[]>
  assert.equal(metadata['tailrace_requests_total']?.[0]?.type, 'counter')
  assert.match(metadata['tailrace_errors_total']?.[0]?.help ?? '', /500/)
})

test('a panel’s range is answered with what was written: rates, shares, quantiles, gauges', async () => {
  const range = { start: String(nowMs / 1000 - 300), end: String(nowMs / 1000 - 30), step: '15' }
  const rates = (await ask('query_range', { query: 'rate(tailrace_requests_total[1m])', ...range })).data as {
    result: Vector
  }
  assert.equal(rates.result[0]?.values.length, 19)
  for (const [, value] of rates.result[0]!.values) assert.ok(Math.abs(Number(value) - 4) < 1e-9, value)
  const byGet = (
    await ask(`query_range?${new URLSearchParams({ query: 'rate(tailrace_requests_total[1m])', ...range })}`)
  ).data
  assert.deepEqual(byGet, rates)
  const [increase] = await vector('increase(tailrace_requests_total[5m])')
  assert.ok(Math.abs(Number(increase?.value[1]) - 1200) < 1e-6, increase?.value[1])
  const shares = await vector(
    'sum(rate(tailrace_errors_by_path_total[5m])) / sum(rate(tailrace_requests_by_path_total[5m]))',
  )
  assert.ok(Math.abs(Number(shares[0]?.value[1]) - 0.05) < 0.005, shares[0]?.value[1])
  const total = await vector('tailrace_requests_total')
  assert.equal(total[0]?.value[1], '2400')
  const [p95] = await vector('tailrace_latency{quantile="0.95"}')
  assert.ok(Number(p95?.value[1]) > 30 && Number(p95?.value[1]) <= 109)
  const [cpu] = await vector('max_over_time(tailrace_metric_by_host_name_max{name="cpu.utilization"}[5m])')
  assert.deepEqual([cpu?.metric['host'], cpu?.value[1]], ['web-1', '0.9'])
  const [mean] = await vector('rate(tailrace_latency_sum[5m]) / rate(tailrace_latency_count[5m])')
  assert.ok(Math.abs(Number(mean?.value[1]) - 59.5) < 2)
})

test('a counter is the same, whichever range it is asked for', async () => {
  // Where buckets of every width end.
  const at = Date.parse('2026-11-24T08:08:00Z') / 1000
  const [alone] = await vector('tailrace_requests_by_status_total{status="200"}', at)
  const range = { start: String(at - 400), end: String(at), step: '100' }
  const { data } = await ask('query_range', {
    query: 'tailrace_requests_by_status_total{status="200"}',
    ...range,
  })
  const values = (data as { result: Vector }).result[0]!.values
  assert.equal(values.at(-1)?.[1], alone?.value[1])
  for (const [index, [, value]] of values.entries()) {
    if (index > 0) assert.ok(Number(value) > Number(values[index - 1]![1]))
  }
})

test('what is wrong is said in Prometheus’s words', async () => {
  const refused = async (path: string, form?: Record<string, string>, status = 400) => {
    const { status: outcome, errorType, error } = await ask(path, form, status)
    assert.equal(outcome, 'error')
    return `${errorType}: ${error}`
  }
  assert.match(await refused('query', { query: 'sum(' }), /^bad_data: .*parse error/)
  assert.match(
    await refused('query_range', { query: 'x', start: '0', end: '12000', step: '1' }),
    /exceeded maximum resolution of 11,000 points/,
  )
  assert.match(
    await refused('query_range', { query: 'x', start: '0', end: '1', step: 'x' }),
    /invalid parameter "step"/,
  )
  assert.match(
    await refused('query_range', { query: 'x', start: 'y', end: '1', step: '1' }),
    /invalid parameter "start"/,
  )
  assert.match(await refused('series'), /no match\[\] parameter/)
  assert.match(await refused('label/a-b/values'), /invalid label name/)
  assert.match(await refused('query', { query: 'tailrace_lines_total{a=~"(?=x)"}' }), /error parsing regexp/)
  assert.match(await refused('query', { query: 'nosuch(x)' }), /parse error/)
  const twice = 'tailrace_requests_by_path_total + on() tailrace_requests_by_path_total'
  assert.match(await refused('query', { query: twice }, 422), /^execution: found duplicate series/)
  assert.match(await refused('nowhere', undefined, 404), /^not_found/)
  const open = await fetch(`${usual.origin}/prometheus/api/v1/labels`)
  assert.deepEqual([open.status, ((await open.json()) as Body).errorType], [401, 'unauthorized'])
})
