// The analytics process: the ingest thread that counts, and everything that answers; or that thread alone, beside a
// process that has both. Rides through broker restarts; ends when asked, after the last commit. When the ingest thread
// dies, so does the process: who supervises restarts it.

import { mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { BrokerReach } from '../broker/client/reach.ts'
import { systemClock } from '../runtime/clock.ts'
import {
  aborted,
  configFromArguments,
  ExitError,
  exitCodes,
  type ProcessContext,
  runProcess,
} from '../runtime/lifecycle.ts'
import type { AnalyticsConfig } from './config.ts'
import { customMetrics } from './fold/custom.ts'
import { ingestMetrics } from './ingest/ingest-metrics.ts'
import type { FromIngest, IngestThreadConfig } from './ingest/worker.ts'
import { defineMetrics } from './windows/definitions.ts'

enableCompileCache()

/** How often it is looked whether anybody looks. */
const watchedMs = 500

/**
 * What the ingest thread's objects may take. What it keeps is bounded far below; without a limit the collector lets
 * the garbage of a replay grow to several times of it before it looks.
 */
const ingestHeap = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 24 } as const

export async function runAnalytics(config: AnalyticsConfig, process: ProcessContext): Promise<void> {
  const { signal, log } = process
  const { prepareStore } = await import('./store/prepare.ts')
  mkdirSync(config.dataDirectory, { recursive: true, mode: 0o700 })
  const storePath = join(config.dataDirectory, 'windows.db')
  if (config.ingestOnly) {
    prepareStore(storePath, config.timeZone, log, config.keep)
    await runIngestOnly(config, storePath, process)
    return
  }
  const { startAnswering } = await import('./server.ts')
  prepareStore(storePath, config.timeZone, log, config.keep)

  const counting = startIngest({ ...config, reach: reachOf(config), path: storePath })
  let isAssigned = false
  defineMetrics(customMetrics(config.counting?.statistics ?? []))
  const server = await startAnswering({
    config,
    storePath,
    clock: systemClock,
    log,
    notReady: () => (isAssigned ? null : 'the topics are not found yet'),
  })
  const observe = ingestMetrics(server.metrics)
  counting.onMessage(message => {
    if (message.type === 'assigned') isAssigned = true
    else if (message.type === 'counters') observe(message.counters, message.commitSeconds)
  })
  const watching = setInterval(() => counting.watched(server.isWatched()), watchedMs)
  try {
    process.ready({ port: server.port, publicPort: server.publicPort })
    await Promise.race([aborted(signal), counting.failed])
  } finally {
    clearInterval(watching)
    await Promise.all([counting.stop(), server.close()])
  }
}

/** Ready when it reads its share of the partitions. */
async function runIngestOnly(
  config: AnalyticsConfig,
  path: string,
  { signal, log, ready }: ProcessContext,
): Promise<void> {
  const counting = startIngest({ ...config, reach: reachOf(config), path })
  counting.onMessage(message => {
    if (message.type === 'assigned') log.info('counting')
  })
  try {
    ready({})
    await Promise.race([aborted(signal), counting.failed])
  } finally {
    await counting.stop()
  }
}

function reachOf({ bootstrap, tls, login }: AnalyticsConfig): BrokerReach {
  return { bootstrap, tls, login }
}

function startIngest(config: IngestThreadConfig) {
  const file = import.meta.url.endsWith('.ts') ? './ingest/worker.ts' : './ingest/worker.js'
  const { path, reach, topics, timeZone, visits, counting } = config
  const workerData: IngestThreadConfig = {
    ...{ path, reach, topics, timeZone },
    ...(visits && { visits }),
    ...(counting && { counting }),
  }
  const worker = new Worker(new URL(file, import.meta.url), { workerData, resourceLimits: ingestHeap })
  let isStopping = false
  let isWatched = true
  const exited = new Promise<void>(resolve => worker.once('exit', () => resolve()))
  const failed = new Promise<never>((_resolve, reject) => {
    worker.once('error', reject)
    worker.once('exit', code => {
      if (!isStopping)
        reject(new ExitError(exitCodes.failed, `The ingest thread ended by itself (code ${code})`))
    })
  })
  failed.catch(() => undefined)
  return {
    failed,
    onMessage: (listener: (message: FromIngest) => void) => worker.on('message', listener),
    /** Commits come less often while nobody looks. */
    watched: (isNow: boolean): void => {
      if (isNow !== isWatched) worker.postMessage({ type: 'watched', isWatched: isNow })
      isWatched = isNow
    },
    /** Resolves when everything folded is committed. */
    stop: (): Promise<void> => {
      isStopping = true
      worker.postMessage({ type: 'stop' })
      return exited
    },
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runProcess('analytics', context => runAnalytics(configFromArguments<AnalyticsConfig>(), context))
}
