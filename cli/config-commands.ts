// `tailrace config`: what is set and by whom, whether it can be used, and a first file. Reads what `up` would read and
// starts nothing; `init` alone writes, one file that was not there.
import { existsSync, writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { explainSettings, originText, settingsWarnings } from './config-explain.ts'
import { placeText } from './config-file.ts'
import { firstConfig, settingsJsonSchema } from './config-table.ts'
import { judgeSettings, type SettingsFault, type Sources } from './settings.ts'
import { visible } from './visible.ts'

export interface ConfigSurroundings {
  readonly withShared: (command: Command) => Command
  readonly sourcesOf: (flags: object, environment: NodeJS.ProcessEnv) => Sources
}

interface ConfigFlags {
  readonly json?: boolean
  readonly origin?: boolean
  readonly denyWarnings?: boolean
  /** False with --no-environment. */
  readonly environment?: boolean
}

export function addConfigCommands(config: Command, { withShared, sourcesOf }: ConfigSurroundings): void {
  withShared(config.command('show'))
    .description('every setting that holds')
    .option('--origin', 'and where it comes from: a flag, a variable, file:line, or the default')
    .option('--json', 'one JSON object on standard output')
    .action((flags: ConfigFlags) => {
      process.stdout.write(showText(sourcesOf(flags, process.env), flags))
    })
  withShared(config.command('validate'))
    .description('check the configuration; exit code 78 when it cannot be used')
    .option('--deny-warnings', 'what looks like a slip is refused too')
    .option('--no-environment', 'leave variables out')
    .option('--json', 'one JSON object on standard output')
    .action((flags: ConfigFlags) => {
      const environment = flags.environment === false ? {} : process.env
      validate(sourcesOf(flags, environment), environment, flags)
    })
  config
    .command('init')
    .description('write a first configuration, with every setting as a comment')
    .argument('[file]', 'where to', 'tailrace.yaml')
    .action((file: string) => {
      if (existsSync(file)) {
        const advice = `Check it with: tailrace config validate --config ${file}`
        throw new ExitError(exitCodes.failed, `"${file}" is there already and stays as it is. ${advice}`)
      }
      writeFileSync(file, firstConfig(), { flag: 'wx' })
      process.stderr.write(`wrote ${file}. Next: name your files under inputs, then tailrace up\n`)
    })
  config
    .command('schema')
    .description('the JSON schema of tailrace.yaml')
    .action(() => {
      process.stdout.write(`${JSON.stringify(settingsJsonSchema(), null, 2)}\n`)
    })
}

function showText(sources: Sources, { json, origin }: ConfigFlags): string {
  const { settings, faults } = judgeSettings(sources)
  if (!settings) throw refusalOf(faults, sources.file.path)
  const explained = Object.entries(explainSettings(sources, settings))
  if (json) {
    const shown = explained.map(([name, setting]) => [name, origin ? setting : setting.value])
    return `${JSON.stringify(Object.fromEntries(shown))}\n`
  }
  const rows = explained.map(([name, setting]) => {
    const value = setting.value === null ? '' : JSON.stringify(setting.value)
    return [name, visible(value), ...(origin ? [originText(setting.origin)] : [])].join('\t')
  })
  return `${rows.join('\n')}\n`
}

function validate(sources: Sources, environment: NodeJS.ProcessEnv, flags: ConfigFlags): void {
  const { path } = sources.file
  const { settings, faults } = judgeSettings(sources)
  const warnings = settings ? settingsWarnings(sources, settings, environment) : []
  const isUsable = settings !== null && !(flags.denyWarnings && warnings.length > 0)
  if (flags.json) {
    const listed = (all: readonly SettingsFault[]) =>
      all.map(({ place, message }) => ({
        file: place ? path : null,
        line: null,
        column: null,
        ...place,
        message,
      }))
    const answer = { ok: isUsable, file: path ?? null, errors: listed(faults), warnings: listed(warnings) }
    process.stdout.write(`${JSON.stringify(answer)}\n`)
    if (!isUsable) process.exitCode = exitCodes.config
    return
  }
  for (const { place, message } of warnings) {
    process.stderr.write(`${placeText(path, place)}warning: ${message}\n`)
  }
  if (!settings) throw refusalOf(faults, path)
  if (!isUsable)
    throw new ExitError(exitCodes.config, 'The configuration has warnings, which --deny-warnings refuses')
  process.stdout.write(`${path ?? 'No tailrace.yaml: the defaults'} can be used\n`)
}

function refusalOf(faults: readonly SettingsFault[], path: string | undefined): ExitError {
  const lines = faults.map(({ place, message }) => placeText(path, place) + message)
  return new ExitError(exitCodes.config, lines.join('\n'))
}
