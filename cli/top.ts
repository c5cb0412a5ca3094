// `tailrace top`: the appliance in a terminal, as it changes. Follows the live socket and draws at most four times a
// second; the terminal is as it was when this ends, however it ends short of kill -9. Changes nothing else.
import { readFileSync } from 'node:fs'
import { type Command, InvalidArgumentError } from 'commander'
import { TailraceApi } from '../analytics/http/api-client.ts'
import type { LiveData, LiveTopic } from '../analytics/http/contract.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { callServer } from './login-link.ts'
import type { Server } from './query.ts'
import { afterKey, columnsMin, type TopState, type TopView, topFrame } from './top-frame.ts'

interface TopFlags {
  readonly once?: boolean
  readonly json?: boolean
  readonly color: string
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

const feeds: readonly (readonly [LiveTopic, Record<string, string>])[] = [
  ['overview', {}],
  ['cluster', {}],
  ['agents', {}],
  ['groups', {}],
  ['top', { dimension: 'path', metric: 'requests', window: '5m' }],
]
const drawMs = 250
const firstTimeoutMs = 5_000
const colours = ['auto', 'always', 'never']
const enter = '\x1b[?1049h\x1b[?25l'
const leave = '\x1b[?25h\x1b[?1049l'

export function addTopCommand<Flags>(
  command: Command,
  withShared: (command: Command) => Command,
  serverOf: (flags: Flags) => Server,
): void {
  withShared(command)
    .description('rates, lag, agents, top paths, groups and brokers in the terminal; ? says the keys')
    .option('--once', 'one frame, then end')
    .option('--json', 'one JSON object on standard output, then end')
    .option('--color <when>', colours.join(', '), oneColour, 'auto')
    .action((flags: Flags & TopFlags) => top(serverOf(flags), flags))
}

async function top(server: Server, flags: TopFlags): Promise<void> {
  // Says at once what is wrong: no token, nobody there, another directory's token.
  await callServer(server.origin, server.tokenPath, '/api/v1/cluster', 'GET')
  const isOnce = flags.once === true || flags.json === true
  const { stdin, stdout } = process
  if (!isOnce && !(stdin.isTTY && stdout.isTTY)) {
    throw new ExitError(exitCodes.usage, 'This is no terminal: use tailrace top --once, or --json')
  }
  const state: Writable<TopState> = {
    ...{ overview: null, cluster: null, agents: null, groups: null, top: null, trouble: null },
  }
  const api = new TailraceApi({ origin: server.origin, token: readFileSync(server.tokenPath, 'utf8').trim() })
  const all = Promise.withResolvers<void>()
  const onData = (data: LiveData) => {
    take(state, data)
    if (state.overview && state.cluster && state.agents && state.groups && state.top) all.resolve()
  }
  const onTrouble = (reason: string) => {
    state.trouble = reason
  }
  const followed = feeds.map(([topic, args]) => api.follow(topic, args, onData, onTrouble))
  const close = () => {
    for (const one of followed) one.close()
  }
  if (!isOnce) return watch(state, flags, close)
  const timer = setTimeout(() => all.resolve(), firstTimeoutMs)
  await all.promise
  clearTimeout(timer)
  close()
  const view = { ...firstView(flags), columns: Math.max(columnsMin, stdout.columns ?? 100), rows: 60 }
  const text = topFrame(state, view, Date.now()).slice(0, -1).join('\n').trimEnd()
  stdout.write(flags.json ? `${JSON.stringify(state)}\n` : `${text}\n`)
}

function take(state: Writable<TopState>, data: LiveData): void {
  state.trouble = null
  if (data.kind === 'overview') state.overview = data.overview
  else if (data.kind === 'cluster') state.cluster = data.cluster
  else if (data.kind === 'agents') state.agents = data.agents
  else if (data.kind === 'groups') state.groups = data.groups
  else if (data.kind === 'top') state.top = data.top
}

function firstView({
  color,
}: TopFlags): Pick<TopView, 'sort' | 'filter' | 'isFiltering' | 'isHelp' | 'isColoured'> {
  return {
    sort: 0,
    filter: '',
    isFiltering: false,
    isHelp: false,
    isColoured: wantsColour(color, process.env),
  }
}

/** --color, then NO_COLOR, then FORCE_COLOR, then what the terminal is. */
export function wantsColour(
  color: string,
  environment: NodeJS.ProcessEnv,
  isTerminal = process.stdout.isTTY,
): boolean {
  if (color !== 'auto') return color === 'always'
  if (environment['NO_COLOR']) return false
  const forced = environment['FORCE_COLOR']
  return forced !== undefined
    ? forced !== '0' && forced !== ''
    : isTerminal === true && environment['TERM'] !== 'dumb'
}

function watch(state: TopState, flags: TopFlags, close: () => void): Promise<void> {
  const { stdin, stdout } = process
  let view: TopView = { ...firstView(flags), columns: stdout.columns, rows: stdout.rows }
  let drawn = ''
  const draw = () => {
    view = { ...view, columns: stdout.columns, rows: stdout.rows }
    const frame = `\x1b[H${topFrame(state, view, Date.now())
      .map(line => `${line}\x1b[K`)
      .join('\r\n')}\x1b[J`
    if (frame !== drawn) stdout.write(frame)
    drawn = frame
  }
  process.once('exit', () => {
    stdout.write(leave)
    stdin.setRawMode(false)
  })
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) {
    process.once(signal, () => process.exit(exitCodes.interrupted))
  }
  stdout.write(enter)
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  const timer = setInterval(draw, drawMs)
  stdout.on('resize', () => {
    drawn = ''
    draw()
  })
  draw()
  return new Promise(resolve => {
    const end = () => {
      clearInterval(timer)
      close()
      stdin.pause()
      resolve()
    }
    stdin.once('end', end)
    stdin.on('data', (key: string) => {
      const next = afterKey(view, key)
      if (next === null) return end()
      view = next
      draw()
    })
  })
}

function oneColour(text: string): string {
  if (colours.includes(text)) return text
  throw new InvalidArgumentError(`write one of ${colours.join(', ')}`)
}
