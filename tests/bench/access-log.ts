// One access log of a given number of lines, as benchmarks of a backlog read it.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { writeTraffic } from '../system/traffic.ts'

interface AccessLog {
  readonly path: string
  readonly gigabytes: number
}

/** Fifty minutes of traffic, begun an hour ago. */
export async function writeAccessLog(directory: string, lines: number): Promise<AccessLog> {
  await writeTraffic({
    directory,
    seed: 1,
    linesPerSecond: 'max',
    lines,
    files: 1,
    behaviorFiles: 0,
    metricsFiles: 0,
    startTime: Math.floor(Date.now() / 60_000) * 60_000 - 3_600_000,
    trafficPerSecond: lines / 3_000,
    ledgerPath: join(directory, 'ledger.json'),
  })
  const path = join(directory, 'access-1.log')
  return { path, gigabytes: statSync(path).size / 1e9 }
}
