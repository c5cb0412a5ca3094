// Answers as tables, for CSV and NDJSON: one line per row of the answer, or per point of a series. Pure.
import type {
  LossesAnswer,
  QueryAnswer,
  SeriesAnswer,
  StatsAnswer,
  StatsRow,
  TopAnswer,
} from '../http/contract.ts'
import { visitTables } from './visit-tables.ts'

export type Cell = string | number | null

export interface Table {
  readonly columns: readonly string[]
  readonly rows: Iterable<readonly Cell[]>
}

export const formats = ['json', 'csv', 'ndjson'] as const
export type Format = (typeof formats)[number]

export const tables = {
  stats: statsTable,
  series: seriesTable,
  top: topTable,
  query: queryTable,
  losses: lossesTable,
  ...visitTables,
} as const

export function isTable(question: string): question is keyof typeof tables {
  return Object.hasOwn(tables, question)
}

export function bodyOf(question: string, answer: unknown, format: Format): string {
  if (format === 'json' || !isTable(question)) return JSON.stringify(answer)
  const table = tables[question](answer as never)
  return format === 'csv' ? csvText(table) : ndjsonText(table)
}

function statsTable({ rows }: StatsAnswer): Table {
  const [first] = rows
  if (!first) return { columns: [], rows: [] }
  const labels = Object.keys(first.labels)
  const values = Object.keys(first.values)
  const compared: (readonly [string, (row: StatsRow, name: string) => Cell])[] = first.previous
    ? [
        ['previous_', (row, name) => row.previous?.[name] ?? null],
        ['change_percent_', (row, name) => row.change?.[name]?.percent ?? null],
      ]
    : []
  return {
    columns: [...labels, ...values, ...compared.flatMap(([prefix]) => values.map(name => prefix + name))],
    rows: rows.map(row => [
      ...labels.map(name => row.labels[name] ?? ''),
      ...values.map(name => row.values[name] ?? null),
      ...compared.flatMap(([, cell]) => values.map(name => cell(row, name))),
    ]),
  }
}

function seriesTable({ times, series }: SeriesAnswer): Table {
  const [first] = series
  const labels = Object.keys(first?.labels ?? {})
  const values = Object.keys(first?.values ?? {})
  const previous = first?.previous ? values.map(name => `previous_${name}`) : []
  function* points(): Iterable<Cell[]> {
    for (const one of series) {
      for (const [at, time] of times.entries()) {
        yield [
          new Date(time).toISOString(),
          ...labels.map(name => one.labels[name] ?? ''),
          ...values.map(name => one.values[name]?.[at] ?? null),
          ...(one.previous ? values.map(name => one.previous?.[name]?.[at] ?? null) : []),
        ]
      }
    }
  }
  return { columns: ['time', ...labels, ...values, ...previous], rows: points() }
}

function topTable({ dimension, metric, rows, previousWindow }: TopAnswer): Table {
  const isCompared = previousWindow !== undefined
  return {
    columns: [dimension, metric, 'share', ...(isCompared ? ['previous', 'change_percent'] : [])],
    rows: rows.map(({ value, count, share, previous, change }) => [
      value,
      count,
      share,
      ...(isCompared ? [previous ?? null, change?.percent ?? null] : []),
    ]),
  }
}

function queryTable({ results, query }: QueryAnswer): Table {
  const dimensions = query['dimensions'] as string[]
  const metrics = query['metrics'] as string[]
  const isCompared = results[0]?.comparison !== undefined
  const compared = isCompared ? metrics.flatMap(name => [`previous_${name}`, `change_percent_${name}`]) : []
  return {
    columns: [...dimensions, ...metrics, ...compared],
    rows: results.map(row => [
      ...row.dimensions,
      ...row.metrics,
      ...(row.comparison?.metrics.flatMap((was, at) => [was, row.comparison?.change[at]?.percent ?? null]) ??
        []),
    ]),
  }
}

function lossesTable({ entries }: LossesAnswer): Table {
  return {
    columns: ['at', 'reason', 'source', 'from', 'to', 'lines', 'detail'],
    rows: entries.map(({ at, reason, source, from, to, lines, detail }) => {
      return [new Date(at).toISOString(), reason, source, from, to, lines, detail]
    }),
  }
}

export function csvText({ columns, rows }: Table): string {
  let text = `${columns.map(csvCell).join(',')}\r\n`
  for (const row of rows) text += `${row.map(csvCell).join(',')}\r\n`
  return text
}

/**
 * Lines are written by strangers, and a spreadsheet takes a cell that begins with one of these for a formula: an
 * apostrophe before it makes it text. Numbers of ours are numbers.
 */
const formulaStart = /^[=+\-@\t\r]/

function csvCell(cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell === 'number') return String(cell)
  const safe = formulaStart.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

export function ndjsonText({ columns, rows }: Table): string {
  let text = ''
  for (const row of rows) {
    text += `${JSON.stringify(Object.fromEntries(columns.map((name, at) => [name, row[at] ?? null])))}\n`
  }
  return text
}
