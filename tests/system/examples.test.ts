// The examples of docs/examples and docs/client.md, run as they stand against an appliance: the shop's events become
// visits, nginx's lines requests, the subscriber reads them, Grafana's panels have answers, both modules work.
import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { formatFault } from '../../agent/formats/registry.ts'
import type { StatsAnswer } from '../../analytics/http/contract.ts'
import { type Settings, settingsSchema } from '../../cli/settings.ts'
import { publicModules } from '../../scripts/build.ts'
import { eventually } from '../eventually.ts'
import { type Appliance, startAppliance } from './appliance.ts'

const root = join(import.meta.dirname, '../..')
const examples = join(root, 'docs/examples')
const textOf = (name: string) => readFileSync(join(examples, name), 'utf8')
let place: string
let appliance: Appliance
const children: ChildProcess[] = []

/** An example's inputs, with their files in this test's directory. */
function inputsOf(name: string): Settings['inputs'] {
  const { inputs } = settingsSchema.pick({ inputs: true }).parse(parse(textOf(name)))
  return inputs.map(input => ({ ...input, paths: input.paths.map(path => join(place, path)) }))
}

before(async () => {
  place = await mkdtemp(join(tmpdir(), 'tailrace-examples-'))
  for (const directory of ['var/log/nginx', 'var/log/shop'])
    mkdirSync(join(place, directory), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'))
  appliance = await startAppliance([...inputsOf('nginx/tailrace.yaml'), ...inputsOf('shop/tailrace.yaml')])
})

after(async () => {
  for (const child of children) {
    child.kill('SIGTERM')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  await appliance?.[Symbol.asyncDispose]()
  await rm(place, { recursive: true, force: true })
})

function start(example: string, ...args: string[]): ChildProcess {
  const to = join(place, example)
  mkdirSync(dirname(to), { recursive: true })
  writeFileSync(to, textOf(example))
  const child = spawn(process.execPath, [to, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  return child
}

const countOf = async (metric: string) => {
  const { rows } = await appliance.get<StatsAnswer>(`/stats/${metric}?window=1h`)
  return rows[0]?.values['value'] ?? 0
}

test("nginx: the agent's format is nginx's own, and its lines are requests with a latency", async () => {
  const logFormat = [...textOf('nginx/tailrace.conf').matchAll(/'([^']*)'/g)].map(([, part]) => part).join('')
  const [input] = inputsOf('nginx/tailrace.yaml')
  assert.equal(input!.format, `nginx:${logFormat}`)
  assert.equal(formatFault(input!.format!), null)
  const [, day, month, year, time] = new Date().toUTCString().split(/[ ,]+/)
  const at = `${day}/${month}/${year}:${time} +0000`
  const line = `203.0.113.7 - - [${at}] "GET /cart HTTP/1.1" 200 512 "-" "Mozilla/5.0" 0.042 shop.example\n`
  appendFileSync(join(place, 'var/log/nginx/access.log'), line)
  await eventually(
    'the request is counted',
    () => countOf('requests'),
    count => count === 1,
  )
  const latency = await appliance.get<StatsAnswer>('/stats/latency?window=1h')
  assert.equal(latency.rows[0]!.values['max'], 42)
  const hosts = await appliance.get<StatsAnswer>('/stats/requests?window=1h&by=virtual_host')
  assert.deepEqual(hosts.rows[0]!.labels, { virtual_host: 'shop.example' })
})

test('shop: pages and orders of a visitor are one visit', async () => {
  const shop = start('shop/shop.mjs', '0', join(place, 'var/log/shop/events.jsonl'))
  const [first] = (await once(createInterface({ input: shop.stdout! }), 'line')) as [string]
  const origin = /http:\S+/.exec(first)![0]
  const welcome = await fetch(origin)
  const cookie = welcome.headers.get('set-cookie')!.split(';')[0]!
  for (const [method, path] of [
    ['GET', '/products/42'],
    ['POST', '/cart/42'],
    ['POST', '/orders'],
  ] as const)
    assert((await fetch(origin + path, { method, headers: { cookie } })).ok)
  await eventually(
    'four events are counted',
    () => countOf('events'),
    count => count === 4,
  )
  assert.equal(await countOf('pageviews'), 2)
  assert.equal(await countOf('visits'), 1)
})

test('subscriber: kafkajs reads what is kept', async () => {
  const subscriber = start('subscriber/subscriber.mjs', appliance.kafkaAddress, 'behavior')
  const seen: string[] = []
  for await (const line of createInterface({ input: subscriber.stdout! })) {
    seen.push(line)
    if (seen.length === 4) break
  }
  assert.match(seen.join('\n'), /^\d:\d+ .*"event":"Order Completed"/m)
})

test('grafana: every panel has an answer, by POST, with the header of the data source', async () => {
  const source = parse(textOf('grafana/datasource.yaml')).datasources[0]
  const token = readFileSync(join(appliance.directory, 'data/token'), 'utf8').trim()
  const authorization = source.secureJsonData.httpHeaderValue1.replace('$TAILRACE_TOKEN', token)
  const { panels } = JSON.parse(textOf('grafana/dashboard.json')) as {
    panels: { title: string; targets: { expr: string }[] }[]
  }
  for (const { title, targets } of panels) {
    for (const { expr } of targets) {
      const response = await fetch(`${appliance.origin}/prometheus/api/v1/query`, {
        method: source.jsonData.httpMethod,
        headers: { authorization },
        body: new URLSearchParams({ query: expr }),
      })
      const answer = (await response.json()) as { status: string; data: { resultType: string } }
      assert.equal(answer.status, 'success', `${title}: ${JSON.stringify(answer)}`)
    }
  }
})

test('client.md: both modules do what the page says', async () => {
  const blocks = [
    ...readFileSync(join(root, 'docs/client.md'), 'utf8').matchAll(/^```js (\w+)\n(.*?)^```/gms),
  ]
  const outputs = new Map<string, string>()
  for (const [, name, code] of blocks) {
    const module = join(root, `${publicModules[`./${name}` as keyof typeof publicModules]}.ts`)
    const script = code!
      .replace(`'tailrace/${name}'`, `'${module}'`)
      .replace('127.0.0.1:9092', appliance.kafkaAddress)
      .replace('http://127.0.0.1:8080', appliance.origin)
    const path = join(place, `${name}.mjs`)
    writeFileSync(path, script)
    const token = readFileSync(join(appliance.directory, 'data/token'), 'utf8').trim()
    const env = { ...process.env, TAILRACE_TOKEN: token }
    const { stdout } = await promisify(execFile)(process.execPath, [path], { env, timeout: 60_000 })
    outputs.set(name!, stdout)
  }
  assert.match(outputs.get('client')!, /^\d:\d+ first line\n\d:\d+ second line$/m)
  assert.match(outputs.get('api')!, /^\/cart 1\n\d+ lines counted$/m)
})
