// `npm run bench -- broker`: what the broker costs and how soon it answers, as tables for docs/performance.md, next to
// what the machine can do at all; with --kafka the same work beside a real Kafka, in turn, at equal durability; with
// --profile where the broker's time goes.
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { nearest } from '../../analytics/queries/nearest.ts'
import { batchOf } from './broker-batches.ts'
import {
  capacity,
  catchingUp,
  idleConnections,
  inFlightMemory,
  latency,
  medianOf,
  type ProduceCase,
  type Settings,
  startUp,
  tailing,
} from './broker-parts.ts'
import { type Durability, durabilities, type Measured, type Peer, startOurs } from './broker-peer.ts'
import { profileBroker } from './broker-profile.ts'
import { besideKafka } from './broker-versus.ts'
import { type Limit, type MachineLimits, machineLimits } from './machine-limits.ts'
import { markdownTable } from './markdown-table.ts'

const full: Settings = { warmUpMs: 700, durationMs: 2_000, consumedBytes: 1e9, startUpBytes: 10e9 }
const quick: Settings = { warmUpMs: 300, durationMs: 600, consumedBytes: 2e8, startUpBytes: 5e8 }
const tailBatchesPerSecond = 200
const idleCount = 1_000
const parts = ['produce', 'consume', 'idle', 'memory', 'start-up'] as const
type Part = (typeof parts)[number]

const produceCases: readonly ProduceCase[] = ([1, -1] as const).flatMap(acks =>
  [100, 1_000].flatMap(recordBytes =>
    [16 * 1_024, 1 << 20].flatMap(batchBytes =>
      (['none', 'zstd'] as const).flatMap(codec =>
        ([1, 16] as const).map(partitions => ({ acks, recordBytes, batchBytes, codec, partitions })),
      ),
    ),
  ),
)

const decimals = (value: number, digits = 2) => (Number.isFinite(value) ? value.toFixed(digits) : '–')

export async function runBroker(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      kafka: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      only: { type: 'string', default: parts.join() },
      durability: { type: 'string', default: 'flushed' },
      rounds: { type: 'string', default: '2' },
    },
  })
  const settings = values.quick ? quick : full
  const chosen = values.only.split(',').map(partNamed)
  const began = performance.now()
  console.log(`load average before ${loadavg()[0]!.toFixed(1)}\n`)
  const limits = await machineLimits(settings.durationMs)
  printLimits(limits)
  if (values.profile) await profileBroker(settings)
  else if (values.kafka) await besideKafka(settings, Number(values.rounds), chosen)
  else await alone(chosen, durabilityNamed(values.durability), settings, limits)
  const minutes = (performance.now() - began) / 60_000
  console.log(`load average after ${loadavg()[0]!.toFixed(1)}, ${minutes.toFixed(1)} minutes`)
}

function partNamed(name: string): Part {
  const part = parts.find(one => one === name)
  if (part) return part
  const guess = nearest(name, [...parts])
  throw new Error(
    `There is no part "${name}"${guess ? `, perhaps ${guess}` : ''}; known: ${parts.join(', ')}`,
  )
}

function durabilityNamed(name: string): Durability {
  if (name in durabilities) return name as Durability
  throw new Error(`--durability is one of: ${Object.keys(durabilities).join(', ')}`)
}

function printLimits(limits: MachineLimits): void {
  const row = (name: string, { megabytesPerSecond, cpuPerGigabyte }: Limit) => [
    name,
    decimals(megabytesPerSecond, 0),
    decimals(cpuPerGigabyte),
  ]
  const rows = [
    row('copy into the page cache, 16 KiB', limits.copy16KiB),
    row('copy into the page cache, 1 MiB', limits.copy1MiB),
    row('CRC-32C, 16 KiB', limits.crc16KiB),
    row('CRC-32C, 1 MiB', limits.crc1MiB),
    row('read from a loopback socket', limits.socketRead),
    ...(limits.sendfile ? [row('sendfile to a loopback socket', limits.sendfile)] : []),
  ]
  console.log(markdownTable(['limit of this machine', 'MB/s', 'CPU-s per GB'], rows))
  const { flushesPerSecond, flushP50Ms, flushP99Ms } = limits
  console.log(
    `\nfdatasync after 4 KiB: ${flushesPerSecond.toFixed(0)} a second, ` +
      `p50 ${decimals(flushP50Ms)} ms, p99 ${decimals(flushP99Ms)} ms\n`,
  )
}

/** Socket read, checksum and copy of as many bytes: what no broker can do without. */
function floorOf(limits: MachineLimits, batchBytes: number): number {
  const isLarge = batchBytes >= 1 << 20
  const [copy, crc] = isLarge ? [limits.copy1MiB, limits.crc1MiB] : [limits.copy16KiB, limits.crc16KiB]
  return limits.socketRead.cpuPerGigabyte + copy.cpuPerGigabyte + crc.cpuPerGigabyte
}

async function alone(
  chosen: readonly Part[],
  durability: Durability,
  settings: Settings,
  limits: MachineLimits,
): Promise<void> {
  {
    await using peer = await startOurs()
    if (chosen.includes('produce')) await produceTable(peer, durability, settings, limits)
    if (chosen.includes('consume')) await consumeTable(peer, durability, settings, limits)
  }
  if (chosen.includes('idle')) await idleLine(settings)
  if (chosen.includes('memory')) await memoryLine(settings)
  if (chosen.includes('start-up')) await startUpLine(settings)
}

async function produceTable(
  peer: Peer,
  durability: Durability,
  settings: Settings,
  limits: MachineLimits,
): Promise<void> {
  await capacity(peer, produceCases[0]!, durability, settings)
  const rows: string[][] = []
  for (const shape of produceCases) {
    const most = await capacity(peer, shape, durability, settings)
    const half = await latency(peer, shape, durability, settings, most.batches / most.seconds / 2)
    const perGigabyte = cpuPerGigabyte(most)
    rows.push([
      nameOf(shape),
      decimals(most.bytes / 1e6 / most.seconds, 0),
      decimals(perGigabyte),
      decimals(most.cpuSeconds / linesGigabytes(shape, most)),
      decimals(perGigabyte / floorOf(limits, shape.batchBytes)),
      ...timesOf(half),
      String(most.peakMiB),
      String(most.failures + half.failures),
    ])
  }
  console.log(`Produce, ${durability}, latency at half of each rate; bytes as they are on the wire\n`)
  const headers = [
    'acks, record, batch, codec, partitions',
    'MB/s',
    'CPU-s/GB',
    'per GB of lines',
    '× limits',
  ]
  console.log(`${markdownTable([...headers, 'p50 ms', 'p99 ms', 'p99.9 ms', 'peak MiB', 'failed'], rows)}\n`)
}

function nameOf({ acks, recordBytes, batchBytes, codec, partitions }: ProduceCase): string {
  const record = recordBytes === 100 ? '100 B' : '1 KB'
  const batch = batchBytes === 1 << 20 ? '1 MiB' : '16 KiB'
  return `${acks === 1 ? '1' : 'all'}, ${record}, ${batch}, ${codec}, ${partitions}`
}

function cpuPerGigabyte({ cpuSeconds, bytes }: Measured): number {
  return cpuSeconds / (bytes / 1e9)
}

/** What was acknowledged, before compression and without what a record needs beside its value. */
function linesGigabytes(shape: ProduceCase, { batches }: Measured): number {
  return (batches * batchOf(shape).records * shape.recordBytes) / 1e9
}

function timesOf({ p50Ms, p99Ms, p999Ms }: Measured): string[] {
  return [p50Ms, p99Ms, p999Ms].map(ms => decimals(ms))
}

async function consumeTable(
  peer: Peer,
  durability: Durability,
  settings: Settings,
  limits: MachineLimits,
): Promise<void> {
  const rows: string[][] = []
  const row = (name: string, measured: Measured, times: string[]) =>
    rows.push([
      name,
      decimals(measured.bytes / 1e6 / measured.seconds, 0),
      decimals(cpuPerGigabyte(measured)),
      ...times,
      String(measured.peakMiB),
    ])
  const none = ['', '', '']
  const tail = await tailing(peer, durability, settings, tailBatchesPerSecond)
  row(
    `tailing, ${tailBatchesPerSecond} batches of 16 KiB a second, produced and consumed`,
    tail,
    timesOf(tail),
  )
  row('catching up, 16 KiB batches', await catchingUp(peer, 'small', 1, settings), none)
  row('catching up, 1 MiB batches', await catchingUp(peer, 'large', 1, settings), none)
  row('8 consumers, 1 MiB batches, sendfile', await catchingUp(peer, 'large', 8, settings), none)
  {
    await using without = await startOurs({ sendfile: false })
    row('8 consumers, 1 MiB batches, read and write', await catchingUp(without, 'large', 8, settings), none)
  }
  const least = limits.sendfile ? `, bare sendfile ${decimals(limits.sendfile.cpuPerGigabyte)} CPU-s/GB` : ''
  console.log(`Consume${least}\n`)
  const headers = ['what', 'MB/s', 'CPU-s/GB', 'p50 ms', 'p99 ms', 'p99.9 ms', 'peak MiB']
  console.log(`${markdownTable(headers, rows)}\n`)
}

async function idleLine(settings: Settings): Promise<void> {
  await using peer = await startOurs()
  const idle = await idleConnections(peer, idleCount, Math.max(3_000, settings.durationMs))
  const { kibibytesEach, cpuShare } = idle
  console.log(
    `${idle.connections} idle connections: ${decimals(kibibytesEach, 1)} KiB each, ` +
      `${decimals(cpuShare * 100)} % of a core\n`,
  )
}

async function memoryLine(settings: Settings): Promise<void> {
  await using peer = await startOurs()
  const { peakMiB, bytes, seconds } = await inFlightMemory(peer, settings)
  console.log(
    `16 connections × 5 × 1 MiB in flight: peak ${peakMiB} MiB (target 150 MB), ` +
      `${decimals(bytes / 1e6 / seconds, 0)} MB/s\n`,
  )
}

async function startUpLine(settings: Settings): Promise<void> {
  const { gigabytes, cleanMs, killedMs } = await startUp(settings)
  console.log(
    `start-up with ${decimals(gigabytes, 1)} GB of log, process start to first acknowledged record: ` +
      `${decimals(medianOf(cleanMs), 0)} ms after a clean stop (target 400), ` +
      `${decimals(killedMs, 0)} ms after kill -9\n`,
  )
}
