// The same statistics computed again for tests, slowly and another way: objects, JSON.parse and regular expressions,
// everything in one map, no state between lines but the rule that a position counts once. Shares no code with the fold.

export interface NaiveRecord {
  readonly line: string
  readonly timestampMs: number
  readonly topic: string
  readonly partition: number
  readonly src: string | undefined
  readonly pos: number | undefined
  readonly format: string
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
  let unparsed = 0
  let counted = 0
  for (const record of records) {
    if (record.src !== undefined && record.pos !== undefined) {
      const key = `${record.topic}-${record.partition} ${record.src}`
      if (record.pos <= (highest.get(key) ?? -1)) continue
      highest.set(key, record.pos)
    }
    if (countOne(result, record)) counted++
    else unparsed++
  }
  return { ...result, unparsed, counted }
}

function countOne(result: NaiveResult, record: NaiveRecord): boolean {
  const parsed = parse(record)
  const time = Math.min(parsed?.time ?? record.timestampMs, record.timestampMs + 300_000)
  const add = (metric: string, amount: number, labels: Record<string, string> = {}) => {
    if (amount === 0) return
    for (const key of keysOf(metric, labels, time))
      result.counts.set(key, (result.counts.get(key) ?? 0) + amount)
  }
  const { topic } = record
  if (!parsed) {
    add('unparsed', 1)
    add('unparsed', 1, { topic })
    return false
  }
  add('lines', 1)
  add('lines', 1, { topic })
  for (const [metric, amount, labels] of parsed.counts) add(metric, amount, labels)
  for (const [metric, value, labels] of parsed.samples) {
    for (const key of keysOf(metric, labels, time)) push(result.samples, key, value)
  }
  for (const [source, visitor] of parsed.visitors) {
    for (const key of keysOf('active_users', { source }, time)) {
      const seen = result.visitors.get(key) ?? new Set()
      result.visitors.set(key, seen.add(visitor))
    }
  }
  return true
}

interface Parsed {
  readonly time: number
  readonly counts: [metric: string, amount: number, labels?: Record<string, string>][]
  readonly samples: [metric: string, value: number, labels: Record<string, string>][]
  readonly visitors: [source: string, visitor: string][]
}

const accessLine = new RegExp(
  String.raw`^(\S+) \S+ \S+ \[(\d\d)/(\w{3})/(\d{4}):(\d\d:\d\d:\d\d) \+0000\] "(\S+) ([^ ?]+)\S* HTTP/1.1" ` +
    String.raw`(\d{3}) (\d+) "([^"]*)" "([^"]*)"(?: (\d+\.\d+))?$`,
)
const monthNames = 'JanFebMarAprMayJunJulAugSepOctNovDec'

function parse({ line, format, timestampMs }: NaiveRecord): Parsed | null {
  if (format === 'raw') return { time: timestampMs, counts: [], samples: [], visitors: [] }
  if (format === 'combined') return parseAccess(line)
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
  const referrer = value['referrer'] ? new URL(String(value['referrer'])).hostname : '(direct)'
  const counts: Parsed['counts'] = [
    ['events', 1],
    ['events', 1, { event: String(value['event']) }],
    ['events', 1, { path }],
  ]
  if (value['type'] === 'page')
    counts.push(['pageviews', 1], ['pageviews', 1, { path }], ['pageviews', 1, { referrer }])
  return { time, counts, samples: [], visitors: [['events', String(value['anonymousId'])]] }
}

function parseAccess(line: string): Parsed | null {
  const match = accessLine.exec(line)
  if (!match) return null
  const [, client, day, month, year, clock, method, path, status, bytes, referrer, agent, seconds] =
    match as string[]
  const monthNumber = String(monthNames.indexOf(month!) / 3 + 1).padStart(2, '0')
  const time = Date.parse(`${year}-${monthNumber}-${day}T${clock}Z`)
  const code = Number(status)
  const isError = code >= 500 ? 1 : 0
  const isClientError = code >= 400 && code < 500 ? 1 : 0
  const counts: Parsed['counts'] = [
    ['requests', 1, { method: method! }],
    ['requests', 1, { referrer: referrer === '-' ? '(direct)' : new URL(referrer!).hostname }],
    ['bytes', Number(bytes)],
    ['bytes', Number(bytes), { path: path! }],
  ]
  for (const labels of [{}, { path: path! }, { status: status! }]) {
    counts.push(
      ['requests', 1, labels],
      ['errors', isError, labels],
      ['client_errors', isClientError, labels],
    )
  }
  const latency = Math.round(Number(seconds) * 1000)
  const samples: Parsed['samples'] = seconds
    ? [
        ['latency', latency, {}],
        ['latency', latency, { path: path! }],
      ]
    : []
  return { time, counts, samples, visitors: [['requests', `${client} ${agent}`]] }
}

function keysOf(metric: string, labels: Record<string, string>, time: number): string[] {
  const dims = Object.keys(labels).sort().join(',')
  const finest = dims === '' ? 1 : 10
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
