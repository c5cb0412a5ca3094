// This host's own numbers as metric lines: CPU, memory, load and disk, read from /proc every few seconds and
// appended to a file of their own, which the agent tails like any other. Reads /proc and statfs, appends one file.
import { appendFileSync, mkdirSync, readFileSync, renameSync, statfsSync, statSync } from 'node:fs'
import { availableParallelism, freemem, loadavg, totalmem } from 'node:os'
import { dirname } from 'node:path'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'

const periodMs = 5_000
/** The file is rotated by renaming, so that it never grows beyond twice this. */
const fileBytesMax = 4_194_304

export interface HostSample {
  readonly cpuBusy: number | null
  readonly cpuTotal: number | null
  readonly memoryUsed: number
  readonly memoryTotal: number
  readonly load1: number
  readonly diskUsed: number
  readonly diskTotal: number
}

/** Busy and total ticks since boot, of all processors together. */
export function cpuTicks(procStat: string): { busy: number; total: number } | null {
  const numbers = /^cpu +([\d ]+)/.exec(procStat)?.[1]?.trim().split(/ +/).map(Number)
  if (!numbers || numbers.length < 5) return null
  // user nice system idle iowait irq softirq steal; guest time is already within user.
  const total = numbers.slice(0, 8).reduce((sum, ticks) => sum + ticks, 0)
  return { busy: total - numbers[3]! - numbers[4]!, total }
}

/** MemTotal and MemAvailable in bytes: what programs could still get, caches included. */
export function memoryOf(procMeminfo: string): { total: number; available: number } | null {
  const total = /^MemTotal: +(\d+) kB/m.exec(procMeminfo)?.[1]
  const available = /^MemAvailable: +(\d+) kB/m.exec(procMeminfo)?.[1]
  if (total === undefined || available === undefined) return null
  return { total: Number(total) * 1024, available: Number(available) * 1024 }
}

/** One line a number, as `agent/formats` reads metrics. Pure; `before` is the sample one period ago. */
export function metricLines(host: string, at: Date, sample: HostSample, before: HostSample | null): string {
  const timestamp = at.toISOString()
  const line = (name: string, value: number, unit: string) =>
    `${JSON.stringify({ timestamp, host, name, value: Number(value.toFixed(6)), unit })}\n`
  let lines = ''
  if (before?.cpuTotal != null && sample.cpuTotal !== null && sample.cpuTotal > before.cpuTotal) {
    const busy = (sample.cpuBusy! - before.cpuBusy!) / (sample.cpuTotal - before.cpuTotal)
    lines += line('cpu.utilization', busy, '1')
  }
  lines += line('memory.usage', sample.memoryUsed, 'By')
  lines += line('memory.utilization', sample.memoryUsed / sample.memoryTotal, '1')
  lines += line('cpu.load_average.1m', sample.load1, '1')
  lines += line('filesystem.utilization', sample.diskUsed / sample.diskTotal, '1')
  return lines
}

function takeSample(directory: string): HostSample {
  const ticks = readOr('/proc/stat', cpuTicks)
  const memory = readOr('/proc/meminfo', memoryOf) ?? { total: totalmem(), available: freemem() }
  const disk = statfsSync(directory)
  return {
    cpuBusy: ticks?.busy ?? null,
    cpuTotal: ticks?.total ?? null,
    memoryUsed: memory.total - memory.available,
    memoryTotal: memory.total,
    load1: loadavg()[0]! / availableParallelism(),
    diskUsed: (disk.blocks - disk.bfree) * disk.bsize,
    diskTotal: disk.blocks * disk.bsize,
  }
}

function readOr<T>(path: string, parse: (text: string) => T | null): T | null {
  try {
    return parse(readFileSync(path, 'utf8'))
  } catch {
    // Not Linux, or no /proc: the portable numbers remain.
    return null
  }
}

/** Appends this host's metrics to `path` until the signal aborts. A full disk costs samples, never the agent. */
export function startHostMetrics(
  path: string,
  host: string,
  clock: Clock,
  log: Log,
  signal: AbortSignal,
): void {
  mkdirSync(dirname(path), { recursive: true })
  let before: HostSample | null = null
  let failing = false
  const write = () => {
    try {
      const sample = takeSample(dirname(path))
      const lines = metricLines(host, new Date(clock.wallMs()), sample, before)
      before = sample
      if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > fileBytesMax) renameSync(path, `${path}.1`)
      appendFileSync(path, lines)
      failing = false
    } catch (error) {
      if (!failing) log.warn('cannot write host metrics', { path, error })
      failing = true
    }
  }
  write()
  const timer = setInterval(write, periodMs)
  signal.addEventListener('abort', () => clearInterval(timer), { once: true })
}
