// What counting costs: a million generated lines through fetching, parsing, folding and committing, with the rows and
// bytes each commit writes; what distinct visitors per dimension value would cost in the forms they could be kept in;
// and what 100,000 series take in memory. Reads and writes a temporary directory only.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { accessLine, eventLine, measureFold } from '../../analytics/ingest/fold-bench.ts'
import { Distribution } from '../../analytics/sketches/distribution.ts'
import { hashBytes, hashed } from '../../analytics/sketches/hash.ts'
import { HyperLogLog } from '../../analytics/sketches/hyperloglog.ts'
import { goAccessMicroseconds } from './goaccess.ts'
import { markdownTable } from './markdown-table.ts'

const seriesCount = 100_000

/** `npm run bench -- analytics [lines]` */
export async function runAnalytics(args: readonly string[]): Promise<void> {
  const lines = Number(args[0] ?? 1_000_000)
  foldTable(lines)
  await besideGoAccess(lines)
  perValueTable()
  memoryTable()
}

function foldTable(lines: number): void {
  measureFold('combined', Math.min(lines, 100_000), accessLine, 50_000)
  const cases = [
    ['combined, commits of 50,000', 'combined', lines, accessLine, 50_000],
    ['combined, commits of 1,500', 'combined', Math.ceil(lines / 4), accessLine, 1500],
    ['JSON events, commits of 50,000', 'json', lines, eventLine, 50_000],
    ['JSON events, commits of 1,500', 'json', Math.ceil(lines / 4), eventLine, 1500],
  ] as const
  const rows = cases.map(([name, format, count, line, records]) => {
    const cost = measureFold(format, count, line, records)
    return [
      name,
      ((cost.cpuSeconds / count) * 1e6).toFixed(2),
      Math.round(cost.countRows / cost.commits).toLocaleString('en'),
      Math.round(cost.sketchRows / cost.commits).toLocaleString('en'),
      (cost.sketchBytes / cost.commits / 1024).toFixed(0),
      String(cost.series),
    ]
  })
  const headers = ['lines', 'µs a line', 'counts a commit', 'sketches a commit', 'KiB of them', 'series']
  console.log(`${markdownTable(headers, rows)}\n`)
}

async function besideGoAccess(lines: number): Promise<void> {
  const theirs = await goAccessMicroseconds(lines, accessLine)
  if (theirs === null) {
    console.log('GoAccess is not installed (apt-get install goaccess): no ratio\n')
    return
  }
  const ours = (measureFold('combined', lines, accessLine, 50_000).cpuSeconds / lines) * 1e6
  const ratio = (ours / theirs).toFixed(2)
  console.log(
    `combined: ${ours.toFixed(2)} µs a line, GoAccess ${theirs.toFixed(2)}: ${ratio} (target 0.33)\n`,
  )
}

/** Distinct visitors per value, as five lines a visitor meet 180 values: what 50 commits of 1,000 lines would write. */
function perValueTable(): void {
  const forms = [
    ['exact to 256, then dense', () => new HyperLogLog()],
    ['sparse registers', () => HyperLogLog.sparse()],
  ] as const
  const stepSets = [
    [10, 60, 900, 86_400],
    [60, 900, 86_400],
  ] as const
  const rows = forms.flatMap(([name, make]) =>
    stepSets.map(steps => {
      const { sketches, bytes, microseconds } = perValueCost(make, steps)
      return [
        `${name}, from ${steps[0]} s`,
        String(Math.round(sketches / 50)),
        (bytes / 50 / 1024).toFixed(0),
        (microseconds / 50_000).toFixed(2),
      ]
    }),
  )
  console.log(
    `${markdownTable(['visitors per value', 'sketches a commit', 'KiB of them', 'µs a line'], rows)}\n`,
  )
}

function perValueCost(make: () => HyperLogLog, steps: readonly number[]) {
  const kept = new Map<string, HyperLogLog>()
  let bytes = 0
  let sketches = 0
  const before = process.cpuUsage()
  for (let commit = 0; commit < 50; commit++) {
    const touched = new Set<HyperLogLog>()
    for (let line = 0; line < 1000; line++) {
      const index = commit * 1000 + line
      const visitor = Buffer.from(`visitor-${Math.floor(index / 5) % 4000}`)
      hashBytes(visitor, 0, visitor.length)
      for (const step of steps) {
        const key = `${step}/${Math.floor(commit / 5 / step)}/${(index * 7919) % 180}`
        let sketch = kept.get(key)
        if (!sketch) {
          sketch = make()
          kept.set(key, sketch)
        }
        sketch.add(hashed.high, hashed.low)
        touched.add(sketch)
      }
    }
    for (const sketch of touched) bytes += sketch.toBytes().length
    sketches += touched.size
  }
  const { user, system } = process.cpuUsage(before)
  return { sketches, bytes, microseconds: user + system }
}

function memoryTable(): void {
  setFlagsFromString('--expose_gc')
  const collect = runInNewContext('gc') as () => void
  const makers: readonly (readonly [string, () => unknown])[] = [
    ['counters (name to id)', () => ({ id: 0, lastDay: 0 })],
    ['visitors, exact, 10 each', () => withVisitors(new HyperLogLog(), 10)],
    ['visitors, sparse, 10 each', () => withVisitors(HyperLogLog.sparse(), 10)],
    ['visitors, exact, 100 each', () => withVisitors(new HyperLogLog(), 100)],
    ['visitors, sparse, 100 each', () => withVisitors(HyperLogLog.sparse(), 100)],
    ['latencies, 10 each', () => withLatencies(10)],
  ]
  const rows = makers.map(([name, make]) => {
    // A tenth of them, for the heap of this process is not what is measured.
    const count = seriesCount / 10
    make()
    collect()
    collect()
    const before = process.memoryUsage()
    const kept = new Map<string, unknown>()
    for (let index = 0; index < count; index++) kept.set(`requests\npath\n/products/${index}`, make())
    collect()
    const after = process.memoryUsage()
    const bytes =
      ((after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) * 10) / kept.size
    return [
      name,
      Math.round(bytes / 10).toLocaleString('en'),
      ((bytes / 10) * (seriesCount / 2 ** 20)).toFixed(0),
    ]
  })
  console.log(markdownTable(['100,000 series of', 'bytes each', 'MiB'], rows))
}

function withVisitors(sketch: HyperLogLog, visitors: number): HyperLogLog {
  for (let visitor = 0; visitor < visitors; visitor++) {
    const bytes = Buffer.from(`visitor-${visitor}`)
    hashBytes(bytes, 0, bytes.length)
    sketch.add(hashed.high, hashed.low)
  }
  return sketch
}

function withLatencies(samples: number): Distribution {
  const distribution = new Distribution()
  for (let index = 0; index < samples; index++) distribution.add(10 + index * 37, index)
  return distribution
}
