// The targets of the whole project as rows: which benchmark shows each of them, and how its figure is read out of what
// that benchmark prints. Pure; a figure that is not there is no figure, and never a target met.

export interface Reading {
  /** In words, with units. */
  readonly measured: string
  readonly isMet: boolean
}

export interface TargetRow {
  readonly what: string
  readonly target: string
  /** One of `benchRuns`. */
  readonly run: keyof typeof benchRuns
  readonly read: (output: string) => Reading | null
}

interface BenchRun {
  readonly full: readonly string[]
  /** Shorter, and with that less certain. */
  readonly quick: readonly string[]
}

export const benchRuns = {
  pipeline: run('pipeline --rate 30000 --seconds 600', 'pipeline --rate 30000 --seconds 30'),
  pipelineThree: run(
    'pipeline --rate 12000 --seconds 600 --brokers 3',
    'pipeline --rate 12000 --seconds 30 --brokers 3',
  ),
  freshness: run('freshness --seconds 120', 'freshness --seconds 20'),
  backlog: run('backlog --lines 1000000', 'backlog --lines 300000'),
  broker: run('broker --only produce,memory', 'broker --quick --only produce,memory'),
  brokerBesideKafka: run('broker --kafka --only produce', 'broker --kafka --quick --only produce'),
  start: run('start 10', 'start 2'),
  replication: run('replication', 'replication --seconds 4 --rounds 2'),
  failover: run('failover --times 50', 'failover --times 10'),
  agent: run(
    'agent --only backlog,idle,latency',
    'agent --only backlog,idle,latency --lines 500000 --turns 1 --samples 200',
  ),
  analytics: run('analytics', 'analytics 200000'),
  queries: run('queries', 'queries'),
  live: run('live', 'live --quick'),
  install: run('install', 'install'),
} as const satisfies Record<string, BenchRun>

export const targetRows: readonly TargetRow[] = [
  row('whole pipeline, one broker', '≥ 30,000 lines/s, lag p95 < 2 s', 'pipeline', output =>
    pipeline(output, 30_000),
  ),
  row('whole pipeline, RF 3', '≥ 12,000 lines/s, lag p95 < 2 s', 'pipelineThree', output =>
    pipeline(output, 12_000),
  ),
  row(
    'broker, produce, against what the machine needs',
    '≤ 2 × in each row, where no Kafka is at hand',
    'broker',
    output => atMost(column(output, '× limits'), 2, '× at most'),
  ),
  row('broker beside Kafka, 1 MiB or zstd', '≤ 0.5 × its CPU in each row', 'brokerBesideKafka', output =>
    atMost(
      column(output, 'CPU ratio', name => name !== '16 KiB, none'),
      0.5,
      '× at most',
    ),
  ),
  row('broker beside Kafka, 16 KiB uncompressed', '≤ 1 × its CPU', 'brokerBesideKafka', output =>
    atMost(
      column(output, 'CPU ratio', name => name === '16 KiB, none'),
      1,
      '×',
    ),
  ),
  row('broker, p99 at half load', '≤ Kafka’s in each row', 'brokerBesideKafka', slowerThanKafka),
  row('broker, 16 × 5 × 1 MiB in flight', '≤ 150 MB', 'broker', output =>
    atMost(numbers(output, /in flight: peak (\d+) MiB/g, 1.048576), 150, 'MB'),
  ),
  row('broker ready, empty log, after a clean stop', '≤ 400 ms', 'start', output =>
    atMost(numbers(output, /^empty +\| SIGTERM +\| ([\d.]+)/gm), 400, 'ms'),
  ),
  row('broker ready, full log, after a clean stop', '≤ 400 ms', 'start', output =>
    atMost(numbers(output, /GB +\| SIGTERM +\| ([\d.]+)/g), 400, 'ms'),
  ),
  row('RF 3 against RF 1, CPU', '≤ 3.5 ×', 'replication', output =>
    atMost(numbers(output, /^ *CPU .*: ([\d.]+) ×/gm), 3.5, '× at most'),
  ),
  row('RF 3 against RF 1, p99', '≤ 2 ×', 'replication', output =>
    atMost(numbers(output, /^ *p99 .*: ([\d.]+) ×/gm), 2, '× at most'),
  ),
  row('failover, kill -9 of a leader, p50', '≤ 3,000 ms', 'failover', output =>
    atMost(numbers(output, /kill -9: p50 (\d+) ms/g), 3_000, 'ms'),
  ),
  row('failover, worst', '≤ 6,000 ms', 'failover', output =>
    atMost(numbers(output, /worst (\d+) ms/g), 6_000, 'ms'),
  ),
  row('agent, CPU a gigabyte, raw', '≤ 25 CPU-s', 'agent', output =>
    atMost(cells(output, 'agent, none', 0), 25, 'CPU-s at most'),
  ),
  row('agent, CPU a gigabyte, zstd', '≤ 30 CPU-s', 'agent', output =>
    atMost(cells(output, 'agent, zstd', 0), 30, 'CPU-s at most'),
  ),
  row('agent, peak memory', '≤ 120 MB', 'agent', output =>
    atMost(
      [...cells(output, 'agent, none', 1), ...cells(output, 'agent, zstd', 1)].map(mib => mib * 1.048576),
      120,
      'MB at most',
    ),
  ),
  row('agent, idle with 1,000 files', '< 1 % of a core', 'agent', output =>
    atMost(numbers(output, /files: ([\d.]+) % of a core, peak/g), 1, '%'),
  ),
  row('agent, line to broker, p99', '< 300 ms', 'agent', output =>
    atMost(numbers(output, /line to broker.* p99 (\d+)/g), 300, 'ms'),
  ),
  row('counting, beside GoAccess', '≤ 0.33 × its CPU a line', 'analytics', output =>
    atMost(numbers(output, /GoAccess [\d.]+: ([\d.]+) \(target/g), 0.33, '×'),
  ),
  row('counting, replay of JSON events', '≥ 100,000/s a core', 'analytics', output =>
    atLeast(
      cells(output, 'JSON events, commits of 50,000', 0).map(microseconds => 1e6 / microseconds),
      100_000,
      '/s',
    ),
  ),
  row('queries on a year of rollups, p95', '< 50 ms each', 'queries', slowQueries),
  row('freshness at 5,000 lines/s, p95', '< 500 ms', 'freshness', output =>
    atMost(numbers(output, /^freshness .* p95 (\d+) ms/gm), 500, 'ms'),
  ),
  row('analytics, kill -9 to live again', '< 5 s', 'freshness', output =>
    atMost(numbers(output, /^live again after ([\d.]+) s/gm), 5, 's'),
  ),
  row('analytics, peak on a backlog', '≤ 400 MiB', 'backlog', output =>
    atMost(numbers(output, /^analytics .* peak (\d+) MiB/gm), 400, 'MiB'),
  ),
  row('page', 'each figure of `live`', 'live', verdicts),
  row('from a clone to the banner', '≤ 150 s, ≤ 350 MB', 'install', install),
]

function run(full: string, quick: string): BenchRun {
  return { full: full.split(' '), quick: quick.split(' ') }
}

function row(what: string, target: string, bench: TargetRow['run'], read: TargetRow['read']): TargetRow {
  return { what, target, run: bench, read }
}

function atMost(values: readonly number[], limit: number, unit: string): Reading | null {
  return judged(values, Math.max(...values), value => value <= limit, unit)
}

function atLeast(values: readonly number[], limit: number, unit: string): Reading | null {
  return judged(values, Math.min(...values), value => value >= limit, unit)
}

function judged(
  values: readonly number[],
  worst: number,
  isMet: (value: number) => boolean,
  unit: string,
): Reading | null {
  if (values.length === 0 || !Number.isFinite(worst)) return null
  return { measured: `${words(worst)} ${unit}`, isMet: isMet(worst) }
}

function words(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: Math.abs(value) < 100 ? 2 : 0 })
}

function numbers(output: string, pattern: RegExp, factor = 1): number[] {
  return [...output.matchAll(pattern)].map(match => Number(match[1]) * factor)
}

/** Of Markdown rows whose first cell is `name`, the number that begins the cell so far behind it. */
function cells(output: string, name: string, index: number): number[] {
  return tableRows(output)
    .filter(([first]) => first === name)
    .map(row => Number.parseFloat(row[index + 1] ?? ''))
}

/** The numbers that begin the cells of a column, in every table that has it. */
function column(output: string, header: string, isWanted: (name: string) => boolean = () => true): number[] {
  let at = -1
  const values: number[] = []
  for (const row of tableRows(output)) {
    if (row.includes(header)) at = row.indexOf(header)
    else if (at > 0 && isWanted(row[0] ?? '')) {
      const value = Number.parseFloat(row[at] ?? '')
      if (Number.isFinite(value)) values.push(value)
    }
  }
  return values
}

function tableRows(output: string): string[][] {
  return output
    .split('\n')
    .filter(line => line.startsWith('|'))
    .map(line =>
      line
        .split('|')
        .slice(1, -1)
        .map(cell => cell.trim()),
    )
}

function pipeline(output: string, rate: number): Reading | null {
  const [counted] = numbers(output, /: (\d+) lines\/s$/gm)
  const [p95Ms] = numbers(output, /^lag .*p95 (\d+) ms/gm)
  if (counted === undefined || p95Ms === undefined) return null
  // The rate counted has starting and the last lines' way in it; the rate written is sustained if all came.
  const isSustained = counted >= 0.95 * rate
  return { measured: `${words(counted)} lines/s, lag p95 ${p95Ms} ms`, isMet: isSustained && p95Ms < 2_000 }
}

function slowerThanKafka(output: string): Reading | null {
  const rows = tableRows(output)
  const at = rows.find(row => row.includes('p99 ms'))?.indexOf('p99 ms')
  if (at === undefined) return null
  const pairs = rows
    .map(row => (row[at] ?? '').split(' / ').map(Number))
    .filter(([ours, theirs]) => Number.isFinite(ours) && Number.isFinite(theirs))
  const slower = pairs.filter(([ours, theirs]) => ours! > theirs!).length
  return {
    measured: `above it in ${slower} of ${pairs.length} rows`,
    isMet: pairs.length > 0 && slower === 0,
  }
}

function slowQueries(output: string): Reading | null {
  const p95s = column(output, 'p95 ms')
  if (p95s.length === 0) return null
  const over = p95s.filter(ms => ms >= 50).length
  const slowest = `slowest ${words(Math.max(...p95s))} ms`
  return { measured: `${over} of ${p95s.length} over it, ${slowest}`, isMet: over === 0 }
}

function verdicts(output: string): Reading | null {
  const met = numbers(output, /: met \(target ()/g).length
  const missed = [...output.matchAll(/^ *(.{1,40}).*: MISSED \(target/gm)].map(match => match[1]!.trim())
  if (met + missed.length === 0) return null
  const which = missed.length > 0 ? `; missed: ${missed.join('; ')}` : ''
  return { measured: `${met} of ${met + missed.length} met${which}`, isMet: missed.length === 0 }
}

function install(output: string): Reading | null {
  const [seconds] = numbers(output, /^banner +([\d.]+) s/gm)
  const [megabytes] = numbers(output, /^node_modules +(\d+) MB/gm)
  if (seconds === undefined || megabytes === undefined) return null
  return { measured: `${seconds} s, ${megabytes} MB`, isMet: seconds <= 150 && megabytes <= 350 }
}
