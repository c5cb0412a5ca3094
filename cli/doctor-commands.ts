// `tailrace doctor` and `tailrace debug bundle`: what they print, and how they end.
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { writeAnswer } from './answer.ts'
import type { ConfigSurroundings } from './config-commands.ts'
import { debugBundle } from './debug-bundle.ts'
import { doctorText, examine } from './doctor.ts'
import type { Settings } from './settings.ts'

interface Surroundings extends ConfigSurroundings {
  readonly settingsOf: (flags: object) => Settings
  readonly originOf: (settings: Settings) => string
}

export function addDoctorCommands(program: Command, around: Surroundings): void {
  around
    .withShared(program.command('doctor'))
    .description(
      'what is in the way on this machine, and what to do about it; exit code 10 when something is',
    )
    .option('--json', 'one JSON object on standard output')
    .action(async (flags: { readonly json?: boolean }) => {
      const settings = around.settingsOf(flags)
      const report = await examine(settings, around.originOf(settings))
      writeAnswer(flags, report, doctorText(report))
      if (!report.healthy) process.exitCode = exitCodes.unhealthy
    })
  const debug = program.command('debug').description('what somebody who helps needs to know')
  around
    .withShared(debug.command('bundle'))
    .argument('[file]', 'a new archive (default: tailrace-debug-TIME.tar.gz)')
    .description('one archive to send: no secret and no line of a log is in it')
    .option('--json', 'one JSON object on standard output')
    .action(async (file: string | undefined, flags: { readonly json?: boolean }) => {
      const nowMs = Date.now()
      const stamp = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '')
      const path = resolve(file ?? `tailrace-debug-${stamp}.tar.gz`)
      const settings = around.settingsOf(flags)
      const sources = around.sourcesOf(flags, process.env)
      const archive = await debugBundle(settings, sources, around.originOf(settings), nowMs)
      try {
        writeFileSync(path, archive, { mode: 0o600, flag: 'wx' })
      } catch (error) {
        throw new ExitError(exitCodes.failed, `Cannot write the bundle: ${(error as Error).message}`)
      }
      writeAnswer(flags, { file: path, bytes: archive.length }, `${path}\n`)
      process.stderr.write(`Look before you send: tar -xzOf ${path} | less\n`)
    })
}
