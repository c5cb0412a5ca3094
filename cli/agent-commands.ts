// The commands of `tailrace agent`: run it, join it to an appliance, and what one wants to know of it on its own
// machine. Running replaces this process by the agent's own; the others look, print and end.
import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { AgentConfig } from '../agent/config.ts'
import { Discovery } from '../agent/discover.ts'
import { dryRun, type FilePlan } from '../agent/dry-run.ts'
import { readEnrolment } from '../agent/enrolment.ts'
import { join as joinAppliance } from '../agent/join.ts'
import type { ReadFields } from '../agent/read-back.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { printTap, printTop, readAgent, statusText } from './agent-status.ts'
import { writeAnswer } from './answer.ts'
import { openDataDirectory } from './data-directory.ts'
import { formatSetting } from './input-settings.ts'
import { agentProcess } from './processes.ts'
import type { Settings } from './settings.ts'
import { childEnvironment, type ProcessSpec } from './supervisor.ts'
import { terminalLog } from './terminal-log.ts'
import { absolutePaths, refuseEmptyGlobs } from './up.ts'

export interface AgentFlags {
  readonly tail?: string[]
  readonly stdin?: string | true
  readonly statsd?: number
  readonly statusPort?: number
  readonly json?: boolean
  readonly print?: boolean
  readonly codeStdin?: boolean
  readonly name?: string
  readonly lines?: number
  readonly once?: boolean
}

interface Surroundings {
  readonly withShared: (command: Command) => Command
  readonly settingsOf: (flags: object) => Settings
  readonly portNumber: (text: string) => number
}

const launcher = resolve(import.meta.dirname, 'tailrace.js')

export function addAgentCommands(agent: Command, around: Surroundings): void {
  const withInputs = (command: Command) =>
    around
      .withShared(command)
      .option('--bootstrap <host:port>', 'brokers to send to')
      .option(
        '--tail <glob>',
        'tail these files; repeat for more',
        (value: string, previous: string[] = []) => [...previous, value],
      )
      .option('--stdin [format]', 'send what comes on standard input, and end when it does')
      .addOption(new Option('--statsd <port>', 'listen for statsd by UDP').argParser(around.portNumber))
      .addOption(
        new Option('--status-port <port>', 'loopback port of health and metrics').argParser(
          around.portNumber,
        ),
      )
  // What stands after a subcommand is the subcommand's.
  agent.enablePositionalOptions()
  withInputs(agent).action(async (flags: AgentFlags) => {
    replaceProcess(await specOf(around.settingsOf(flags), flags, agentArguments()))
  })
  const sub = (usage: string, description: string) => agent.command(usage).description(description)

  around
    .withShared(sub('join [line]', 'become an agent of the appliance whose line this is'))
    .option('--code-stdin', 'read the line from standard input, where no other user sees it')
    .option('--name <name>', 'name of this host', hostname())
    .action(async (line: string | undefined, flags: AgentFlags) => {
      const text = flags.codeStdin ? readFileSync(0, 'utf8') : line
      if (text === undefined)
        throw new ExitError(exitCodes.usage, 'Paste the line in quotes, or use --code-stdin')
      const data = openDataDirectory(around.settingsOf(flags).data, process.env)
      const { name, origin, bootstrap } = await joinAppliance(join(data.path, 'agent'), text, flags.name!)
      process.stdout.write(`joined    ${origin} as ${name}; sends to ${bootstrap.join(', ')}\n`)
    })
  withInputs(sub('validate', 'check the configuration; exit code 78 when it cannot be used'))
    .addOption(new Option('--print', 'print what the agent is told').hideHelp())
    .action(async (flags: AgentFlags) => {
      const { config } = await specOf(around.settingsOf(flags), flags, agentArguments())
      const text = validated(config as AgentConfig)
      process.stdout.write(flags.print ? `${JSON.stringify(config)}\n` : text)
    })
  withInputs(sub('dry-run', 'say what would be read, and what its first lines become; send nothing'))
    .addOption(new Option('-n, --lines <count>', 'lines of each file').argParser(Number).default(3))
    .option('--json', 'one JSON object a file on standard output')
    .action(async (flags: AgentFlags) => {
      const { config } = await specOf(around.settingsOf(flags), flags, [])
      const plans = dryRun(
        config as AgentConfig,
        { filesMax: 50, recordsMax: flags.lines ?? 3 },
        terminalLog(),
      )
      const json = plans.map(plan => `${JSON.stringify(plan)}\n`).join('')
      process.stdout.write(flags.json ? json : plans.map(planText).join('\n') || 'No file matches.\n')
    })
  const looking = (
    usage: string,
    description: string,
    run: (directory: string, flags: AgentFlags) => Promise<void>,
  ) =>
    around
      .withShared(sub(usage, description))
      .action((flags: AgentFlags) => run(join(around.settingsOf(flags).data, 'agent'), flags))
  looking(
    'status',
    'what this agent reads, and how far it is; exit code 10 when something is in the way',
    async (directory, flags) => {
      const description = await readAgent(directory)
      writeAnswer(flags, description, statusText(description))
      if (description.errors.length > 0) process.exitCode = exitCodes.unhealthy
    },
  ).option('--json', 'one JSON object on standard output')
  looking('top', 'rates of every file, each second', printTop).option('--once', 'one second, then end')
  looking('tap', 'lines as they leave', (directory, { lines, json }) =>
    printTap(directory, lines ?? null, json === true),
  )
    .addOption(new Option('-n, --lines <count>', 'end after so many').argParser(Number))
    .option('--json', 'the whole record, one JSON object a line')
}

/** What was said after `agent`, without the subcommand: a reload says it again. */
function agentArguments(): string[] {
  const given = process.argv.slice(process.argv.indexOf('agent') + 1)
  return given.filter((word, index) => !(word === '--print' || (index === 0 && word === 'validate')))
}

async function specOf(settings: Settings, flags: AgentFlags, again: readonly string[]): Promise<ProcessSpec> {
  const { tail = [], stdin, statsd, statusPort } = flags
  await refuseEmptyGlobs(tail)
  const tailed = tail.map(path => ({ paths: [resolve(path)], format: 'auto' as const }))
  const inputs = tailed.length > 0 ? tailed : settings.inputs.map(absolutePaths)
  const changed: Settings = {
    ...settings,
    inputs,
    ...(statsd !== undefined && { statsd: { host: '127.0.0.1', port: statsd, topic: 'metrics' } }),
    ...(statusPort !== undefined && { agentStatusPort: statusPort }),
  }
  const bootstrap = settings.bootstrap?.split(',') ?? [`127.0.0.1:${settings.kafkaPort}`]
  const spec = agentProcess(changed, openDataDirectory(settings.data, process.env), bootstrap)
  const reload = [process.execPath, launcher, 'agent', 'validate', '--print', ...again]
  const config: AgentConfig = {
    ...(spec.config as AgentConfig),
    ...(stdin !== undefined && { stdin: { format: formatOf(stdin) }, hostMetrics: false }),
    reload,
  }
  return { ...spec, config }
}

function formatOf(given: string | true): string {
  if (given === true) return 'auto'
  const checked = formatSetting.safeParse(given)
  if (checked.success) return given
  throw new ExitError(exitCodes.usage, `--stdin: ${checked.error.issues[0]!.message}`)
}

/** One process, not two: an agent is small, and signals meet it without a go-between. */
function replaceProcess({ entry, config }: ProcessSpec): void {
  const args = [process.execPath, '--disable-warning=ExperimentalWarning', entry, JSON.stringify(config)]
  process.execve!(process.execPath, args, childEnvironment())
}

/** Throws ExitError 78 with what cannot be used. */
function validated(config: AgentConfig): string {
  const enrolment = config.enrolled ? readEnrolment(config.dataDirectory) : null
  for (const path of [config.tls?.caPath, config.login?.passwordPath]) {
    if (path !== undefined && !existsSync(path))
      throw new ExitError(exitCodes.config, `There is no file "${path}"`)
  }
  const found = new Discovery(config.inputs).scan()
  const rows = config.inputs.map((input, index) => {
    const count = found.filter(file => file.input === index).length
    const none = count === 0 ? '   (none yet: they are found when they appear)' : ''
    return `input     ${input.paths.join(' ')}   ${input.format}, ${count} ${count === 1 ? 'file' : 'files'}${none}\n`
  })
  const bootstrap = enrolment?.bootstrap ?? config.bootstrap
  const login = enrolment?.user ?? config.login?.user
  rows.push(`brokers   ${bootstrap.join(', ')}${login === undefined ? '' : `, as ${login}`}\n`)
  return `${rows.join('')}The configuration can be used.\n`
}

function planText({ path, size, format, records, fault }: FilePlan): string {
  const head = `${path}   ${size} bytes, ${fault ?? format ?? 'no whole line yet'}\n`
  const rows = records.map(({ topic, key, headers, line, read }) => {
    const shown = Object.entries(headers)
      .filter(([name]) => name !== 'format')
      .map(([name, value]) => `${name}=${value}`)
    return `  → ${topic}  key ${key}  ${shown.join(' ')}\n    ${line}\n    ${readText(read)}\n`
  })
  return head + rows.join('')
}

function readText(read: ReadFields): string {
  if (read === null) return '! not of this format: it will be in the ledger as "unparsed"'
  const fields = Object.entries(read).map(([name, value]) => `${name} ${value}`)
  return `= ${fields.join(', ') || 'text'}`
}
