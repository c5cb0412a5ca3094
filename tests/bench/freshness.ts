// How old the newest counted line is at 5,000 lines a second, from reading a line to its commit; and how long the
// statistics take, after kill -9 under that load, until nothing but the lines of the last moment is uncounted again.
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { StatsAnswer } from '../../analytics/http/contract.ts'
import { demoInputs } from '../../cli/processes.ts'
import { eventually } from '../eventually.ts'
import { startAppliance } from '../system/appliance.ts'
import { writeTraffic } from '../system/traffic.ts'
import { pipelineTraffic, sampleLag } from './pipeline.ts'
import { quantile } from './usage.ts'

const rate = 5_000
const afterKillSeconds = 30
/** Half a second of lines may be on their way: that is what freshness allows. */
const lagRecordsMax = rate / 2

/** `npm run bench -- freshness --seconds 120` */
export async function runFreshness(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { seconds: { type: 'string', default: '120' } },
  })
  const seconds = Number(values.seconds)
  await using traffic = await mkdtempDisposable(join(tmpdir(), 'tailrace-bench-'))
  await using appliance = await startAppliance(demoInputs(traffic.path))
  const writing = writeTraffic(pipelineTraffic(traffic.path, rate, rate * (seconds + afterKillSeconds)))
  const lags: number[] = []
  for (let second = 0; second < seconds; second++) {
    await new Promise(resolve => setTimeout(resolve, 1_000))
    await sampleLag(appliance, lags)
  }
  console.log(
    `freshness at ${rate} lines/s, ${lags.length} samples: p50 ${quantile(lags, 0.5)} ms, ` +
      `p95 ${quantile(lags, 0.95)} ms, from reading a line to its commit`,
  )
  const killedAt = performance.now()
  await appliance.kill('analytics')
  const readyAfter = performance.now() - killedAt
  await eventually(
    'nothing but the last moment uncounted',
    () => appliance.get<StatsAnswer>('/stats/lines?window=1d'),
    ({ freshness }) => freshness.lagRecords <= lagRecordsMax,
  )
  const liveAfter = performance.now() - killedAt
  console.log(
    `live again after ${(liveAfter / 1_000).toFixed(1)} s: ready after ${(readyAfter / 1_000).toFixed(1)} s, then ` +
      `at most ${lagRecordsMax} records behind`,
  )
  await writing
}
