// A rebuild against brokers: what `tailrace analytics rebuild` runs in a process of its own, beside the live count or
// while it is stopped.
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { FetchLoop, offsetAt } from '../../broker/client/fetcher.ts'
import { clusterAt } from '../../broker/client/reach.ts'
import { listOffsetsTimestamps } from '../../broker/protocol/messages/02-list-offsets.ts'
import { systemClock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import type { AnalyticsConfig } from '../config.ts'
import { foldOptions } from '../fold/counting-settings.ts'
import type { RebuildProgress } from './live-state.ts'
import { rebuild } from './rebuild.ts'
import type { TakenOver } from './take-over.ts'

export interface RunRebuildOptions {
  /** Nothing before this is replaced; 0 for all that the log covers. */
  readonly fromMs: number
  readonly signal: AbortSignal
  readonly log: Log
  onProgress(progress: RebuildProgress): void
}

const waitMs = 20

export async function runRebuild(config: AnalyticsConfig, options: RunRebuildOptions): Promise<TakenOver> {
  const { topics, timeZone, visits, counting } = config
  const cluster = clusterAt(config, 'tailrace-rebuild')
  const { signal, log, onProgress } = options
  try {
    await cluster.refresh([...topics])
    return await rebuild({
      path: join(config.dataDirectory, 'windows.db'),
      topics,
      question: {
        fromSeconds: Math.max(options.fromMs, 0) / 1000,
        timeZone,
        settings: JSON.stringify({ visits, counting }),
      },
      ...(visits && { writer: { visits } }),
      fold: foldOptions(counting),
      clock: systemClock,
      log,
      signal,
      earliest: async (topic, partition) =>
        Math.max(await offsetAt(cluster, topic, partition, listOffsetsTimestamps.earliest), 0),
      newLoop: handler => new FetchLoop({ cluster, handler, clock: systemClock, log }),
      wait: () => setTimeout(waitMs),
      onProgress,
    })
  } finally {
    cluster.close()
  }
}
