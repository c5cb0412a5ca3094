// Our broker beside a real Kafka: the same batches by the same load generator, in turn, at equal durability, both
// running all the time and each asked for half of what the slower one can when it is about latency.
import {
  capacity,
  catchingUp,
  latency,
  medianOf,
  type ProduceCase,
  type Settings,
  tailing,
} from './broker-parts.ts'
import {
  type Durability,
  durabilities,
  type Measured,
  type Peer,
  startKafka,
  startOurs,
} from './broker-peer.ts'
import { markdownTable } from './markdown-table.ts'

const warmUpRuns = 8
const tailBatchesPerSecond = 200
const cases: readonly ProduceCase[] = [16 * 1_024, 1 << 20].flatMap(batchBytes =>
  (['none', 'zstd'] as const).map(codec => ({
    acks: -1 as const,
    recordBytes: 100,
    batchBytes,
    codec,
    partitions: 16 as const,
  })),
)

interface Pair {
  readonly ours: Measured
  readonly kafka: Measured
}

export async function besideKafka(
  settings: Settings,
  rounds: number,
  chosen: readonly string[],
): Promise<void> {
  await using kafka = await startKafka()
  await using ours = await startOurs()
  // The Java machine compiles what is used most: neither side is measured before that.
  for (const peer of [kafka, ours]) {
    for (let run = 0; run < warmUpRuns; run++) {
      await capacity(peer, cases[run % cases.length]!, 'page cache', {
        ...settings,
        durationMs: settings.durationMs * 2,
      })
    }
  }
  if (chosen.includes('produce')) {
    for (const durability of Object.keys(durabilities) as Durability[])
      await producePairs(ours, kafka, durability, settings, rounds)
  }
  if (chosen.includes('consume')) await consumePairs(ours, kafka, settings, rounds)
}

/** A B, then B A, and so on. */
async function inTurn(
  round: number,
  ours: Peer,
  kafka: Peer,
  measureOne: (peer: Peer) => Promise<Measured>,
): Promise<Pair> {
  if (round % 2 === 0) return { ours: await measureOne(ours), kafka: await measureOne(kafka) }
  const first = await measureOne(kafka)
  return { ours: await measureOne(ours), kafka: first }
}

async function producePairs(
  ours: Peer,
  kafka: Peer,
  durability: Durability,
  settings: Settings,
  rounds: number,
): Promise<void> {
  const rows: string[][] = []
  for (const shape of cases) {
    const most: Pair[] = []
    const half: Pair[] = []
    for (let round = 0; round < rounds; round++) {
      const pair = await inTurn(round, ours, kafka, peer => capacity(peer, shape, durability, settings))
      most.push(pair)
      const slower = Math.min(...[pair.ours, pair.kafka].map(({ batches, seconds }) => batches / seconds))
      half.push(
        await inTurn(round, ours, kafka, peer => latency(peer, shape, durability, settings, slower / 2)),
      )
    }
    rows.push([
      `${shape.batchBytes === 1 << 20 ? '1 MiB' : '16 KiB'}, ${shape.codec}`,
      ...sides(most, rate, 0),
      ...sides(most, cpu, 2),
      ratio(most, cpu),
      ...times(half),
      ...sides(most, ({ peakMiB }) => peakMiB, 0),
      ...sides(most, ({ failures }) => failures, 0),
    ])
  }
  console.log(
    `Produce beside Kafka, ${durability}, acks=all, 16 partitions, 100 B, ${rounds} pairs; latency at half of the ` +
      `slower rate; ours / Kafka, medians, ratios with their range\n`,
  )
  console.log(`${markdownTable(['batch, codec', ...headers], rows)}\n`)
}

const headers = ['MB/s', 'CPU-s/GB', 'CPU ratio', 'p50 ms', 'p99 ms', 'peak MiB', 'failed']

async function consumePairs(ours: Peer, kafka: Peer, settings: Settings, rounds: number): Promise<void> {
  const rows: string[][] = []
  const works: Readonly<Record<string, (peer: Peer) => Promise<Measured>>> = {
    'tailing, 16 KiB': peer => tailing(peer, 'page cache', settings, tailBatchesPerSecond),
    'catching up, 16 KiB': peer => catchingUp(peer, 'small', 1, settings),
    'catching up, 1 MiB': peer => catchingUp(peer, 'large', 1, settings),
    '8 consumers, 1 MiB': peer => catchingUp(peer, 'large', 8, settings),
  }
  for (const [name, work] of Object.entries(works)) {
    const pairs: Pair[] = []
    for (let round = 0; round < rounds; round++) pairs.push(await inTurn(round, ours, kafka, work))
    rows.push([
      name,
      ...sides(pairs, rate, 0),
      ...sides(pairs, cpu, 2),
      ratio(pairs, cpu),
      ...(name.startsWith('tailing') ? times(pairs) : ['', '']),
      ...sides(pairs, ({ peakMiB }) => peakMiB, 0),
      ...sides(pairs, ({ failures }) => failures, 0),
    ])
  }
  console.log(`Consume beside Kafka, ${rounds} pairs; ours / Kafka, medians, ratios with their range\n`)
  console.log(`${markdownTable(['what', ...headers], rows)}\n`)
}

const rate = ({ bytes, seconds }: Measured) => bytes / 1e6 / seconds
const cpu = ({ cpuSeconds, bytes }: Measured) => cpuSeconds / (bytes / 1e9)

function times(pairs: readonly Pair[]): string[] {
  return [...sides(pairs, ({ p50Ms }) => p50Ms, 2), ...sides(pairs, ({ p99Ms }) => p99Ms, 2)]
}

function sides(pairs: readonly Pair[], of: (side: Measured) => number, digits: number): [string] {
  const median = (values: readonly number[]) => {
    const value = medianOf(values)
    return Number.isFinite(value) ? value.toFixed(digits) : '–'
  }
  return [`${median(pairs.map(({ ours }) => of(ours)))} / ${median(pairs.map(({ kafka }) => of(kafka)))}`]
}

function ratio(pairs: readonly Pair[], of: (side: Measured) => number): string {
  const ratios = pairs.map(({ ours, kafka }) => of(ours) / of(kafka))
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)]
  return `${medianOf(ratios).toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`
}
