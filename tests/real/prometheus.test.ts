// The same samples in Debian's Prometheus and in ours: forty expressions, at a moment and over a range, answered
// alike. What Grafana's data source asks of our server is in analytics/http/prometheus.test.ts.
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { queryAnswer, rangeAnswer } from '../../analytics/prometheus/answers.ts'
import { LabelSet } from '../../analytics/prometheus/labels.ts'
import type { SampleSeries, SampleSource } from '../../analytics/prometheus/samples.ts'
import { Random } from '../../fixtures/random.ts'

const baseSeconds = 1_795_352_400
const spanSeconds = 3600
const tolerance = 1e-9

interface Answer {
  readonly status: string
  readonly data?: { readonly resultType: string; readonly result: unknown }
}

const samples = makeSamples()
let directory: Awaited<ReturnType<typeof mkdtempDisposable>>
let prometheus: ChildProcess
let origin: string

before(async () => {
  if (!existsSync('/usr/bin/promtool')) {
    execFileSync(
      'sh',
      [
        '-c',
        'apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends prometheus',
      ],
      { stdio: 'ignore' },
    )
  }
  directory = await mkdtempDisposable(join(tmpdir(), 'prometheus-'))
  const at = (name: string) => join(directory.path, name)
  writeFileSync(at('samples.txt'), openMetrics())
  mkdirSync(at('data'))
  execFileSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', at('samples.txt'), at('data')])
  writeFileSync(at('prometheus.yml'), 'global: {scrape_interval: 1h}\n')
  const port = await freePort()
  origin = `http://127.0.0.1:${port}`
  prometheus = spawn('prometheus', [
    `--config.file=${at('prometheus.yml')}`,
    `--storage.tsdb.path=${at('data')}`,
    '--storage.tsdb.retention.time=100y',
    `--web.listen-address=127.0.0.1:${port}`,
  ])
  await ready(prometheus)
})

after(async () => {
  const gone = new Promise(resolve => prometheus.once('exit', resolve))
  prometheus.kill('SIGTERM')
  await gone
  await directory.remove()
})

/** Counters that begin again, a gauge with gaps, one that ends early, one that comes late, uneven spacing. */
function makeSamples(): SampleSeries[] {
  const random = new Random(42)
  const series: SampleSeries[] = []
  const add = (pairs: Record<string, string>, next: (at: number) => number | null, spacing = 15) => {
    const times: number[] = []
    const values: number[] = []
    for (let second = 0; second < spanSeconds; second += spacing) {
      const value = next(second)
      if (value === null) continue
      times.push((baseSeconds + second) * 1000)
      values.push(value)
    }
    series.push({
      labels: new LabelSet(pairs),
      times: Float64Array.from(times),
      values: Float64Array.from(values),
    })
  }
  for (const path of ['/a', '/b', '/c']) {
    for (const status of ['200', '500']) {
      let count = 0
      add({ __name__: 'hits_total', path, status }, second => {
        if (second === 1800 && path === '/b') count = 0
        count += random.fraction() * (status === '200' ? 20 : 3)
        return count
      })
    }
  }
  for (const host of ['web-1', 'web-2']) {
    add({ __name__: 'load', host }, second =>
      second % 900 < 300 && host === 'web-2' ? null : random.fraction() * 4 - 1,
    )
    add({ __name__: 'cpus', host, rack: 'x' }, () => (host === 'web-1' ? 4 : 8), 60)
  }
  add({ __name__: 'late_total' }, second => (second < 2000 ? null : (second - 2000) / 3), 10)
  add({ __name__: 'gone' }, second => (second > 1500 ? null : second))
  add({ __name__: 'zero' }, () => 0, 30)
  return series
}

function openMetrics(): string {
  const lines: string[] = []
  for (const { labels, times, values } of samples) {
    const pairs = Object.entries(labels.pairs).filter(([name]) => name !== '__name__')
    const text = pairs.map(([name, value]) => `${name}="${value}"`).join(',')
    for (const [at, time] of times.entries())
      lines.push(`${labels.get('__name__')}{${text}} ${values[at]} ${time / 1000}`)
  }
  return `${lines.join('\n')}\n# EOF\n`
}

const source: SampleSource = {
  select: matchers => ({
    series: samples.filter(({ labels }) => matchers.every(({ name, matches }) => matches(labels.get(name)))),
    lookbackMs: 300_000,
  }),
}

const expressions = [
  'hits_total',
  'hits_total{path="/a"}',
  'hits_total{path!="/a",status=~"5.."}',
  'hits_total{path=~"/(a|b)",status!~"4..|5.."}',
  '{__name__=~"load|cpus"}',
  'rate(hits_total[5m])',
  'rate(hits_total[1m])',
  'rate(late_total[10m])',
  'increase(hits_total{path="/b"}[17m])',
  'irate(hits_total[2m])',
  'delta(load[10m])',
  'idelta(load[10m])',
  'sum(rate(hits_total[5m]))',
  'sum by (path) (rate(hits_total[5m]))',
  'sum without (status) (increase(hits_total[5m]))',
  'avg by (status) (hits_total)',
  'min(hits_total) by (path)',
  'max without (path, status) (hits_total)',
  'count(hits_total) by (nothing)',
  'topk(2, rate(hits_total[5m]))',
  'bottomk by (path) (1, hits_total)',
  'quantile(0.9, hits_total)',
  'quantile by (path) (0.25, rate(hits_total[10m]))',
  'avg_over_time(load[7m])',
  'sum_over_time(load[7m])',
  'min_over_time(load[7m])',
  'max_over_time(load[7m])',
  'count_over_time(load[7m])',
  'last_over_time(load[7m])',
  'quantile_over_time(0.95, load[15m])',
  'gone offset 10m',
  'rate(hits_total{status="200"}[5m] offset 20m)',
  'sum by (path) (rate(hits_total{status="500"}[5m])) / sum by (path) (rate(hits_total[5m])) * 100',
  'load / on(host) cpus',
  'load > 1',
  'load > bool cpus - 4.5',
  'hits_total % 7 + -2 ^ 2',
  'load and on(host) (cpus > 4)',
  'hits_total{status="500"} or gone unless hits_total{path="/c"}',
  'absent(nothing) + time() - 1795352400',
  'stddev(load) + stdvar by () (load)',
  'clamp_min(round(load, 0.5), 0)',
  'changes(zero[5m]) + resets(zero[5m])',
  'cpus{rack="x"} / ignoring(rack) load',
  '1 / zero',
]
const moments = [baseSeconds + 700, baseSeconds + 1807, baseSeconds + 2700]

test('a list of expressions is answered as Prometheus answers it, at three moments', async () => {
  assert.ok(expressions.length >= 40)
  for (const query of expressions) {
    for (const time of moments) {
      const theirs = await ask('query', { query, time: String(time) })
      const ours = queryAnswer({ query, time: String(time) }, { source, nowMs: 0 })
      same(normal(ours), normal(theirs.data), `${query} at ${time}`)
    }
  }
})

test('and over a range, step by step', async () => {
  const span = { start: String(baseSeconds - 60), end: String(baseSeconds + spanSeconds + 600), step: '37' }
  for (const query of expressions) {
    const theirs = await ask('query_range', { query, ...span })
    const ours = rangeAnswer({ query, ...span }, { source, nowMs: 0 })
    same(normal(ours), normal(theirs.data), query)
  }
})

test('a matrix, a scalar and a text come as they are, and what has no meaning is refused by both', async () => {
  for (const query of ['load[2m]', '1 + 2 * 3', '"text"', 'vector(1)', '-(1 - Inf)']) {
    const parameters = { query, time: String(moments[0]) }
    same(
      normal(queryAnswer(parameters, { source, nowMs: 0 })),
      normal((await ask('query', parameters)).data),
      query,
    )
  }
  for (const query of [
    '',
    'sum(',
    'rate(load)',
    'load + load[5m]',
    '{}',
    'load{host=~"("}',
    '1 > 2',
    'hits_total / on(path) hits_total',
    'nosuch(load)',
    'topk(load)',
  ]) {
    const theirs = await ask('query', { query, time: String(moments[0]) })
    assert.equal(theirs.status, 'error', query)
    assert.throws(() => queryAnswer({ query, time: String(moments[0]) }, { source, nowMs: 0 }), query)
  }
})

async function ask(endpoint: string, parameters: Record<string, string>): Promise<Answer> {
  const response = await fetch(`${origin}/api/v1/${endpoint}`, {
    method: 'POST',
    body: new URLSearchParams(parameters),
  })
  return (await response.json()) as Answer
}

type Normal = Readonly<Record<string, readonly (readonly [number, string])[]>>

/** By labels, as samples in time; the order of series says nothing. */
function normal(data: unknown): { type: string; series: Normal } {
  const { resultType: type, result } = data as { resultType: string; result: unknown }
  if (type === 'scalar' || type === 'string') return { type, series: { '': [result as [number, string]] } }
  const all = result as {
    metric: Record<string, string>
    value?: [number, string]
    values?: [number, string][]
  }[]
  const keyOf = (metric: Record<string, string>) => JSON.stringify(Object.entries(metric).sort())
  return { type, series: Object.fromEntries(all.map(one => [keyOf(one.metric), one.values ?? [one.value!]])) }
}

function same(ours: ReturnType<typeof normal>, theirs: ReturnType<typeof normal>, query: string): void {
  assert.equal(ours.type, theirs.type, query)
  assert.deepEqual(Object.keys(ours.series).sort(), Object.keys(theirs.series).sort(), query)
  for (const [key, points] of Object.entries(theirs.series)) {
    const mine = ours.series[key]!
    assert.deepEqual(
      mine.map(([time]) => time),
      points.map(([time]) => time),
      `${query} ${key}`,
    )
    for (const [at, [time, text]] of points.entries()) {
      const [a, b] = [
        Number(mine[at]![1].replace('Inf', 'Infinity')),
        Number(text.replace('Inf', 'Infinity')),
      ]
      const isSame = mine[at]![1] === text || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b))
      assert.ok(isSame, `${query} ${key} at ${time}: ${mine[at]![1]}, and Prometheus ${text}`)
    }
  }
}

function freePort(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

function ready(process: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = ''
    process.stderr!.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes('Server is ready to receive web requests')) resolve()
    })
    process.once('exit', code => reject(new Error(`prometheus ended with ${code}: ${text.slice(-500)}`)))
  })
}
