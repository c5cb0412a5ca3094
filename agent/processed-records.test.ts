// Records as they leave the agent: the headers that its input asks for, the format that was decided, and a key that is
// the same for one visitor whatever server wrote the line, made of what redaction left.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { agentScene } from './agent-scene.ts'
import { shippedRecords } from './shipped-records.ts'

const at = '[24/Nov/2026:08:00:00 +0000]'
const request = (ip: string) =>
  `"request":{"client_ip":"${ip}","method":"GET","uri":"/b","headers":{"User-Agent":["UA"]}}`
const caddy = (ip: string) => `{"ts":1795507200,${request(ip)},"status":200}`

test('format, fields and keys of records, by what their files hold', async () => {
  await using s = await agentScene()
  const [input] = s.config.inputs
  const fields = { service: 'shop', host: '{host}' }
  const redact = { addresses: true }
  Object.assign(s.config, { inputs: [{ ...input!, fields, redact }] })
  writeFileSync(s.at('combined.log'), `203.0.113.7 - - ${at} "GET /a HTTP/1.1" 200 5 "-" "UA"\n`)
  writeFileSync(s.at('vhost.log'), `s.example:443 203.0.113.9 - - ${at} "GET /a HTTP/1.1" 200 5 "-" "UA"\n`)
  writeFileSync(s.at('caddy.log'), `${caddy('203.0.113.11')}\n${caddy('203.0.112.11')}\n`)
  writeFileSync(s.at('syslog.log'), '<11>Nov 24 08:00:00 web-1 app[1]: from 10.1.2.3\n')
  writeFileSync(s.at('posthog.log'), '{"event":"e","distinct_id":"d1","properties":{}}\n')
  writeFileSync(s.at('statsd.log'), 'hits:1|c\n')
  await s.start()
  const topics = ['logs', 'behavior', 'metrics']
  const all = () =>
    topics.flatMap(topic => shippedRecords(s.broker, topic).map(record => ({ topic, ...record })))
  await s.until(() => all().length === 7)
  const byFormat = Object.groupBy(all(), record => record.headers['format']!)
  assert.deepEqual(Object.keys(byFormat).sort(), [
    'caddy',
    'combined',
    'posthog',
    'statsd',
    'syslog',
    'vhost_combined',
  ])
  for (const { headers } of all()) {
    assert.deepEqual([headers['service'], headers['host']], ['shop', 'web-1'])
    assert.equal(Object.keys(headers).length, 5)
  }
  const key = byFormat['combined']![0]!.key
  assert.equal(byFormat['vhost_combined']![0]!.key, key)
  // Truncated, one address of the two is the same.
  assert.deepEqual(byFormat['caddy']!.filter(record => record.key === key).length, 1)
  assert.equal(byFormat['syslog']![0]!.line, '<11>Nov 24 08:00:00 web-1 app[1]: from 10.1.2.0')
  assert.deepEqual([byFormat['posthog']![0]!.topic, byFormat['statsd']![0]!.topic], ['behavior', 'metrics'])
})

test('emit: json makes records flat JSON, keyed as the lines they were made of', async () => {
  await using s = await agentScene()
  const [input] = s.config.inputs
  const redact = { addresses: true }
  writeFileSync(s.at('a.log'), `203.0.113.7 - - ${at} "GET /a?x=1 HTTP/1.1" 200 5 "-" "UA"\nno access line\n`)
  mkdirSync(s.at('plain'))
  writeFileSync(s.at('plain/b.log'), `203.0.113.9 - - ${at} "GET /b HTTP/1.1" 200 5 "-" "UA"\n`)
  const plain = { ...input!, paths: [s.at('plain/*.log')], redact, format: 'combined' }
  Object.assign(s.config, { inputs: [{ ...input!, redact, format: 'combined', emit: 'json' }, plain] })
  await s.start()
  await s.until(() => shippedRecords(s.broker, 'logs').length === 3)
  const records = shippedRecords(s.broker, 'logs')
  const [made, line] = [
    records.find(one => one.line.startsWith('{'))!,
    records.find(one => one.line.endsWith('"UA"'))!,
  ]
  assert.deepEqual(JSON.parse(made.line), {
    timestamp: '2026-11-24T08:00:00.000Z',
    'http.response.status_code': 200,
    'client.address': '203.0.113.0',
    'http.request.method': 'GET',
    'url.path': '/a',
    'url.query': 'x=1',
    'user_agent.original': 'UA',
    'http.response.body.size': 5,
    body: `203.0.113.0 - - ${at} "GET /a?x=1 HTTP/1.1" 200 5 "-" "UA"`,
  })
  assert.deepEqual([made.headers['format'], line.headers['format']], ['otel', 'combined'])
  assert.equal(made.key, line.key)
  // What is not of its format is as it was: the count will say that it is none.
  assert.equal(records.find(one => one.headers['format'] === 'otel' && one !== made)!.line, 'no access line')
})
