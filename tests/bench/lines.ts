// `npm run bench -- lines`: how much of one core it costs to cut lines, to apply rules to them, and to parse each
// format, in megabytes per CPU-second; the machine may be busy with other work. Reads fixtures/samples, writes nothing.
import { readFileSync } from 'node:fs'
import { emptyCombinedLine, parseCombined } from '../../agent/formats/combined.ts'
import { detectFormat } from '../../agent/formats/detect.ts'
import { emptyJsonEvent, parseJsonEvent } from '../../agent/formats/json-event.ts'
import { emptyMetricLine, parseMetricLine } from '../../agent/formats/metric-line.ts'
import { parserOf } from '../../agent/formats/registry.ts'
import type { LineRules } from '../../agent/line-rules.ts'
import { cutLines } from '../../agent/lines.ts'
import { RuledLines } from '../../agent/ruled-lines.ts'
import { markdownTable } from './markdown-table.ts'

type Parse = (bytes: Buffer, start: number, end: number) => unknown

const samplesFolder = new URL('../../fixtures/samples/', import.meta.url)
const turnBytes = 262_144
/** So much of each; long enough for the compiler to be done. */
const workBytes = 24 * 2 ** 20

const nginxFormat =
  'nginx:$remote_addr [$time_iso8601] $request_method $request_uri $status $body_bytes_sent $request_time ' +
  '"$upstream_response_time" "$http_user_agent"'

const files: readonly (readonly [file: string, format?: string])[] = [
  ['combined.log'],
  ['vhost-combined.log'],
  ['nginx-format.log', nginxFormat],
  ['apache-format.log', 'apache:%h %l %u %t "%r" %>s %b %D "%{User-Agent}i"'],
  ['caddy.log'],
  ['traefik.log'],
  ['w3c.log'],
  ['behavior.jsonl'],
  ['segment.log'],
  ['posthog.log'],
  ['pino.log'],
  ['bunyan.log'],
  ['logfmt.log', 'logfmt'],
  ['syslog-3164.log'],
  ['syslog-5424.log', 'syslog'],
  ['cri.log'],
  ['docker.log'],
  ['metrics.jsonl'],
  ['statsd.log'],
  ['influx.log', 'influx'],
  ['prometheus.log'],
  ['csv.log'],
]

export async function runLines(): Promise<void> {
  console.log(markdownTable(['lines', 'MB a CPU-second'], [...cuttingRows()]))
  console.log()
  console.log(markdownTable(['format', 'MB a CPU-second', 'lines a CPU-second'], [...formatRows()]))
}

/** A turn of the agent's, full of these lines again and again. */
function turnOf(lines: readonly Buffer[]): Buffer {
  const parts: Buffer[] = []
  for (let length = 0, index = 0; length < turnBytes; index++) {
    const line = Buffer.concat([lines[index % lines.length]!, Buffer.from('\n')])
    parts.push(line)
    length += line.length
  }
  return Buffer.concat(parts)
}

/** Bytes per CPU-second of doing this with a turn. */
function rateOf(turn: Buffer, work: () => void): number {
  for (let done = 0; done < workBytes / 4; done += turn.length) work()
  const started = process.cpuUsage()
  let done = 0
  for (; done < workBytes; done += turn.length) work()
  const used = process.cpuUsage(started)
  return done / ((used.user + used.system) / 1e6)
}

function* cuttingRows(): Generator<string[]> {
  const turn = turnOf(linesOf('combined.log'))
  const row = (name: string, rate: number) => [name, (rate / 1e6).toFixed(0)]
  let seen = 0
  const visit = () => {
    seen++
  }
  yield row(
    'cut, nothing else',
    rateOf(turn, () => cutLines(turn, 0, turn.length, 1, visit)),
  )
  const ruled: readonly (readonly [string, LineRules])[] = [
    ['a limit', { maxLineBytes: 65_536 }],
    ['one pattern to leave lines out', { excludeLines: ['/healthz'] }],
    ['a sample', { sample: 0.1 }],
    ['redaction, all four', { redact: { cards: true, emails: true, addresses: true, tokens: true } }],
    ['traces of Java', { multiline: { preset: 'java' } }],
  ]
  for (const [name, rules] of ruled) {
    const lines = new RuledLines(rules, null, 'agent000.file.1', 'secret')
    yield row(
      name,
      rateOf(turn, () => lines.cut(turn, 0, turn.length, 1, true, visit, () => {})),
    )
  }
  const wide = Buffer.from(turn.toString('latin1'), 'utf16le')
  const decoding = new RuledLines({}, 'utf-16le', 'agent000.file.1', 'secret')
  yield row(
    'UTF-16',
    rateOf(wide, () => decoding.cut(wide, 0, wide.length, 0, true, visit, () => {})),
  )
  if (seen === 0) throw new Error('no line was seen')
}

function* formatRows(): Generator<string[]> {
  for (const [file, given] of files) {
    const lines = linesOf(file)
    const format = given ?? detectFormat(lines)
    const parse = parseOf(format)
    const good = lines.filter(line => parse(line, 0, line.length))
    const turn = turnOf(good)
    const spans: number[] = []
    cutLines(turn, 0, turn.length, 1, (_, start, end) => spans.push(start, end))
    const rate = rateOf(turn, () => {
      for (let index = 0; index < spans.length; index += 2) parse(turn, spans[index]!, spans[index + 1]!)
    })
    const lineRate = rate / (turn.length / (spans.length / 2))
    yield [
      file.slice(0, file.indexOf('.')),
      (rate / 1e6).toFixed(0),
      Math.round(lineRate).toLocaleString('en'),
    ]
  }
}

function linesOf(file: string): Buffer[] {
  const bytes = readFileSync(new URL(file, samplesFolder))
  const lines: Buffer[] = []
  cutLines(bytes, 0, bytes.length, 1, (from, start, end) => lines.push(from.subarray(start, end)))
  return lines
}

function parseOf(format: string): Parse {
  const combined = emptyCombinedLine()
  const event = emptyJsonEvent()
  const metric = emptyMetricLine()
  if (format === 'combined') return (bytes, start, end) => parseCombined(bytes, start, end, combined)
  if (format === 'json') return (bytes, start, end) => parseJsonEvent(bytes, start, end, event)
  if (format === 'metrics') return (bytes, start, end) => parseMetricLine(bytes, start, end, metric)
  const parser = parserOf(format)
  if (parser === null) throw new Error(`no parser of ${format}`)
  const context = { recordMs: Date.parse('2026-11-24T12:00:00Z'), zonelessOffsetMs: 0 }
  return (bytes, start, end) => parser(bytes, start, end, context)
}
