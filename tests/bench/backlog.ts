// A backlog at full speed: access lines that lie there before anything is started, read, kept and counted as fast
// as each process goes. Prints CPU per gigabyte of lines and per million, apart for each process.
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { eventually } from '../eventually.ts'
import { startAppliance } from '../system/appliance.ts'
import { writeAccessLog } from './access-log.ts'
import { countedLines } from './pipeline.ts'
import { rooms, usageOf } from './usage.ts'

const timeoutMs = 300_000

/** `npm run bench -- backlog --lines 2000000` */
export async function runBacklog(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { lines: { type: 'string', default: '2000000' } },
  })
  const lines = Number(values.lines)
  await using traffic = await mkdtempDisposable(join(tmpdir(), 'tailrace-bench-'))
  const { path, gigabytes } = await writeAccessLog(traffic.path, lines)
  const startedAt = performance.now()
  await using appliance = await startAppliance([{ paths: [path], format: 'combined' }])
  await eventually(
    'the backlog counted',
    () => countedLines(appliance),
    count => count >= lines,
    timeoutMs,
  )
  const seconds = (performance.now() - startedAt) / 1_000
  console.log(`backlog   ${lines} access lines, ${gigabytes.toFixed(2)} GB, in one file`)
  console.log(
    `counted   in ${seconds.toFixed(1)} s, starting included: ${Math.round(lines / seconds)} lines/s`,
  )
  for (const room of rooms) {
    const { cpuSeconds, peakMiB } = usageOf(appliance, room)
    const perGigabyte = (cpuSeconds / gigabytes).toFixed(1)
    const perMillion = ((cpuSeconds / lines) * 1_000_000).toFixed(1)
    console.log(
      `${room.padEnd(9)} ${perGigabyte} CPU-s per GB, ${perMillion} per million lines, peak ${peakMiB} MiB`,
    )
  }
}
