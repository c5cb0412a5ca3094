// One table over all formats: each sample of fixtures is read as expected, detected from its first lines, and survives
// being cut and mutated. The expectations were written by hand.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { detectFormat } from './detect.ts'
import type { ParsedLine } from './parsed-line.ts'
import { formatFault, parserOf } from './registry.ts'

const nginx = 'nginx:$remote_addr [$time_iso8601] $request_method $request_uri $status $body_bytes_sent '
const w3c =
  'w3c:date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) ' +
  'sc-status sc-substatus sc-win32-status time-taken'

/** The last column: what `auto` makes of the file, where that is something else. */
const table: readonly (readonly [name: string, format: string, detected?: string])[] = [
  ['vhost-combined', 'vhost_combined'],
  ['nginx-format', `${nginx}$request_time "$upstream_response_time" "$http_user_agent"`, 'raw'],
  ['apache-format', String.raw`apache:%h %l %u %t \"%r\" %>s %b %D \"%{User-Agent}i\"`, 'combined'],
  ['caddy', 'caddy'],
  ['traefik', 'traefik'],
  ['w3c', w3c],
  ['segment', 'segment'],
  ['posthog', 'posthog'],
  ['pino', 'pino'],
  ['bunyan', 'bunyan'],
  ['logfmt', 'logfmt', 'raw'],
  ['syslog-3164', 'syslog'],
  ['syslog-5424', 'syslog', 'raw'],
  ['cri', 'cri'],
  ['docker', 'docker'],
  ['statsd', 'statsd'],
  ['influx', 'influx', 'raw'],
  ['prometheus', 'prometheus'],
  ['csv', 'csv:time,level,message,user'],
  ['csv-access', 'csv:timestamp;method;url;status;bytes;client_ip'],
]

const folder = new URL('../../fixtures/samples/', import.meta.url)
const context = { recordMs: Date.parse('2026-11-24T12:00:00Z'), zonelessOffsetMs: 0 }

function linesOf(name: string): Buffer[] {
  const bytes = readFileSync(new URL(`${name}.log`, folder))
  const lines: Buffer[] = []
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0x0a, start)
    lines.push(bytes.subarray(start, end))
    start = end + 1
  }
  return lines
}

/** NaN is null in an expectation. */
function plain(line: ParsedLine): Record<string, unknown> {
  return JSON.parse(JSON.stringify(line)) as Record<string, unknown>
}

for (const [name, format, detected] of table) {
  test(`${name}: every sample is read as expected, framed by other lines`, () => {
    const parse = parserOf(format)
    assert(parse)
    const lines = linesOf(name)
    const expected = JSON.parse(readFileSync(new URL(`${name}.expected.json`, folder), 'utf8')) as (Record<
      string,
      unknown
    > | null)[]
    assert.equal(lines.length, expected.length)
    const before = Buffer.from('200 "x" {"')
    for (const [index, line] of lines.entries()) {
      const framed = Buffer.concat([before, line, Buffer.from(' 404 "y"}')])
      const found = parse(framed, before.length, before.length + line.length, context)
      const wanted = expected[index]!
      if (wanted === null) assert.equal(found, null, line.toString())
      else {
        assert(found, line.toString())
        const shown = plain(found)
        assert.deepEqual(Object.fromEntries(Object.keys(wanted).map(key => [key, shown[key]])), wanted)
      }
    }
    assert.equal(detectFormat(lines), detected ?? format)
  })
}

test('no parser throws, hangs or gives a number that is none, for any cut and mutation of any sample', () => {
  let seed = 11
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return (seed >>> 8) % below
  }
  const nasty = Buffer.from('"\\{}[]:;,=| <>#%@\0\x7f\xff09eE+-.T', 'latin1')
  let read = 0
  for (const [name, format] of table) {
    const parse = parserOf(format)!
    for (const line of linesOf(name)) {
      for (let round = 0; round < 120; round++) {
        const mutant = Buffer.from(line.subarray(0, random(4) === 0 ? random(line.length + 1) : line.length))
        for (let change = random(4); change > 0 && mutant.length > 0; change--) {
          mutant[random(mutant.length)] = nasty[random(nasty.length)]!
        }
        const found = parse(mutant, 0, mutant.length, context)
        if (!found) continue
        read++
        assert.ok(Number.isSafeInteger(found.bytes) && found.bytes >= 0, mutant.toString('latin1'))
        assert.ok(found.status === 0 || (found.status >= 100 && found.status < 1000))
        for (const { value } of found.samples) assert.ok(Number.isFinite(value))
      }
    }
  }
  assert.ok(read > 500, `${read} mutants were read`)
})

test('time grows with the length of a line and not faster, for lines made to hurt', () => {
  const bait = [
    '"',
    '\\',
    '\\"',
    '[',
    ' ',
    '=',
    ',',
    '{"a":',
    '%',
    ':',
    'a="',
    '" "',
    '#',
    '<1>',
    '|',
    ' a=',
    '""',
  ]
  for (const [, format] of table) {
    const parse = parserOf(format)!
    for (const part of bait) {
      const hurt = (length: number) => {
        const line = Buffer.from(`203.0.113.7 ${part.repeat(length / part.length)}`)
        const started = process.cpuUsage()
        parse(line, 0, line.length, context)
        return process.cpuUsage(started).user / 1000
      }
      hurt(1_000)
      // A quadratic parser would need seconds.
      assert.ok(hurt(400_000) < 2_000, `${format} with ${part}`)
    }
  }
})

test('a year that is missing is the one that makes the line at most a day younger than its reading', () => {
  const parse = parserOf('syslog')!
  const timeOf = (line: string, readAt: string) => {
    const bytes = Buffer.from(line)
    const found = parse(bytes, 0, bytes.length, { recordMs: Date.parse(readAt), zonelessOffsetMs: 0 })
    return new Date(found!.timeMs).toISOString()
  }
  assert.equal(timeOf('Dec 31 23:59:59 h a: x', '2027-01-01T00:00:03Z'), '2026-12-31T23:59:59.000Z')
  assert.equal(timeOf('Jan  1 00:00:01 h a: x', '2026-12-31T23:59:59Z'), '2027-01-01T00:00:01.000Z')
  assert.equal(timeOf('Feb 29 12:00:00 h a: x', '2027-03-01T00:00:00Z'), '2024-02-29T12:00:00.000Z')
})

test('formatFault() takes what can be parsed and says what cannot', () => {
  for (const good of ['auto', 'combined', 'common', 'w3c', 'csv', 'syslog', 'nginx:$remote_addr $status']) {
    assert.equal(formatFault(good), null)
  }
  for (const bad of [
    '',
    'constructor',
    '__proto__',
    'toString:x',
    'nginx:',
    'nginx:no variables',
    'nginx:$a$b',
  ]) {
    assert.notEqual(formatFault(bad), null, bad)
    assert.equal(parserOf(bad), null, bad)
  }
})
