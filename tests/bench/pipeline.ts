// The whole pipeline at a fixed rate: a generator writes real files, the agent ships them, the broker keeps them,
// the aggregator counts them. Prints lines per second counted, the lag, and CPU and memory of each process.
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { StatsAnswer } from '../../analytics/http/contract.ts'
import { demoInputs } from '../../cli/processes.ts'
import { eventually } from '../eventually.ts'
import { type Appliance, startAppliance } from '../system/appliance.ts'
import { writeTraffic } from '../system/traffic.ts'
import { quantile, roomsOf, usageOf } from './usage.ts'

const drainTimeoutMs = 180_000

/** `npm run bench -- pipeline --rate 30000 --seconds 60 --brokers 1` */
export async function runPipeline(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rate: { type: 'string', default: '30000' },
      seconds: { type: 'string', default: '60' },
      brokers: { type: 'string', default: '1' },
    },
  })
  const rate = Number(values.rate)
  const lines = rate * Number(values.seconds)
  await using traffic = await mkdtempDisposable(join(tmpdir(), 'tailrace-bench-'))
  await using appliance = await startAppliance(demoInputs(traffic.path), { brokers: Number(values.brokers) })
  const rooms = roomsOf(Number(values.brokers))
  const lags: number[] = []
  const sampler = setInterval(() => void sampleLag(appliance, lags), 1_000)
  const startedAt = performance.now()
  const before = rooms.map(room => usageOf(appliance, room))
  const writing = writeTraffic(pipelineTraffic(traffic.path, rate, lines))
  const timeoutMs = Number(values.seconds) * 1_000 + drainTimeoutMs
  const counted = await eventually(
    'all lines counted',
    () => countedLines(appliance),
    count => count >= lines,
    timeoutMs,
  )
  await writing
  clearInterval(sampler)
  const tookSeconds = (performance.now() - startedAt) / 1_000
  console.log(`written   ${lines} lines at ${rate}/s`)
  console.log(
    `counted   ${counted} lines in ${tookSeconds.toFixed(1)} s: ${Math.round(counted / tookSeconds)} lines/s`,
  )
  console.log(
    `lag       p50 ${quantile(lags, 0.5)} ms, p95 ${quantile(lags, 0.95)} ms, from reading a line to its commit`,
  )
  rooms.forEach((room, index) => {
    const after = usageOf(appliance, room)
    const cpuSeconds = after.cpuSeconds - before[index]!.cpuSeconds
    const perMillion = (cpuSeconds / counted) * 1_000_000
    console.log(
      `${room.padEnd(9)} ${cpuSeconds.toFixed(1)} CPU-s, ${perMillion.toFixed(1)} per million lines, ` +
        `peak ${after.peakMiB} MiB`,
    )
  })
}

/** Steady, now, to the two files of the demo. */
export function pipelineTraffic(directory: string, rate: number, lines: number) {
  const ledgerPath = join(directory, 'ledger.json')
  return {
    directory,
    seed: 1,
    linesPerSecond: rate,
    lines,
    files: 2,
    startTime: 'now',
    steady: true,
    ledgerPath,
  } as const
}

export async function countedLines(appliance: Appliance): Promise<number> {
  const answer = await appliance.get<StatsAnswer>('/stats/lines?window=1d')
  return answer.rows.reduce((sum, row) => sum + (row.values['value'] ?? 0), 0)
}

/** Adds the median of the last ten seconds, where there is one. */
export async function sampleLag(appliance: Appliance, lags: number[]): Promise<void> {
  const answer = await appliance.get<StatsAnswer>('/stats/lag?window=10s').catch(() => undefined)
  const lag = answer?.rows[0]?.values['p50']
  if (typeof lag === 'number') lags.push(Math.round(lag))
}
