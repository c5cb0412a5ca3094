// Every parser against the samples in fixtures, whose expectations somebody else wrote down.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { emptyCombinedLine, parseCombined } from './combined.ts'
import { emptyJsonEvent, eventFields, parseJsonEvent } from './json-event.ts'
import { fieldText } from './json-scan.ts'
import { emptyMetricLine, metricFields, parseMetricLine } from './metric-line.ts'

type Fields = Record<string, string | number | null>

const folder = new URL('../../fixtures/samples/', import.meta.url)

/** The lines of one file behind each other in one buffer, as they lie in a batch, and what is expected of each. */
function samples(name: string): {
  bytes: Buffer
  spans: [start: number, end: number][]
  expected: (Fields | null)[]
} {
  const bytes = readFileSync(new URL(name, folder))
  const stem = name.slice(0, name.indexOf('.'))
  const expected = JSON.parse(
    readFileSync(new URL(`${stem}.expected.json`, folder), 'utf8'),
  ) as (Fields | null)[]
  const spans: [number, number][] = []
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0x0a, start)
    spans.push([start, end])
    start = end + 1
  }
  return { bytes, spans, expected }
}

function check(name: string, parse: (bytes: Buffer, start: number, end: number) => Fields | null): void {
  const { bytes, spans, expected } = samples(name)
  assert.equal(spans.length, expected.length)
  for (const [index, [start, end]] of spans.entries()) {
    const wanted = expected[index]!
    const found = parse(bytes, start, end)
    const compared = wanted && found && Object.fromEntries(Object.keys(wanted).map(key => [key, found[key]]))
    assert.deepEqual(compared ?? found, wanted, bytes.toString('utf8', start, end))
  }
}

const line = emptyCombinedLine()

for (const name of ['combined.log', 'common.log', 'hostile.log']) {
  test(`parseCombined() reads ${name} as expected`, () => {
    check(name, (bytes, start, end) => {
      if (!parseCombined(bytes, start, end, line)) return null
      const text = (from: number, to: number) => bytes.toString('utf8', from, to)
      return {
        client: text(line.clientStart, line.clientEnd),
        timeMs: line.timeMs,
        method: text(line.methodStart, line.methodEnd),
        path: text(line.pathStart, line.pathEnd),
        status: line.status,
        bytes: line.bytes,
        referrer: text(line.referrerStart, line.referrerEnd),
        agent: text(line.agentStart, line.agentEnd),
        requestTimeMs: Number.isNaN(line.requestTimeMs) ? null : line.requestTimeMs,
      }
    })
  })
}

test('parseJsonEvent() reads behavior.jsonl as expected', () => {
  const event = emptyJsonEvent()
  check('behavior.jsonl', (bytes, start, end) => {
    if (!parseJsonEvent(bytes, start, end, event)) return null
    const texts = Object.entries(eventFields).map(([name, field]) => [
      name,
      fieldText(bytes, event.spans, field),
    ])
    return { ...Object.fromEntries(texts), timeMs: event.timeMs }
  })
})

test('parseMetricLine() reads metrics.jsonl as expected', () => {
  const metric = emptyMetricLine()
  check('metrics.jsonl', (bytes, start, end) => {
    if (!parseMetricLine(bytes, start, end, metric)) return null
    const text = (field: number) => fieldText(bytes, metric.spans, field)
    const { host, name, unit } = metricFields
    return {
      host: text(host),
      name: text(name),
      unit: text(unit),
      value: metric.value,
      timeMs: metric.timeMs,
    }
  })
})
