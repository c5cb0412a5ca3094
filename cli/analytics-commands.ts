// `tailrace analytics backup|check|rebuild|resume`: copies of the statistics, whether they are sound, counting the log
// anew, partitions that go on. Standard output is data; what is said to a person goes to standard error.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { AnalyticsConfig } from '../analytics/config.ts'
import { type RebuildProgress, readProgress } from '../analytics/rebuild/live-state.ts'
import {
  type Backup,
  BackupError,
  createBackup,
  type Replaced,
  restoreBackup,
  verifyBackup,
} from '../analytics/store/backup.ts'
import { checkWhole, damageText, isDamage } from '../analytics/store/integrity.ts'
import { parsePartition, type Resumed, resumeSources } from '../analytics/store/resume.ts'
import { openReader, openStore } from '../analytics/store/schema.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { writeAnswer } from './answer.ts'
import type { Settings } from './settings.ts'
import { terminalLog } from './terminal-log.ts'

export interface AnalyticsFlags {
  readonly config?: string
  readonly data?: string
  readonly json?: boolean
}

export interface SharedOptions {
  withShared(command: Command): Command
  settingsOf(flags: AnalyticsFlags): Settings
  /** What the running count is told, too. */
  configOf(settings: Settings): AnalyticsConfig
}

export function addAnalyticsCommands(analytics: Command, shared: SharedOptions): void {
  const { withShared, settingsOf } = shared
  addRebuild(analytics, shared)
  const directoryOf = (flags: AnalyticsFlags) => join(settingsOf(flags).data, 'analytics')
  const backup = analytics.command('backup').description('copies of the statistics, made while they run')
  const json = '--json'
  withShared(backup.command('create [directory]'))
    .description('copy all databases of analytics, each as one commit left it')
    .option(json, 'one JSON object on standard output')
    .action((directory: string | undefined, flags: AnalyticsFlags) => {
      const target = resolve(directory ?? join(settingsOf(flags).data, 'backups', stampOf(Date.now())))
      const made = orExplain(() => createBackup(directoryOf(flags), target, Date.now()))
      writeAnswer(flags, { directory: target, ...made }, `${target}\n${filesText(made)}`)
    })
  backup
    .command('verify <directory>')
    .description('read a backup again and compare it with what was written')
    .option(json, 'one JSON object on standard output')
    .action((directory: string, flags: AnalyticsFlags) => {
      const found = orExplain(() => verifyBackup(resolve(directory)))
      writeAnswer(flags, { directory: resolve(directory), ...found }, filesText(found))
    })
  withShared(backup.command('restore <directory>'))
    .description('with Tailrace stopped: put a backup in place; what was there is kept beside it')
    .option(json, 'one JSON object on standard output')
    .action((directory: string, flags: AnalyticsFlags) => {
      const replaced = orExplain(() => restoreBackup(resolve(directory), directoryOf(flags), Date.now()))
      writeAnswer(flags, { replaced }, replacedText(replaced))
    })
  withShared(analytics.command('resume <topic>'))
    .description(
      'read a stopped partition on, TOPIC-P, or all of a topic that are: see the loss ledger first',
    )
    .option(json, 'one JSON object on standard output')
    .action((topic: string, flags: AnalyticsFlags) => {
      const resumed = resume(join(directoryOf(flags), 'windows.db'), topic)
      writeAnswer(flags, { resumed }, resumedText(resumed))
    })
  withShared(analytics.command('check'))
    .description('read the whole file of the statistics and say whether it is sound')
    .option(json, 'one JSON object on standard output')
    .action((flags: AnalyticsFlags) => {
      const path = join(directoryOf(flags), 'windows.db')
      const faults = faultsIn(path)
      writeAnswer(flags, { path, faults }, faults.length === 0 ? `${path}: ok\n` : '')
      if (faults.length > 0) throw new ExitError(exitCodes.failed, damageText(path, faults[0]!))
    })
}

/** Each process that counts notices within seconds. */
function resume(path: string, text: string): Resumed[] {
  if (!existsSync(path)) throw new ExitError(exitCodes.config, `There are no statistics at "${path}"`)
  const connection = openStore(path)
  try {
    const known = connection.prepare("SELECT DISTINCT topic FROM sources WHERE job = 'live'").pluck().all()
    const { topic, partition } = parsePartition(text, name => known.includes(name))
    const resumed = resumeSources(connection, topic, partition, Date.now())
    if (resumed.length > 0) return resumed
    throw new ExitError(exitCodes.failed, `Cannot resume "${text}": nothing of it is stopped`)
  } finally {
    connection.close()
  }
}

function resumedText(resumed: readonly Resumed[]): string {
  return resumed
    .map(
      ({ topic, partition, from, to }) => `${topic}-${partition}: counted up to ${from}, reads on at ${to}\n`,
    )
    .join('')
}

/** A rebuild that lives says how far it is every second, but while it holds the count. */
const rebuildSilentMs = 30_000

interface RebuildFlags extends AnalyticsFlags {
  readonly from?: number
  readonly bootstrap?: string
}

function addRebuild(analytics: Command, { withShared, settingsOf, configOf }: SharedOptions): void {
  withShared(analytics.command('rebuild'))
    .description('count the log anew beside the running count, and replace what the log wholly covers')
    .addOption(
      new Option('--from <time>', 'replace nothing before, such as 2026-11-20T00:00:00Z').argParser(
        Date.parse,
      ),
    )
    .option('--bootstrap <host:port>', 'brokers to read from')
    .option('--json', 'one JSON object on standard output')
    .action(async (flags: RebuildFlags) => {
      const { from: fromMs = 0 } = flags
      if (Number.isNaN(fromMs)) {
        throw new ExitError(exitCodes.usage, 'Cannot read the time of --from: write 2026-11-20T00:00:00Z')
      }
      const controller = new AbortController()
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => controller.abort())
      // Only here: what counts is not loaded for any other command, and an agent's package has none of it.
      const { runRebuild } = await import('../analytics/rebuild/run-rebuild.ts')
      const done = await runRebuild(configOf(settingsOf(flags)), {
        ...{ fromMs, signal: controller.signal, log: terminalLog() },
        onProgress: ({ state, read, of }) => {
          if (state === 'reading') process.stderr.write(`rebuild: ${read} of ${of} records\n`)
        },
      }).catch(error => {
        if (controller.signal.aborted) {
          throw new ExitError(
            exitCodes.interrupted,
            'Stopped; nothing was changed. The next rebuild goes on from here',
          )
        }
        throw error instanceof Error && error.name === 'RebuildError'
          ? new ExitError(exitCodes.failed, error.message)
          : error
      })
      const visits = done.visits
        ? 'visits too'
        : 'visits stay as they were counted: they rest on more than the log holds'
      writeAnswer(
        flags,
        { rows: done.rows, visits: done.visits },
        `rebuilt: ${done.rows} rows changed; ${visits}\n`,
      )
    })
}

/** How the last rebuild of this data directory fares or fared; null when there was none. */
export function lastRebuild(data: string): RebuildProgress | null {
  const path = join(data, 'analytics/windows.db')
  if (!existsSync(path)) return null
  const connection = openReader(path)
  try {
    const progress = readProgress(connection)
    // A killed one could not say so.
    const isGone = progress?.state === 'reading' && Date.now() - progress.updatedAt > rebuildSilentMs
    return progress && isGone ? { ...progress, state: 'stopped' } : progress
  } finally {
    connection.close()
  }
}

export function rebuildText({ state, read, of, detail }: RebuildProgress): string {
  return `rebuild   ${state}: ${read} of ${of} records${detail === undefined ? '' : `, ${detail}`}\n`
}

function faultsIn(path: string): string[] {
  if (!existsSync(path)) throw new ExitError(exitCodes.config, `There are no statistics at "${path}"`)
  try {
    const connection = openReader(path)
    try {
      return checkWhole(connection)
    } finally {
      connection.close()
    }
  } catch (error) {
    if (isDamage(error)) return [(error as Error).message]
    throw error
  }
}

function orExplain<Result>(run: () => Result): Result {
  try {
    return run()
  } catch (error) {
    if (error instanceof BackupError) throw new ExitError(exitCodes.failed, error.message)
    throw error
  }
}

function filesText({ madeAt, files }: Backup): string {
  const lines = files.map(({ name, bytes, rows }) => {
    const total = Object.values(rows).reduce((sum, count) => sum + count, 0)
    return `  ${name}  ${bytes} bytes  ${total} rows\n`
  })
  return `made at ${madeAt}\n${lines.join('')}`
}

function replacedText(replaced: Replaced): string {
  const lines = Object.entries(replaced).map(([name, old]) => `  ${name}: what was there is ${old}\n`)
  return `restored; start Tailrace, and it counts on from where the backup was made\n${lines.join('')}`
}

function stampOf(nowMs: number): string {
  return new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '')
}
