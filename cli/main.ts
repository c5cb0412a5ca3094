// The `tailrace` command: reads the command line, validates the settings, and hands over. Standard output is
// data; everything said to a person goes to standard error.
import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { Command, CommanderError, Option } from 'commander'
import type { AnalyticsConfig } from '../analytics/config.ts'
import { nearest } from '../analytics/queries/nearest.ts'
import packageJson from '../package.json' with { type: 'json' }
import { fileFault } from '../runtime/file-fault.ts'
import { ExitError, exitCodes, type ProcessContext } from '../runtime/lifecycle.ts'
import { addAccountCommands } from './account-commands.ts'
import { addAgentCommands } from './agent-commands.ts'
import { addAgentsCommands } from './agents.ts'
import { addAlertCommands } from './alert-commands.ts'
import { addAnalyticsCommands, lastRebuild, rebuildText } from './analytics-commands.ts'
import { writeAnswer } from './answer.ts'
import { addBackupCommands } from './backup-commands.ts'
import { addClusterCommands } from './cluster-commands.ts'
import { commandAt, commandTree } from './command-tree.ts'
import { addCompletionCommand } from './completion-command.ts'
import { addConfigCommands } from './config-commands.ts'
import { addConsumeCommand } from './consume-command.ts'
import { openDataDirectory } from './data-directory.ts'
import { demo } from './demo.ts'
import { addDoctorCommands } from './doctor-commands.ts'
import { addGuidance } from './examples.ts'
import { addGroupCommands } from './group-commands.ts'
import { addInstallCommands } from './install.ts'
import { addLogCommands } from './log-commands.ts'
import { requestLoginLink } from './login-link.ts'
import { moveBetween, movedText } from './move-metadata.ts'
import { analyticsProcess, ingestProcess, metadataKeysOf, singleBrokerProcess } from './processes.ts'
import { addProduceCommand } from './produce-command.ts'
import { authorityOf, openHttp, openPublicPort, publicConfig } from './public-port.ts'
import { addQueryCommand } from './query.ts'
import { addReportCommand } from './report.ts'
import { loadSettings, readSources, type Settings } from './settings.ts'
import { readStatus, statusExitCode, statusText } from './status.ts'
import { childEnvironment, type ProcessSpec } from './supervisor.ts'
import { addTailCommands } from './tail-commands.ts'
import { terminalLog } from './terminal-log.ts'
import { addTokenCommands } from './token-commands.ts'
import { addTopCommand } from './top.ts'
import { addTopicCommands } from './topic-commands.ts'
import { absolutePaths, refuseEmptyGlobs, up } from './up.ts'
import { addUserCommands } from './user-commands.ts'

const program = new Command('tailrace')
  .description('Log lines in, live exact statistics out. Kafka clients welcome on its port.')
  .version(packageJson.version)
  .enablePositionalOptions()
  .exitOverride()
  .configureOutput({ outputError: () => {} })
  .showSuggestionAfterError(false)

const withShared = (command: Command) =>
  command
    .option('--config <file>', 'configuration file (default: ./tailrace.yaml when there is one)')
    .option('--data <directory>', 'directory that holds everything Tailrace keeps')
    .addOption(new Option('--kafka-port <port>', 'port for Kafka clients').argParser(portNumber))
    .addOption(new Option('--http-port <port>', 'port of dashboard and API').argParser(portNumber))
    .option('-q, --quiet', 'nothing on standard error but what went wrong')
    .option('-v, --verbose', 'where something went wrong, all that is known of it')
    .option('--no-input', 'ask nothing; no command does')

const metadataHelp = 'where the brokers agree: sqlite, or zookeeper://host:2181,host:2181,host:2181/path'
const withPublic = (command: Command) =>
  command
    .option('--public <host>', 'let others in by this name or address of the machine: TLS, and logins')
    .addOption(new Option('--public-kafka-port <port>', 'first port for that').argParser(portNumber))
    .addOption(new Option('--public-http-port <port>', 'port of page and API for that').argParser(portNumber))
const collect = (value: string, previous: string[]) => [...previous, value]

interface Flags {
  readonly config?: string
  readonly data?: string
  readonly brokers?: number
  readonly brokerId?: number
  readonly metadata?: string
  readonly kafkaPort?: number
  readonly httpPort?: number
  readonly bootstrap?: string
  /** Of `up`: the same as bootstrap. */
  readonly kafka?: string
  /** False with --no-agent. */
  readonly agent?: boolean
  readonly ingestOnly?: boolean
  readonly demo?: boolean
  readonly tail?: string[]
  readonly json?: boolean
  readonly public?: string
  readonly publicKafkaPort?: number
  readonly publicHttpPort?: number
}

withPublic(withShared(program.command('up')))
  .description('run everything on this machine: broker, agent, statistics, dashboard')
  .addOption(
    new Option('--brokers <count>', 'brokers to run: as many as the data has, at first three').argParser(
      Number,
    ),
  )
  .option('--metadata <place>', metadataHelp)
  .option('--kafka <host:port,...>', 'no brokers of our own: an Apache Kafka cluster, reached at these')
  .option('--no-agent', 'read no files: count what is in the log, and serve it')
  .option('--demo', 'with realistic traffic written to real files')
  .option('--tail <glob>', 'tail these files; repeat for more', collect, [])
  .action((flags: Flags) => runUp(flags))

withShared(program.command('demo'))
  .description('run everything with demo traffic, in a directory that is gone afterwards, on free ports')
  .addOption(new Option('--brokers <count>', 'brokers to run (default: three)').argParser(Number))
  .action(async (flags: Flags) => {
    if (flags.data !== undefined)
      throw new ExitError(
        exitCodes.usage,
        'A demo keeps nothing: for a directory of your own, tailrace up --demo',
      )
    const asked = { kafka: flags.kafkaPort !== undefined, http: flags.httpPort !== undefined }
    await demo(data => settingsOf({ ...flags, data }), asked, interruptible())
    process.exit(exitCodes.ok)
  })

withPublic(withShared(program.command('broker')))
  .description('run one broker, of a cluster on several machines perhaps')
  .option('--metadata <place>', metadataHelp)
  .addOption(new Option('--broker-id <id>', 'which of the brokers this is, from 1 on').argParser(Number))
  .addOption(new Option('--brokers <count>', 'how many the cluster is made of').argParser(Number))
  .action((flags: Flags) =>
    runOne(flags, async (settings, data) => {
      const open = await openPublicPort(settings, terminalLog())
      return singleBrokerProcess(settings, data, publicConfig(open, settings.brokerId, true))
    }),
  )

addAgentCommands(program.command('agent').description('run the agent: tail files and ship their lines'), {
  withShared,
  settingsOf: flags => settingsOf(flags),
  portNumber,
})

addAgentsCommands(
  program.command('agents').description('hosts that send to this appliance'),
  { withShared, settingsOf: flags => settingsOf(flags) },
  flags => {
    const settings = settingsOf(flags)
    return { origin: originOf(settings), tokenPath: join(settings.data, 'token') }
  },
)

const analytics = withPublic(withShared(program.command('analytics')))
  .description('run the statistics, the API and the dashboard')
  .option('--bootstrap <host:port>', 'brokers to read from')
  .option('--ingest-only', 'count beside the process that runs them, on the same machine and data directory')
  .action((flags: Flags) =>
    runOne(flags, async (settings, data) => {
      const bootstrap = bootstrapOf(settings)
      if (flags.ingestOnly) return ingestProcess(settings, data, bootstrap)
      const open = await openPublicPort(settings, terminalLog())
      return analyticsProcess(
        settings,
        data,
        bootstrap,
        openHttp(open, settings, bootstrap, data.keySeedPath),
      )
    }),
  )
addAnalyticsCommands(analytics, {
  withShared,
  settingsOf: flags => settingsOf(flags),
  configOf: settings => {
    const data = openDataDirectory(settings.data, process.env)
    return analyticsProcess(settings, data, bootstrapOf(settings)).config as AnalyticsConfig
  },
})

withShared(program.command('status'))
  .description('say whether everything is well; exit code 10 when it is not')
  .option('--json', 'one JSON object on standard output')
  .action(async (flags: Flags) => {
    const settings = settingsOf(flags)
    const report = await readStatus(originOf(settings), join(settings.data, 'token'), Date.now())
    const tls = authorityOf(settings)
    const authority = tls ? `authority ${tls.authority}, SHA-256 ${tls.fingerprint}\n` : ''
    const rebuild = lastRebuild(settings.data)
    const text = `${statusText(report, Date.now())}${authority}${rebuild ? rebuildText(rebuild) : ''}`
    writeAnswer(flags, { ...report, tls, rebuild }, text)
    process.exitCode = statusExitCode(report)
  })

const serverOf = (flags: Flags) => {
  const settings = settingsOf(flags)
  return { origin: originOf(settings), tokenPath: join(settings.data, 'token') }
}
addQueryCommand(program.command('query'), withShared, serverOf)
addReportCommand(program.command('report'), withShared, serverOf)

addAlertCommands(
  program.command('alerts').description('what fires, and the rules for it'),
  withShared,
  serverOf,
)
addTailCommands(program, withShared, serverOf)
addTopCommand(program.command('top'), withShared, serverOf)

addAccountCommands(
  program.command('accounts').description('who signs in to the page by name and password'),
  withShared,
  serverOf,
)

addTokenCommands(
  program.command('tokens').description('what programs name themselves with to the API'),
  withShared,
  serverOf,
)

const cluster = program.command('cluster').description('change what the cluster is made of')
addClusterCommands(cluster, { withShared, settingsOf: flags => settingsOf(flags) })

addGroupCommands(program.command('groups').description('consumer groups, and how far each has read'), {
  withShared,
  settingsOf: flags => settingsOf(flags),
})

addTopicCommands(program.command('topics').description('topics, their settings and partitions'), {
  withShared,
  settingsOf: flags => settingsOf(flags),
})

const byFlags = { withShared, settingsOf: (flags: Flags) => settingsOf(flags) }
addBackupCommands(program.command('backup').description('copies of the whole appliance'), byFlags)
addProduceCommand(program.command('produce'), byFlags)
addConsumeCommand(program.command('consume'), byFlags)

addUserCommands(program.command('users').description('who may use the Kafka port from elsewhere'), {
  withShared,
  settingsOf: flags => settingsOf(flags),
})

const bySource = {
  withShared: (command: Command) => withPublic(withShared(command)),
  sourcesOf: (flags: Flags, environment: NodeJS.ProcessEnv) =>
    readSources(settingFlagsOf(flags), environment, flags.config, { data: 'data' }),
}
addConfigCommands(
  program.command('config').description('what is set, by whom, and whether it can be used'),
  bySource,
)
addDoctorCommands(program, { ...bySource, settingsOf: flags => settingsOf(flags), originOf })

addInstallCommands(program)

addLogCommands(program.command('log').description('the files in which a broker keeps its records'))

withShared(cluster.command('move-metadata'))
  .description('with all brokers stopped: from SQLite to ZooKeeper, or back')
  .requiredOption('--to <place>', 'zookeeper://host:2181,host:2181,host:2181/path, or an SQLite file')
  .option('--from <place>', 'where it is now (default: metadata.db in the data directory)')
  .option('--json', 'one JSON object on standard output')
  .action(async ({ from, to, ...flags }: Flags & { readonly from?: string; readonly to: string }) => {
    const { data, zookeeper } = settingsOf(flags)
    const request = { from: from ?? join(data, 'metadata.db'), to, keys: metadataKeysOf(zookeeper) }
    const moved = await moveBetween(request)
    writeAnswer(flags, moved, movedText(moved, to))
  })

withShared(program.command('login-link'))
  .description('print a link that signs in to the dashboard once, within 15 minutes')
  .option('--json', 'one JSON object on standard output')
  .action(async (flags: Flags) => {
    const settings = settingsOf(flags)
    const link = await requestLoginLink(originOf(settings), join(settings.data, 'token'))
    writeAnswer(flags, { link }, `${link}\n`)
  })

addCompletionCommand(program)
addGuidance(program)

const sayAnyway = process.stderr.write
let isVerbose = false
program.hook('preAction', (_program, command) => {
  const { quiet, verbose } = command.opts<{ readonly quiet?: boolean; readonly verbose?: boolean }>()
  isVerbose = verbose === true
  if (quiet) process.stderr.write = () => true
})

// Whoever reads has enough: `| head` is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok)
  throw error
})

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = explain(error)
}

async function runUp(flags: Flags): Promise<void> {
  const tail = flags.tail ?? []
  const isDemo = flags.demo === true && tail.length === 0
  const settings = settingsOf(flags, isDemo ? 'data/demo' : 'data')
  await up(settings, { demo: isDemo, tail, agent: flags.agent !== false }, interruptible())
  process.exit(exitCodes.ok)
}

function interruptible(): ProcessContext {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => controller.abort())
  return { signal: controller.signal, log: terminalLog(), ready: () => {} }
}

/** A single room in the foreground: its own process, so that a broker loads nothing it does not need. */
async function runOne(
  flags: Flags,
  specOf: (
    settings: Settings,
    data: ReturnType<typeof openDataDirectory>,
  ) => ProcessSpec | Promise<ProcessSpec>,
): Promise<void> {
  const settings = settingsOf(flags)
  const tail = flags.tail ?? []
  await refuseEmptyGlobs(tail)
  const tailed = tail.map(path => ({ paths: [resolve(path)], format: 'auto' as const }))
  const inputs = tailed.length > 0 ? tailed : settings.inputs.map(absolutePaths)
  const spec = await specOf({ ...settings, inputs }, openDataDirectory(settings.data, process.env))
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', spec.entry, JSON.stringify(spec.config)],
    {
      stdio: 'inherit',
      env: childEnvironment(),
    },
  )
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  const [code] = await new Promise<[number | null]>(resolve =>
    child.once('exit', exitCode => resolve([exitCode])),
  )
  process.exit(code ?? exitCodes.failed)
}

function settingsOf(flags: Flags, data = 'data'): Settings {
  return loadSettings(settingFlagsOf(flags), process.env, flags.config, { data })
}

function settingFlagsOf(flags: Flags): Record<string, unknown> {
  const { data, brokers, brokerId, metadata, kafkaPort, httpPort, bootstrap = flags.kafka } = flags
  const { public: host, publicKafkaPort, publicHttpPort } = flags
  return {
    ...{ data, brokers, brokerId, metadata, kafkaPort, httpPort, bootstrap },
    ...{ public: host, publicKafkaPort, publicHttpPort },
  }
}

function bootstrapOf(settings: Settings): string[] {
  return settings.bootstrap?.split(',') ?? [`127.0.0.1:${settings.kafkaPort}`]
}

function originOf(settings: Settings): string {
  return `http://127.0.0.1:${settings.httpPort}`
}

/** Digits alone: `Number` takes an empty text for 0. What is none, the settings refuse. */
function portNumber(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Number.NaN
}

/** One sentence on standard error, and the exit code that goes with it. */
function explain(error: unknown): number {
  process.stderr.write = sayAnyway
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCodes.ok
    if (error.code !== 'commander.help') {
      const message = error.message.replace(/^error: |\.$/g, '')
      process.stderr.write(`tailrace: ${message}.${hintFor(error.message)}\n`)
    }
    return exitCodes.usage
  }
  if (error instanceof ExitError) {
    process.stderr.write(`tailrace: ${isVerbose ? error.stack : error.message}\n`)
    if (isVerbose && error.cause) process.stderr.write(`${String((error.cause as Error).stack)}\n`)
    return error.exitCode
  }
  const fault = fileFault(error)
  process.stderr.write(
    `tailrace: ${isVerbose ? (error as Error).stack : (fault ?? (error as Error).stack)}\n`,
  )
  return fault === null ? exitCodes.failed : exitCodes.config
}

/** The nearest command or flag of the command that was being typed. */
function hintFor(message: string): string {
  const typed = /unknown (?:command|option) '([^']+)'/.exec(message)?.[1]
  const at = commandAt(commandTree(program), process.argv.slice(2))
  const known = [...at.commands.map(({ name }) => name), ...at.flags.map(({ long }) => long)]
  const guess = typed === undefined ? undefined : nearest(typed, known)
  return guess ? ` Did you mean ${guess}?` : ` See \`${['tailrace', at.path].join(' ').trim()} --help\`.`
}
