// The commands of `tailrace backup`: their flags and what they print. What is copied, and how, is in backup.ts.
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { BackupError } from '../analytics/store/backup.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { writeAnswer } from './answer.ts'
import {
  type ApplianceBackup,
  createApplianceBackup,
  restoreAppliance,
  verifyApplianceBackup,
} from './backup.ts'
import type { CommandSurroundings } from './cluster-commands.ts'
import { bytesText } from './cluster-status.ts'

interface BackupFlags {
  readonly json?: boolean
  readonly withLog?: boolean
}

export function addBackupCommands(backup: Command, { withShared, settingsOf }: CommandSurroundings): void {
  const json = '--json'
  withShared(backup.command('create'))
    .argument('[directory]', 'a new one; by default under DATA/backups')
    .description('copy the whole appliance while it runs')
    .option('--with-log', 'the records too, each partition up to what is on disk')
    .option(json, 'one JSON object on standard output')
    .action((directory: string | undefined, flags: BackupFlags) => {
      const { data } = settingsOf(flags)
      const nowMs = Date.now()
      const target = resolve(directory ?? join(data, 'backups', `appliance-${stampOf(nowMs)}`))
      const made = orExplain(() => createApplianceBackup(data, target, flags.withLog === true, nowMs))
      writeAnswer(flags, { directory: target, ...made }, `${target}\n${summary(made)}`)
      if (!flags.json) process.stderr.write(`Next: tailrace backup verify ${target}\n`)
    })
  backup
    .command('verify')
    .argument('<directory>')
    .description('read a backup again: every sum, and every database')
    .option(json, 'one JSON object on standard output')
    .action((directory: string, flags: BackupFlags) => {
      const found = orExplain(() => verifyApplianceBackup(resolve(directory)))
      writeAnswer(flags, { directory: resolve(directory), ...found }, summary(found))
    })
  withShared(backup.command('restore'))
    .argument('<directory>')
    .description('put a backup into a data directory that is empty')
    .option(json, 'one JSON object on standard output')
    .action((directory: string, flags: BackupFlags) => {
      const { data } = settingsOf(flags)
      const restored = orExplain(() => restoreAppliance(resolve(directory), data))
      writeAnswer(flags, { directory: data, ...restored }, `${data}\n${summary(restored)}`)
      if (!flags.json) process.stderr.write(`Next: tailrace up --data ${data}\n`)
    })
}

function summary({ madeAt, files, withLog, withMetadata }: ApplianceBackup): string {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const log = withLog ? 'with the log' : 'without the log: its records are not in it'
  const metadata = withMetadata ? '' : '; what the brokers agree on is in ZooKeeper, and not in it'
  return `made at ${madeAt}, ${files.length} files, ${bytesText(bytes)}, ${log}${metadata}\n`
}

function orExplain<Result>(run: () => Result): Result {
  try {
    return run()
  } catch (error) {
    const isOurs = error instanceof BackupError || (error as NodeJS.ErrnoException).code !== undefined
    if (isOurs) throw new ExitError(exitCodes.failed, (error as Error).message, { cause: error })
    throw error
  }
}

function stampOf(nowMs: number): string {
  return new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '')
}
