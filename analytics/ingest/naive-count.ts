// The same statistics computed again for tests, slowly and another way: objects, JSON.parse and regular expressions,
// everything in one map, no state between lines but the rule that a position counts once and the last value of each
// counter. Shares no code with the fold; what user agents and referrers stand for is written down with the lines.
import { agentTruth, pathTruth, queryTruth, referrerTruth } from './story-lines.ts'

export interface NaiveRecord {
  readonly line: string
  readonly timestampMs: number
  readonly topic: string
  readonly partition: number
  readonly src: string | undefined
  readonly pos: number | undefined
  readonly format: string
  readonly service?: string | undefined
}

export interface NaiveResult {
  /** `metric dims labels step bucket` → count. */
  readonly counts: Map<string, number>
  /** The same for values and for visitors. */
  readonly samples: Map<string, number[]>
  readonly visitors: Map<string, Set<string>>
  readonly unparsed: number
  readonly counted: number
}

const stepsSeconds = [1, 10, 60, 900, 86_400]

export function naiveCount(records: readonly NaiveRecord[]): NaiveResult {
  const result: NaiveResult = {
    counts: new Map(),
    samples: new Map(),
    visitors: new Map(),
    unparsed: 0,
    counted: 0,
  }
  const highest = new Map<string, number>()
  const last: LastSamples = new Map()
  let unparsed = 0
  let counted = 0
  for (const record of records) {
    if (record.src !== undefined && record.pos !== undefined) {
      const key = `${record.topic}-${record.partition} ${record.src}`
      if (record.pos <= (highest.get(key) ?? -1)) continue
      highest.set(key, record.pos)
    }
    if (countOne(result, record, last)) counted++
    else unparsed++
  }
  return { ...result, unparsed, counted }
}

function countOne(result: NaiveResult, record: NaiveRecord, last: LastSamples): boolean {
  const parsed = parse(record)
  const time = Math.min(parsed?.time ?? record.timestampMs, record.timestampMs + 300_000)
  const add = (metric: string, amount: number, labels: Labels = {}) => {
    if (amount === 0) return
    for (const key of keysOf(metric, labels, time))
      result.counts.set(key, (result.counts.get(key) ?? 0) + amount)
  }
  const { topic, service } = record
  if (!parsed) {
    add('unparsed', 1)
    add('unparsed', 1, { topic })
    return false
  }
  add('lines', 1)
  add('lines', 1, { topic })
  if (service !== undefined) add('lines', 1, { service })
  if (parsed.level !== undefined) {
    add('lines', 1, { level: parsed.level })
    if (service !== undefined) add('lines', 1, { level: parsed.level, service })
  }
  for (const [metric, amount, labels] of parsed.counts) add(metric, amount, labels)
  for (const [metric, value, labels] of parsed.samples) {
    for (const key of keysOf(metric, labels, time)) push(result.samples, key, value)
    if (labels['name']?.endsWith('_total')) {
      const series = `${topic}-${record.partition} ${JSON.stringify(labels)}`
      add('metric_increase', increase(last, series, time, value), labels)
    }
  }
  for (const [metric, visitor, labels] of parsed.visitors) {
    for (const key of keysOf(metric, labels, time)) {
      const seen = result.visitors.get(key) ?? new Set()
      result.visitors.set(key, seen.add(visitor))
    }
  }
  return true
}

type Labels = Readonly<Record<string, string>>
type LastSamples = Map<string, { readonly time: number; readonly value: number }>

/** Of each partition in its own order: older samples say nothing, a fall is a beginning at zero. */
function increase(last: LastSamples, series: string, time: number, value: number): number {
  const before = last.get(series)
  if (before && time < before.time) return 0
  last.set(series, { time, value })
  if (!before) return 0
  return value >= before.value ? value - before.value : value
}

interface Parsed {
  readonly time: number
  readonly level?: string
  readonly counts: [metric: string, amount: number, labels?: Labels][]
  readonly samples: [metric: string, value: number, labels: Labels][]
  readonly visitors: [metric: string, visitor: string, labels: Labels][]
}

const accessLine = new RegExp(
  String.raw`^(?:(\S+):\d+ )?(\S+) \S+ \S+ \[(\d\d)/(\w{3})/(\d{4}):(\d\d:\d\d:\d\d) \+0000\] ` +
    String.raw`"(\S+) ([^ ?]+)(\S*) HTTP/1.1" (\d{3}) (\d+) "([^"]*)" "([^"]*)"(?: (\d+\.\d+))?$`,
)
const appLine = /^time=(\S+) level=(\w+) msg="[^"]*"$/
const monthNames = 'JanFebMarAprMayJunJulAugSepOctNovDec'

function parse({ line, format, timestampMs }: NaiveRecord): Parsed | null {
  if (format === 'raw') return { time: timestampMs, counts: [], samples: [], visitors: [] }
  if (format === 'combined' || format === 'vhost_combined') return parseAccess(line, timestampMs)
  if (format === 'logfmt') {
    const match = appLine.exec(line)
    return match
      ? { time: Date.parse(match[1]!), level: match[2]!, counts: [], samples: [], visitors: [] }
      : null
  }
  let value: Record<string, unknown>
  try {
    value = JSON.parse(line) as Record<string, unknown>
  } catch {
    return null
  }
  const time = Date.parse(String(value['timestamp']))
  if (format === 'metrics') {
    const labels = { host: String(value['host']), name: String(value['name']) }
    return { time, counts: [], samples: [['metric', Number(value['value']), labels]], visitors: [] }
  }
  const path = String(value['path'])
  const hour = hourOf(time, timestampMs)
  const referrer = value['referrer'] ? new URL(String(value['referrer'])).hostname : '(direct)'
  const counts: Parsed['counts'] = [{}, { event: String(value['event']) }, { path }, { hour }].map(labels => [
    'events',
    1,
    labels as Labels,
  ])
  if (value['type'] === 'page') {
    for (const labels of [{}, { path }, { referrer }, { hour }] as Labels[])
      counts.push(['pageviews', 1, labels])
  }
  const visitor = String(value['anonymousId'])
  return { time, counts, samples: [], visitors: [['active_users', visitor, { source: 'events' }]] }
}

function hourOf(time: number, timestampMs: number): string {
  return new Date(Math.min(time, timestampMs + 300_000)).toISOString().slice(11, 13)
}

function parseAccess(line: string, timestampMs: number): Parsed | null {
  const match = accessLine.exec(line)
  if (!match) return null
  const [, host, client, day, month, year, clock, ...others] = match as string[]
  const [method, path, query, status, bytesText, referrerText, agentText, seconds] = others as string[]
  const monthNumber = String(monthNames.indexOf(month!) / 3 + 1).padStart(2, '0')
  const time = Date.parse(`${year}-${monthNumber}-${day}T${clock}Z`)
  const agent = agentTruth.get(agentText!)!
  const referrer = referrerTruth.get(referrerText!)!
  const campaign = queryTruth.get(query!)
  const { content, isStatic } = pathTruth.get(path!)!
  const code = Number(status)
  const ms = seconds === undefined ? null : Math.round(Number(seconds) * 1000)
  const outcome = code >= 500 ? 'error' : code >= 400 ? 'client_error' : 'success'
  const { site, channel } = campaign?.source ?? referrer
  const { bot, ...byAgent } = agent
  const byWhat: Labels = { path: path!, status: status!, status_class: `${status![0]}xx`, content }
  const byWho: Labels = { ...byAgent, client: `${client!.split('.').slice(0, 3).join('.')}.0/24` }
  const byWhere: Labels = { site, channel, ...campaign?.parameters }
  const hour = { hour: hourOf(time, timestampMs) }
  const byHost: Labels = host === undefined ? {} : { virtual_host: host }
  const usual = { ...byWhat, method: method!, referrer: referrer.host, ...byWhere, ...byHost, ...hour }
  const counts: Parsed['counts'] = [
    ...each('requests', 1, { ...usual, ...byWho, outcome }),
    ...each('errors', code >= 500 ? 1 : 0, { ...usual, ...byWho }),
    ...each('client_errors', code >= 400 && code < 500 ? 1 : 0, usual),
    ...each('bytes', Number(bytesText), { ...usual, ...byWho }),
    ...each('not_found', code === 404 ? 1 : 0, { path: path! }),
    ...each('static_requests', isStatic ? 1 : 0, { path: path! }),
    ...each('bot_requests', bot === '' ? 0 : 1, { bot }),
  ]
  const samples: Parsed['samples'] = []
  if (ms !== null) {
    const points = code >= 500 || ms > 2000 ? 0 : ms > 500 ? 1 : 2
    counts.push(
      ...each('time_served', ms, { ...byWhat, ...byWho, ...hour }),
      ...each('apdex_points', points, { path: path! }),
      ...each('apdex_points_max', 2, { path: path! }),
    )
    for (const [, , labels] of each('', 0, { path: path!, outcome, ...byHost }))
      samples.push(['latency', ms, labels!])
  }
  return { time, counts, samples, visitors: bot === '' ? visitorsOf() : [] }

  function visitorsOf(): Parsed['visitors'] {
    const visitor = `${client} ${agentText}`
    const { utm_content: _content, utm_term: _term, ...kept } = byWhere
    const { client: _client, ...described } = byWho
    const by: Labels = { path: path!, status_class: byWhat['status_class']!, ...described, ...kept, ...hour }
    return [
      ['active_users', visitor, { source: 'requests' }],
      ...Object.entries(by).map(([name, value]): Parsed['visitors'][number] => [
        'request_visitors',
        visitor,
        { [name]: value },
      ]),
    ]
  }
}

/** As a whole and by each of the labels alone. */
function each(metric: string, amount: number, labels: Labels): Parsed['counts'] {
  return [
    [metric, amount, {}],
    ...Object.entries(labels).map(([name, value]): Parsed['counts'][number] => [
      metric,
      amount,
      { [name]: value },
    ]),
  ]
}

function keysOf(metric: string, labels: Labels, time: number): string[] {
  const dims = Object.keys(labels).sort().join(',')
  const finest = metric === 'request_visitors' ? 60 : dims === '' ? 1 : 10
  return stepsSeconds
    .filter(step => step >= finest)
    .map(
      step => `${metric} ${dims} ${JSON.stringify(labels)} ${step} ${Math.floor(time / 1000 / step) * step}`,
    )
}

function push(map: Map<string, number[]>, key: string, value: number): void {
  const values = map.get(key)
  if (values) values.push(value)
  else map.set(key, [value])
}
