// `tailrace tail` and `tailrace search`: lines of a topic, straight from the log. Lines go to standard output as they
// are, or as JSON, one a line; following goes on from a cursor, so that nothing is skipped and nothing comes twice.
import { type Command, InvalidArgumentError } from 'commander'
import type { TailRow } from '../analytics/http/contract.ts'
import type { SearchAnswer } from '../analytics/http/contract-search.ts'
import type { ServerPlace } from './alert-commands.ts'
import { callServer } from './login-link.ts'
import { visible } from './visible.ts'

interface TailFlags {
  readonly grep?: string
  readonly level?: string
  readonly json?: boolean
  readonly lines?: number
  readonly since?: string
  readonly field?: string[]
  readonly q?: string
  readonly from?: string
  readonly to?: string
}

const pollMs = 500
const pageRows = 1_000
/** The server stops by itself before. */
const searchTimeoutMs = 30_000
const levels = ['info', 'warn', 'error']

export function addTailCommands(
  program: Command,
  withShared: (command: Command) => Command,
  serverOf: (flags: object) => ServerPlace,
): void {
  const withFilters = (command: Command) =>
    withShared(command)
      .option('--grep <pattern>', 'lines that a regular expression matches')
      .option('--level <level>', `lines of this level or worse: ${levels.join(', ')}`)
      .option('--field <name:value>', 'lines with this field; repeat for more', collect, [])
      .option('--json', 'one JSON object a line, with topic, partition, offset and time')
  withFilters(program.command('tail'))
    .argument('<topic>')
    .description('lines of a topic as they come, until Ctrl-C')
    .option('-n, --lines <count>', 'end after so many', wholeNumber)
    .option('--since <time>', 'begin with older ones: 5m, 1h, 2026-11-24T08:00:00Z', '10s')
    .action((topic: string, flags: TailFlags) => tail(topic, flags, serverOf(flags)))
  withFilters(program.command('search'))
    .argument('<topic>')
    .argument('[text]', 'what a line contains')
    .description('lines of the last hours, in order of their time')
    .option('--from <time>', 'where to begin: 15m, 2h, 2026-11-24T08:00:00Z', '1h')
    .option('--to <time>', 'where to end')
    .option('-n, --lines <count>', 'at most so many', wholeNumber)
    .action((topic: string, text: string | undefined, flags: TailFlags) =>
      find(topic, text, flags, serverOf(flags)),
    )
}

async function tail(topic: string, flags: TailFlags, server: ServerPlace): Promise<void> {
  let left = flags.lines ?? Number.POSITIVE_INFINITY
  let place: Record<string, string> = { from: momentText(flags.since!) }
  while (left > 0) {
    const { rows, end } = await page(
      topic,
      { ...filtersOf(flags), ...place },
      Math.min(left, pageRows),
      server,
    )
    write(rows, flags)
    left -= rows.length
    place = { cursor: end.cursor }
    if (end.complete && left > 0) await new Promise(resolve => setTimeout(resolve, pollMs))
  }
}

async function find(
  topic: string,
  text: string | undefined,
  flags: TailFlags,
  server: ServerPlace,
): Promise<void> {
  let left = flags.lines ?? Number.POSITIVE_INFINITY
  const shared = {
    ...filtersOf(flags),
    ...(text && { q: text }),
    ...(flags.to && { to: momentText(flags.to) }),
  }
  let place: Record<string, string> = { from: momentText(flags.from!) }
  while (left > 0) {
    const { rows, end } = await page(topic, { ...shared, ...place }, Math.min(left, pageRows), server)
    write(rows, flags)
    left -= rows.length
    place = { from: momentText(flags.from!), cursor: end.cursor }
    if (end.complete) return
  }
}

async function page(
  topic: string,
  asked: Readonly<Record<string, string | string[]>>,
  limit: number,
  { origin, tokenPath }: ServerPlace,
): Promise<SearchAnswer> {
  const query = new URLSearchParams({ topic, limit: String(limit) })
  for (const [name, value] of Object.entries(asked)) for (const one of [value].flat()) query.append(name, one)
  return (await callServer(
    origin,
    tokenPath,
    `/api/v1/search?${query}`,
    'GET',
    undefined,
    searchTimeoutMs,
  )) as SearchAnswer
}

function filtersOf({ grep, level, field = [] }: TailFlags): Record<string, string | string[]> {
  return { ...(grep && { re: grep }), ...(level && { level }), field }
}

/** Lines come from anywhere: what would steer a terminal is shown, not sent. */
function write(rows: readonly TailRow[], { json }: TailFlags): void {
  const isTerminal = process.stdout.isTTY
  const text = rows.map(row => {
    if (json) return JSON.stringify(row)
    return isTerminal ? visible(row.line) : row.line
  })
  if (text.length > 0) process.stdout.write(`${text.join('\n')}\n`)
}

/** `5m` is so long ago. */
export function momentText(text: string): string {
  return /^\d+[smhd]$/.test(text) ? `now-${text}` : text
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value]
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('write a whole number from 1 on')
}
