// The formats of whole files, and the fields of the two JSON ones.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { detectFormat } from './detect.ts'
import { emptyJsonEvent, eventFields, parseJsonEvent } from './json-event.ts'
import { fieldText } from './json-scan.ts'
import { emptyMetricLine, metricFields, parseMetricLine } from './metric-line.ts'

const access = '203.0.113.7 - - [24/Nov/2026:08:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-" 0.001'
const event =
  '{"timestamp":"2026-11-24T08:00:00.123Z","type":"page","anonymousId":"a1","path":"/p/42","n":{"name":"x","value":1}}'
const metric =
  '{"timestamp":"2026-11-24T08:00:00.000Z","host":"web-1","name":"cpu.utilization","value":0.42,"unit":"1"}'
const text = 'Nov 24 08:00:00 web-1 sshd[42]: session opened'

test('detectFormat() follows the majority of non-blank lines', () => {
  const detect = (...lines: string[]) => detectFormat(lines.map(line => Buffer.from(line)))
  assert.equal(detect(access), 'combined')
  assert.equal(detect(access, text, access), 'combined')
  assert.equal(detect(event, '', '\r', event), 'json')
  assert.equal(detect(metric, metric), 'metrics')
  assert.equal(detect(event, event, metric), 'json')
  assert.equal(detect(text), 'syslog')
  assert.equal(detect('hello = there'), 'raw')
  assert.equal(detect('{"level":30,"time":1795507200123}', event, event, '{"a":1}', text), 'json')
  assert.equal(detect(access, event), 'raw')
  assert.equal(detect('[1,2]'), 'raw')
  assert.equal(detect(), 'raw')
  assert.equal(detectFormat([Buffer.from([0xff, 0, 1])]), 'raw')
})

test('parseJsonEvent() finds its fields, and a time of either kind', () => {
  const into = emptyJsonEvent()
  const bytes = Buffer.from(event)
  assert.ok(parseJsonEvent(bytes, 0, bytes.length, into))
  assert.equal(into.timeMs, Date.parse('2026-11-24T08:00:00.123Z'))
  assert.equal(fieldText(bytes, into.spans, eventFields.path), '/p/42')
  assert.equal(fieldText(bytes, into.spans, eventFields.userId), '')

  const numbered = Buffer.from('{"timestamp":1795507200123}')
  assert.ok(parseJsonEvent(numbered, 0, numbered.length, into))
  assert.equal(into.timeMs, 1_795_507_200_123)
  assert.equal(fieldText(numbered, into.spans, eventFields.path), '')

  const timeless = Buffer.from('{"type":"page"}')
  assert.ok(parseJsonEvent(timeless, 0, timeless.length, into))
  assert.equal(into.timeMs, Number.NaN)
})

test('parseMetricLine() wants a name and a finite value', () => {
  const into = emptyMetricLine()
  const parse = (line: string) => {
    const bytes = Buffer.from(line)
    return parseMetricLine(bytes, 0, bytes.length, into) && fieldText(bytes, into.spans, metricFields.name)
  }
  assert.equal(parse(metric), 'cpu.utilization')
  assert.deepEqual([into.value, into.timeMs], [0.42, Date.parse('2026-11-24T08:00:00Z')])
  for (const line of [
    '{"name":"x"}',
    '{"value":1}',
    '{"name":"","value":1}',
    '{"name":"x","value":"1"}',
    '{"name":"x","value":1e999}',
  ]) {
    assert.equal(parse(line), false, line)
  }
})
