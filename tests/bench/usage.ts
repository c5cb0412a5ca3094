// What the processes of an appliance have used, from /proc; and the numbers that benchmarks print of it.
import { readFileSync } from 'node:fs'
import type { Appliance, Room } from '../system/appliance.ts'

/** Of /proc/PID/stat on Linux, USER_HZ. */
const clockTicksPerSecond = 100

export const rooms: readonly Room[] = ['agent', 'broker', 'analytics']

/** With as many brokers. */
export function roomsOf(brokers: number): readonly Room[] {
  if (brokers === 1) return rooms
  return [
    'agent',
    ...Array.from({ length: brokers }, (_, index) => `broker-${index + 1}` as const),
    'analytics',
  ]
}

export interface Usage {
  readonly cpuSeconds: number
  readonly peakMiB: number
}

export function usageOf(appliance: Appliance, room: Room): Usage {
  return usageOfProcess(appliance.supervisor.pidOf(room)!)
}

export function usageOfProcess(pid: number): Usage {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  const peakKiB = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / clockTicksPerSecond,
    peakMiB: Math.round(Number(peakKiB) / 1_024),
  }
}

export function quantile(values: readonly number[], q: number): number | string {
  if (values.length === 0) return '–'
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!
}
