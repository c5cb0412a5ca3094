// `tailrace up`: the whole appliance in the foreground, until Ctrl-C. Decides the order of starting and what a
// person is told; the processes themselves are the supervisor's.
import { mkdirSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import packageJson from '../package.json' with { type: 'json' }
import { aborted, ExitError, exitCodes, type ProcessContext } from '../runtime/lifecycle.ts'
import type { Log } from '../runtime/log.ts'
import { bannerText, commandName } from './banner.ts'
import { brokersToStart } from './broker-count.ts'
import { type DataDirectory, openDataDirectory } from './data-directory.ts'
import { ensureTopics } from './foreign-topics.ts'
import { requestLoginLink } from './login-link.ts'
import {
  agentProcess,
  analyticsProcess,
  brokerPort,
  brokerProcess,
  demoFunnel,
  demoInputs,
  demoProcess,
  ingestProcess,
} from './processes.ts'
import { openHttp, openPublicPort, publicConfig, publicListener } from './public-port.ts'
import type { Settings } from './settings.ts'
import { type ReadyFacts, Supervisor } from './supervisor.ts'

const portMax = 65_535

export interface UpOptions {
  readonly demo: boolean
  /** Globs given on the command line: tailed instead of the demo's traffic. */
  readonly tail: readonly string[]
  /** False: no files are read, as before a move to other brokers. */
  readonly agent: boolean
  /** The data goes when this ends. */
  readonly fleeting?: boolean
}

/** Runs until the signal aborts. Throws ExitError with what to do when something cannot start. */
export async function up(settings: Settings, options: UpOptions, context: ProcessContext): Promise<void> {
  await refuseEmptyGlobs(options.tail)
  const brokers = ownBrokers(settings)
  const { kafkaPort, httpPort } = settings
  refusePortsThatClash(settings, brokers)
  for (const id of brokers) {
    await refuseTakenPort(brokerPort(settings, id), `--kafka-port ${kafkaPort + 100}`, 'Kafka')
  }
  await refuseTakenPort(httpPort, `--http-port ${httpPort + 100}`, 'HTTP')
  const data = openDataDirectory(settings.data, process.env)
  const logDirectory = join(data.path, 'log')
  mkdirSync(logDirectory, { recursive: true })
  const supervisor = new Supervisor(context.log, logDirectory)
  let interrupts = 0
  process.on('SIGINT', () => {
    interrupts++
    if (interrupts > 1) supervisor.killAll()
  })
  try {
    const started = startAll(
      supervisor,
      withInputs(settings, options, data),
      options,
      data,
      brokers,
      context.log,
    )
    // Ctrl-C counts while things are starting too: a long recovery must not hold it up.
    await Promise.race([started, aborted(context.signal)])
    await aborted(context.signal)
  } finally {
    await supervisor.stop()
  }
}

/** None where `bootstrap` names brokers that somebody else runs. */
function ownBrokers(settings: Settings): number[] {
  const { bootstrap, brokers } = settings
  if (bootstrap === undefined) return brokersToStart(settings)
  if (brokers === undefined) return []
  const sentence = `Cannot start ${brokers} brokers: the setting "bootstrap" says that ${bootstrap} is used instead`
  throw new ExitError(exitCodes.config, `${sentence}. Leave out one of the two`)
}

async function startAll(
  supervisor: Supervisor,
  settings: Settings,
  options: UpOptions,
  data: DataDirectory,
  brokerIds: readonly number[],
  log: Log,
): Promise<void> {
  const count = brokerIds.length
  const open = await openPublicPort(settings, log)
  const brokers = await Promise.all(
    brokerIds.map(id => {
      const spec = brokerProcess(settings, data, id, count, publicConfig(open, id, false))
      return supervisor.start({ ...spec, group: 'brokers' })
    }),
  )
  const bootstrap = settings.bootstrap?.split(',') ?? brokers.map(({ port }) => `127.0.0.1:${port}`)
  if (settings.bootstrap !== undefined) {
    const made = await ensureTopics(bootstrap)
    if (made.length > 0) log.info('topics were made', { topics: made })
  }
  const demo = options.demo && options.tail.length === 0
  const publicPorts = brokers.flatMap(broker => publicPortOf(broker) ?? [])
  const kafka = open ? publicPorts.map(port => addressText(open.host, port)) : []
  const http = openHttp(open, settings, kafka, data.keySeedPath)
  const analyticsStarted = supervisor.start(analyticsProcess(settings, data, bootstrap, http))
  const agentStarted = options.agent ? supervisor.start(agentProcess(settings, data, bootstrap)) : null
  const [analytics] = await Promise.all([analyticsStarted, agentStarted])
  // After the first, whose sketches they would otherwise begin anew in slots of their own.
  for (let number = 2; number <= settings.ingestProcesses; number++)
    await supervisor.start(ingestProcess(settings, data, bootstrap, number))
  if (demo) await supervisor.start(demoProcess(demoDirectory(data)))
  const origin = `http://127.0.0.1:${analytics['port']}`
  const link = await requestLoginLink(origin, data.tokenPath)
  process.stderr.write(
    bannerText({
      data,
      kafkaAddress: bootstrap.join(','),
      origin,
      open: open && { ...open, port: publicPorts[0] ?? open.port },
      publicOrigin: open && `https://${addressText(open.host, Number(analytics['publicPort']))}`,
      link,
      brokerPids: brokers.map(({ pid }) => pid),
      inputs: settings.inputs.flatMap(input => input.paths),
      demo,
      fleeting: options.fleeting === true,
      version: packageJson.version,
      command: commandName(process.argv[1]),
    }),
  )
}

function addressText(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** As it was opened: any free port may have been asked for. */
function publicPortOf(broker: ReadyFacts | undefined): number | undefined {
  const listeners = broker?.['listeners'] as Readonly<Record<string, { readonly port: number }>> | undefined
  return listeners?.[publicListener]?.port
}

function withInputs(settings: Settings, options: UpOptions, data: DataDirectory): Settings {
  if (options.tail.length > 0) {
    return {
      ...settings,
      inputs: options.tail.map(path => ({ paths: [resolve(path)], format: 'auto' as const })),
    }
  }
  if (!options.demo) return { ...settings, inputs: settings.inputs.map(absolutePaths) }
  mkdirSync(demoDirectory(data), { recursive: true })
  const funnels = settings.funnels.length > 0 ? settings.funnels : [demoFunnel]
  return { ...settings, inputs: demoInputs(demoDirectory(data)), funnels }
}

/** Paths of the settings are meant from the current directory; an agent is told absolute ones. */
export function absolutePaths(input: Settings['inputs'][number]): Settings['inputs'][number] {
  return { ...input, paths: input.paths.map(path => resolve(path)) }
}

function demoDirectory(data: DataDirectory): string {
  return join(data.path, 'traffic')
}

/** A glob that matches nothing is most often a slip, so it is said before anything starts. */
export async function refuseEmptyGlobs(globs: readonly string[]): Promise<void> {
  for (const pattern of globs) {
    if (pattern === '')
      throw new ExitError(exitCodes.usage, 'Cannot tail "": name a file, or a glob in quotes')
    let found = false
    for await (const _path of glob(resolve(pattern))) {
      found = true
      break
    }
    if (!found) {
      throw new ExitError(
        exitCodes.usage,
        `No file matches "${pattern}". Check the path, and keep the quotes so that the shell leaves the * alone. ` +
          'Files that appear later are found too, once one exists now',
      )
    }
  }
}

/** Brokers take ports from `kafkaPort` on, which may leave what there is, or reach the page's. */
export function refusePortsThatClash(
  { kafkaPort, httpPort }: Pick<Settings, 'kafkaPort' | 'httpPort'>,
  brokers: readonly number[],
): void {
  if (kafkaPort === 0 || brokers.length === 0) return
  const last = kafkaPort + Math.max(...brokers) - 1
  const ports = last === kafkaPort ? `port ${kafkaPort}` : `ports ${kafkaPort} to ${last}`
  const fault =
    last > portMax
      ? `there is none beyond ${portMax}. Choose lower ones: --kafka-port ${portMax - brokers.length - 1000}`
      : httpPort >= kafkaPort && httpPort <= last
        ? `${httpPort} is the page's. Choose another: --http-port ${httpPort > 1000 ? last - 1000 : last + 1}`
        : null
  if (fault !== null)
    throw new ExitError(exitCodes.config, `Kafka clients would be served on ${ports}, and ${fault}`)
}

/** Asked before anything starts, so that the answer names the flag instead of a stack trace. */
async function refuseTakenPort(port: number, remedy: string, what: string): Promise<void> {
  if (port === 0) return
  const { promise, resolve: settle } = Promise.withResolvers<NodeJS.ErrnoException | undefined>()
  const probe = createServer()
  probe.once('error', settle)
  probe.listen(port, '127.0.0.1', () => probe.close(() => settle(undefined)))
  const error = await promise
  if (error === undefined) return
  const reason =
    error.code === 'EADDRINUSE' ? 'is taken by another process' : `cannot be opened (${error.code})`
  throw new ExitError(
    exitCodes.config,
    `${what} port ${port} on 127.0.0.1 ${reason}. Choose another: ${remedy}`,
  )
}
