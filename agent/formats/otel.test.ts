// A line that leaves as JSON counts as the line it was made of: time, kind and every field, of every format.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emitterOf, recordFormatOf } from '../emit.ts'
import { parseCombinedAsOthers, parseOtel, parseText } from './otel.ts'
import type { ParsedLine } from './parsed-line.ts'
import { type LineFormat, parserOf } from './registry.ts'

const at = '24/Nov/2026:08:00:07 +0100'
const lines: readonly (readonly [LineFormat, string])[] = [
  [
    'combined',
    `203.0.113.7 - - [${at}] "GET /a?b=\\"c HTTP/1.1" 503 12 "https://r.example/" "Mözilla \\"5" 0.042`,
  ],
  ['combined', `203.0.113.7 - - [${at}] "-" 400 0`],
  ['vhost_combined', `shop.example:443 203.0.113.7 - - [${at}] "GET /a HTTP/1.1" 200 5 "-" "UA"`],
  [
    'nginx:$remote_addr [$time_iso8601] "$request" $status',
    '::1 [2026-11-24T08:00:07Z] "GET /a HTTP/1.1" 200',
  ],
  [
    'caddy',
    '{"ts":1795507207.25,"request":{"client_ip":"1.2.3.4","method":"GET","uri":"/b?x","host":"h"},"status":200}',
  ],
  ['w3c:date time c-ip cs-method cs-uri-stem sc-status', '2026-11-24 08:00:07 1.2.3.4 GET /a 404'],
  ['w3c:date time c-ip cs-method cs-uri-stem sc-status', '#Version: 1.0'],
  ['syslog', '<11>Nov  4 08:00:00 web-1 app[1]: it failed'],
  ['syslog', '<165>1 2026-11-24T08:00:00.123Z host app 1 ID - all well'],
  ['pino', '{"level":50,"time":1795507207123,"msg":"no"}'],
  ['logfmt', 'ts=2026-11-24T08:00:07 level=warn msg="a b" n=1'],
  [
    'cri',
    '2026-11-24T08:00:07.5+01:00 stdout F 1.2.3.4 - - [24/Nov/2026:08:00:00 +0000] "GET /c HTTP/1.1" 200 5',
  ],
  ['raw', 'plain "text"\twith a trace\n\tat somewhere'],
]

const routed = (format: LineFormat) => ({ format, keyField: null, rules: { emit: 'json' as const } })

for (const [format, text] of lines) {
  test(`a line of ${format.slice(0, 20)} is the same line as JSON: ${text.slice(0, 40)}`, () => {
    const line = Buffer.from(text)
    assert.equal(recordFormatOf(routed(format)), 'otel')
    const record = emitterOf(routed(format))!(line, 0, line.length)
    assert(record)
    assert.equal((JSON.parse(record.toString()) as { body: string }).body, text)
    const parse = format === 'combined' ? parseCombinedAsOthers : (parserOf(format) ?? parseText)
    // Whoever counts it may be in another zone and another year than whoever wrote it.
    for (const context of [
      { recordMs: Date.UTC(2026, 10, 24, 9), zonelessOffsetMs: 0 },
      { recordMs: Date.UTC(2031, 0, 2), zonelessOffsetMs: 7_200_000 },
    ]) {
      const { message: _, samples: none, ...wanted } = parse(line, 0, line.length, context)!
      const read: ParsedLine = parseOtel(record, 0, record.length, context)!
      const { message, samples, ...found } = read
      assert.deepEqual(found, wanted)
      assert.deepEqual([message, samples, none], [text, [], []])
    }
  })
}

test('what is not of its format stays as it is, and so do events, metrics and keyed lines', () => {
  const line = Buffer.from('{"not":"an access line"}')
  assert.equal(emitterOf(routed('combined'))!(line, 0, line.length), null)
  assert.equal(parseOtel(line, 0, line.length, { recordMs: 0, zonelessOffsetMs: 0 }), null)
  for (const format of ['json', 'segment', 'metrics', 'statsd', 'csv:time,level'] as const) {
    assert.equal(emitterOf(routed(format)), null)
    assert.equal(recordFormatOf(routed(format)), format)
  }
  assert.equal(recordFormatOf({ ...routed('pino'), keyField: 'userId' }), 'pino')
  assert.equal(recordFormatOf({ format: 'combined', keyField: null, rules: { sample: 0.5 } }), 'combined')
})
