// `tailrace query`: a statistic by name, or a PromQL expression, from the command line. Asks the running server over
// HTTP; standard output is data, as a table, JSON or CSV.
import type { Command } from 'commander'
import type { StatsAnswer } from '../analytics/http/contract.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { callServer, requestServer } from './login-link.ts'

export interface Server {
  readonly origin: string
  readonly tokenPath: string
}

export interface QueryFlags {
  readonly window?: string
  readonly by?: string
  readonly filter?: readonly string[]
  readonly json?: boolean
  readonly csv?: boolean
}

export function addQueryCommand<Flags>(
  command: Command,
  withShared: (command: Command) => Command,
  serverOf: (flags: Flags) => Server,
): void {
  withShared(command)
    .description('answer a statistic (requests) or a PromQL expression (rate(tailrace_requests_total[5m]))')
    .argument('<expression>', 'a metric’s name, or PromQL')
    .option('--window <time>', 'of a metric: how far back, 5m, 1h, 7d', '5m')
    .option('--by <dimension>', 'of a metric: broken down by path, status and so on')
    .option('--filter <dimension:value>', 'of a metric: only these; repeat for more', collect, [])
    .option('--json', 'the answer as the server gives it')
    .option('--csv', 'as CSV')
    .action(async (expression: string, flags: Flags & QueryFlags) => {
      process.stdout.write(await queryText(serverOf(flags), expression, flags))
    })
}

function collect(value: string, before: string[]): string[] {
  return [...before, value]
}

export async function queryText(server: Server, expression: string, flags: QueryFlags): Promise<string> {
  if (flags.json && flags.csv) throw new ExitError(exitCodes.usage, 'Choose one of --json and --csv')
  return /^[a-z_][a-z0-9_]*$/.test(expression) && !expression.startsWith('tailrace_')
    ? statistic(server, expression, flags)
    : prometheus(server, expression, flags)
}

async function statistic({ origin, tokenPath }: Server, metric: string, flags: QueryFlags): Promise<string> {
  const parameters = new URLSearchParams({ window: flags.window ?? '5m' })
  if (flags.by !== undefined) parameters.set('by', flags.by)
  for (const filter of flags.filter ?? []) parameters.append('filter', filter)
  if (flags.csv) parameters.set('format', 'csv')
  const response = await requestServer(origin, tokenPath, `/api/v1/stats/${metric}?${parameters}`, 'GET')
  const text = await response.text()
  if (flags.csv) return text
  if (flags.json) return `${text}\n`
  const { rows } = JSON.parse(text) as StatsAnswer
  const [first] = rows
  if (!first) return 'nothing was counted\n'
  const columns = [...Object.keys(first.labels), ...Object.keys(first.values)]
  return tableText(
    columns,
    rows.map(row => [...Object.values(row.labels), ...Object.values(row.values).map(shownNumber)]),
  )
}

interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value?: readonly [number, string]
  readonly values?: readonly (readonly [number, string])[]
}

async function prometheus({ origin, tokenPath }: Server, query: string, flags: QueryFlags): Promise<string> {
  const path = `/prometheus/api/v1/query?${new URLSearchParams({ query })}`
  const answer = (await callServer(origin, tokenPath, path, 'GET')) as {
    data: { resultType: string; result: readonly Sample[] | readonly [number, string] }
  }
  if (flags.json) return `${JSON.stringify(answer.data)}\n`
  const { resultType, result } = answer.data
  if (resultType === 'scalar' || resultType === 'string')
    return `${(result as readonly [number, string])[1]}\n`
  const samples = result as readonly Sample[]
  const names = [...new Set(samples.flatMap(sample => Object.keys(sample.metric)))].sort()
  const rows = samples.flatMap(sample =>
    (sample.values ?? [sample.value!]).map(([time, value]) => [
      ...(sample.values ? [new Date(time * 1000).toISOString()] : []),
      ...names.map(name => sample.metric[name] ?? ''),
      value,
    ]),
  )
  const columns = [...(resultType === 'matrix' ? ['time'] : []), ...names, 'value']
  if (flags.csv) return csvLines([columns, ...rows])
  return rows.length === 0 ? 'nothing matches\n' : tableText(columns, rows)
}

/** Columns side by side, the last ones flush right where they are numbers. */
export function tableText(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const plain = rows.map(row => row.map(printable))
  const widths = columns.map((name, at) => Math.max(name.length, ...plain.map(row => (row[at] ?? '').length)))
  const isNumber = columns.map((_name, at) =>
    plain.every(row => /^[-–\d.]/.test(row[at] ?? '') || row[at] === ''),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => (isNumber[at] ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)))
      .join('  ')
      .trimEnd()
  return `${[columns, ...plain].map(line).join('\n')}\n`
}

/** Text of strangers does not steer a terminal. */
function printable(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '�')
}

function shownNumber(value: number | null): string {
  if (value === null) return '–'
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)))
}

export function csvLines(rows: readonly (readonly string[])[]): string {
  const cell = (text: string) => {
    const isNumber = text !== '' && Number.isFinite(Number(text))
    const safe = !isNumber && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
  }
  return rows.map(row => `${row.map(cell).join(',')}\r\n`).join('')
}
