// What the parts of `npm run bench -- live` share: the appliance they measure, the targets of a live page, and how a
// figure is told beside its target.
import type { Browser } from 'playwright'
import type { Appliance } from '../system/appliance.ts'
import type { LineWriter } from './line-writer.ts'
import type { WantedTopic } from './live-page.ts'
import { quantile, rooms, usageOf } from './usage.ts'

export interface LiveBench {
  readonly appliance: Appliance
  readonly browser: Browser
  readonly writer: LineWriter
  /** What the overview subscribes to. */
  readonly topics: readonly WantedTopic[]
  readonly directory: string
  readonly isQuick: boolean
}

export const targets = {
  pixelP50Ms: 600,
  pixelP95Ms: 1_500,
  /** Of a core: 0.05 % each. */
  coreShareEach: 0.0005,
  queuedBytesEach: 100_000,
  heapRatio: 1.1,
  heapMiB: 150,
  /** Of the frames of a tail at 500 lines a second. */
  droppedShare: 0,
} as const

export function verdict(isMet: boolean, target: string): string {
  return `${isMet ? 'met' : 'MISSED'} (target ${target})`
}

export const wait = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))

/** CPU seconds so far of agent, broker and analytics. */
export const cpuOf = (appliance: Appliance) => rooms.map(room => usageOf(appliance, room).cpuSeconds)

export function spread(values: readonly number[]): string {
  const [p50, p95, worst] = [0.5, 0.95, 1].map(q => Math.round(Number(quantile(values, q))))
  return `p50 ${p50} ms, p95 ${p95} ms, longest ${worst} ms`
}
