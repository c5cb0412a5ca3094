// `tailrace report`: the last whole day or week for somebody who reads once in a while: headlines against the period
// before, and what counted most. Days and weeks are the site's; asks the running server, keeps nothing.
import { type Command, Option } from 'commander'
import type { QueryAnswer } from '../analytics/http/contract.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { callServer } from './login-link.ts'
import { csvLines, type Server } from './query.ts'

export type Period = 'day' | 'week'

export interface ReportRow {
  readonly section: string
  readonly name: string
  readonly value: number | null
  readonly previous: number | null
  readonly changePercent: number | null
}

export interface Report {
  readonly period: Period
  /** First and last date. */
  readonly from: string
  readonly to: string
  readonly rows: readonly ReportRow[]
}

/** What is not kept, or not known of these visitors, is left out. */
const headlines = [
  'lines',
  'unparsed',
  'requests',
  'errors',
  'client_errors',
  'error_rate',
  'bytes',
  'latency.p50',
  'latency.p95',
  'apdex',
  'events',
  'pageviews',
  'active_users',
  'visits',
  'bounce_rate',
  'views_per_visit',
] as const

const tops = [
  ['top pages', 'pageviews', 'path'],
  ['top paths', 'requests', 'path'],
  ['top referrers', 'requests', 'referrer'],
  ['statuses', 'requests', 'status'],
  ['failing paths', 'errors', 'path'],
  ['top events', 'events', 'event'],
] as const

interface ReportFlags {
  readonly period: Period
  readonly format: 'csv' | 'json'
  readonly json?: boolean
}

export function addReportCommand<Flags>(
  command: Command,
  withShared: (command: Command) => Command,
  serverOf: (flags: Flags) => Server,
): void {
  withShared(command)
    .description('the last whole day or week: headlines against the one before, and what counted most')
    .addOption(new Option('--period <period>', 'how long').choices(['day', 'week']).default('day'))
    .addOption(new Option('--format <format>', 'how it is written').choices(['csv', 'json']).default('csv'))
    .option('--json', 'the same as --format json')
    .action(async (flags: Flags & ReportFlags) => {
      const report = await makeReport(serverOf(flags), flags.period)
      process.stdout.write(
        flags.json || flags.format === 'json' ? `${JSON.stringify(report)}\n` : reportCsv(report),
      )
    })
}

export async function makeReport(server: Server, period: Period): Promise<Report> {
  const ask = (body: object) => askQuery(server, body)
  const today = await ask({ metrics: ['lines'], date_range: 'day' })
  const [start] = today!.query['date_range'] as [string, string]
  const { from, to } = lastWhole(period, start.slice(0, 10))
  const base = { date_range: [from, to], include: { comparisons: { mode: 'previous_period' } } }
  const rows: ReportRow[] = []
  for (const metric of headlines) {
    const answer = await ask({ ...base, metrics: [metric] })
    const row = answer?.results[0]
    if (row) rows.push(reportRow('headlines', metric, row))
  }
  for (const [section, metric, dimension] of tops) {
    const answer = await ask({
      ...base,
      metrics: [metric],
      dimensions: [dimension],
      pagination: { limit: 10 },
    })
    for (const row of answer?.results ?? []) rows.push(reportRow(section, row.dimensions[0] ?? '', row))
  }
  return { period, from, to, rows }
}

/** Null where the server says that this is not kept. */
async function askQuery({ origin, tokenPath }: Server, body: object): Promise<QueryAnswer | null> {
  try {
    return (await callServer(origin, tokenPath, '/api/v1/query', 'POST', body)) as QueryAnswer
  } catch (error) {
    if (error instanceof ExitError && error.exitCode === exitCodes.usage) return null
    throw error
  }
}

function reportRow(section: string, name: string, row: QueryAnswer['results'][number]): ReportRow {
  const { comparison, metrics } = row
  return {
    section,
    name,
    value: metrics[0] ?? null,
    previous: comparison?.metrics[0] ?? null,
    changePercent: comparison?.change[0]?.percent ?? null,
  }
}

/** The last day or week (from Monday) that is over, by today's date. */
export function lastWhole(period: Period, today: string): { readonly from: string; readonly to: string } {
  const dayMs = 86_400_000
  const midnight = Date.parse(`${today}T00:00:00Z`)
  const weekday = (new Date(midnight).getUTCDay() + 6) % 7
  const end = period === 'day' ? midnight - dayMs : midnight - (weekday + 1) * dayMs
  const text = (timeMs: number) => new Date(timeMs).toISOString().slice(0, 10)
  return { from: text(period === 'day' ? end : end - 6 * dayMs), to: text(end) }
}

export function reportCsv({ from, to, rows }: Report): string {
  const cell = (value: number | null) => (value === null ? '' : String(value))
  return csvLines([
    ['from', 'to', 'section', 'name', 'value', 'previous', 'change_percent'],
    ...rows.map(({ section, name, value, previous, changePercent }) => {
      return [from, to, section, name, cell(value), cell(previous), cell(changePercent)]
    }),
  ])
}
