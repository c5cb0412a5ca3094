// One frame of `tailrace top`: what is known, and how it is looked at, become lines that fit the terminal. Pure;
// text of strangers is shown, never sent as it is.
import type { AgentsAnswer, ClusterState, Overview, TopAnswer } from '../analytics/http/contract.ts'
import type { GroupsAnswer } from '../analytics/http/contract-groups.ts'
import { bytesText } from './cluster-status.ts'
import { visible } from './visible.ts'

/** Null until it was told. */
export interface TopState {
  readonly overview: Overview | null
  readonly cluster: ClusterState | null
  readonly agents: AgentsAnswer | null
  readonly groups: GroupsAnswer | null
  readonly top: TopAnswer | null
  /** Why nothing new comes just now. */
  readonly trouble: string | null
}

export interface TopView {
  readonly columns: number
  readonly rows: number
  readonly sort: number
  readonly filter: string
  /** Being typed. */
  readonly isFiltering: boolean
  readonly isHelp: boolean
  readonly isColoured: boolean
}

export const columnsMin = 80

const sorts = [
  'agents by host',
  'agents by rate',
  'agents by bytes behind',
  'paths by count',
  'paths by name',
  'groups by lag',
  'groups by name',
  'brokers by number',
  'brokers by disk',
] as const

interface Table {
  readonly title: string
  readonly columns: readonly string[]
  /** Cells, and whether something is wrong. */
  readonly rows: readonly { readonly cells: readonly string[]; readonly isBad: boolean }[]
}

export function topFrame(state: TopState, view: TopView, nowMs: number): string[] {
  const { columns, rows } = view
  if (columns < columnsMin) {
    const ask = [
      `This needs ${columnsMin} columns, and there are ${columns}.`,
      'Make the window wider, or use --once --json.',
    ]
    return ask.slice(0, rows).map(line => line.slice(0, columns))
  }
  const head = [headline(state, view, nowMs), ...numbers(state), '']
  const foot = footer(state, view)
  const body = view.isHelp ? helpLines() : tables(state, view, rows - head.length - 1)
  return [...head, ...body, foot].slice(0, rows)
}

function headline({ cluster, trouble }: TopState, view: TopView, nowMs: number): string {
  const isWell = cluster?.healthy === true
  const up = cluster?.brokers.filter(broker => broker.up).length ?? 0
  const state = cluster
    ? `${isWell ? 'healthy' : 'NOT HEALTHY'}, ${up} of ${cluster.brokers.length} brokers`
    : 'waiting'
  const left = `tailrace top  ${trouble ? `stale: ${visible(trouble)}` : state}`
  const time = `${new Date(nowMs).toISOString().slice(11, 19)}Z`
  const line = `${left.slice(0, view.columns - time.length - 2).padEnd(view.columns - time.length)}${time}`
  return painted(line, isWell && !trouble ? 'bold' : 'bad', view)
}

function numbers({ overview }: TopState): string[] {
  const of = (value: number | null | undefined, digits = 1) => (value == null ? '–' : value.toFixed(digits))
  const share = overview?.errorRatio == null ? '–' : `${(overview.errorRatio * 100).toFixed(2)} %`
  const agents = overview ? `${overview.agents.live} of ${overview.agents.seen}` : '–'
  return [
    `lines ${of(overview?.linesPerSecond)}/s   requests ${of(overview?.requestsPerSecond)}/s   errors ${share}` +
      `   p95 ${of(overview?.latencyP95Ms, 0)} ms`,
    `lag ${of(overview?.lagP50Ms, 0)} / ${of(overview?.lagP95Ms, 0)} ms   users ${of(overview?.activeUsers5m, 0)}` +
      `   agents ${agents}   losses ${overview?.lossesTotal ?? '–'} lines`,
  ]
}

function tables(state: TopState, view: TopView, height: number): string[] {
  const all = [
    agentsTable(state, view.sort),
    pathsTable(state, view.sort),
    groupsTable(state, view.sort),
    brokersTable(state, view.sort),
  ]
  const filtered = all.map(table => ({
    ...table,
    rows: table.rows.filter(({ cells }) =>
      cells.some(cell => cell.toLowerCase().includes(view.filter.toLowerCase())),
    ),
  }))
  // Each has its title and a blank line; what is left is shared, and who needs less leaves it to the others.
  const shown = shares(
    filtered.map(table => table.rows.length),
    height - filtered.length * 2,
  )
  const lines = filtered.flatMap((table, at) =>
    tableLines({ ...table, rows: table.rows.slice(0, shown[at]) }, table.rows.length, view),
  )
  while (lines.length < height) lines.push('')
  return lines.slice(0, height)
}

/** One row after another, to each in turn that wants more. */
function shares(wanted: readonly number[], height: number): number[] {
  const given = wanted.map(() => 0)
  for (let left = height; left > 0; ) {
    const hungry = wanted.flatMap((rows, at) => (given[at]! < rows ? [at] : []))
    if (hungry.length === 0) break
    for (const at of hungry.slice(0, left)) given[at]!++
    left -= hungry.length
  }
  return given
}

function tableLines(table: Table, total: number, view: TopView): string[] {
  const count = total > table.rows.length ? ` (${table.rows.length} of ${total})` : ''
  const [first, ...others] = table.columns
  const widths = others.map((name, at) =>
    Math.max(name.length, ...table.rows.map(({ cells }) => cells[at + 1]!.length)),
  )
  const firstWidth = view.columns - widths.reduce((sum, width) => sum + width + 2, 0)
  const line = (cells: readonly string[]) => {
    const [name = '', ...rest] = cells
    const cut = name.length > firstWidth ? `${name.slice(0, firstWidth - 1)}…` : name.padEnd(firstWidth)
    return `${cut}${rest.map((cell, at) => `  ${cell.padStart(widths[at]!)}`).join('')}`.slice(
      0,
      view.columns,
    )
  }
  return [
    painted(line([`${table.title}${count}  ${first}`, ...others]), 'bold', view),
    ...table.rows.map(({ cells, isBad }) => painted(line(cells), isBad ? 'bad' : 'plain', view)),
    '',
  ]
}

function agentsTable({ agents }: TopState, sort: number): Table {
  const rows = [...(agents?.agents ?? [])].sort((one, other) => {
    if (sort === 2) return other.linesPerSecond - one.linesPerSecond
    if (sort === 3) return other.bytesBehind - one.bytesBehind
    return one.host.localeCompare(other.host)
  })
  return {
    title: 'AGENTS',
    columns: ['host', 'lines/s', 'files', 'behind', 'errors'],
    rows: rows.map(({ host, linesPerSecond, files, bytesBehind, errors }) => ({
      cells: [
        visible(host),
        linesPerSecond.toFixed(1),
        String(files),
        bytesText(bytesBehind),
        String(errors.length),
      ],
      isBad: errors.length > 0,
    })),
  }
}

function pathsTable({ top }: TopState, sort: number): Table {
  const rows = [...(top?.rows ?? [])].sort((one, other) =>
    sort === 5 ? one.value.localeCompare(other.value) : other.count - one.count,
  )
  return {
    title: 'TOP PATHS',
    columns: ['5 minutes', 'requests', 'share'],
    rows: rows.map(({ value, count, share }) => ({
      cells: [visible(value), String(count), `${(share * 100).toFixed(1)} %`],
      isBad: false,
    })),
  }
}

function groupsTable({ groups }: TopState, sort: number): Table {
  const rows = [...(groups?.groups ?? [])].sort((one, other) =>
    sort === 7 ? one.group.localeCompare(other.group) : (other.lag ?? 0) - (one.lag ?? 0),
  )
  return {
    title: 'GROUPS',
    columns: ['', 'state', 'members', 'lag', 'behind', 'trend'],
    rows: rows.map(({ group, state, members, lag, lagMs, trend }) => ({
      cells: [
        ...[visible(group), visible(state), String(members), lag === null ? '–' : String(lag)],
        ...[lagMs === null ? '–' : `${(lagMs / 1_000).toFixed(0)} s`, trend ?? '–'],
      ],
      isBad: trend === 'up',
    })),
  }
}

function brokersTable({ cluster }: TopState, sort: number): Table {
  const rows = [...(cluster?.brokers ?? [])].sort((one, other) =>
    sort === 9 ? (other.diskBytes ?? 0) - (one.diskBytes ?? 0) : one.id - other.id,
  )
  return {
    title: 'BROKERS',
    columns: ['', 'state', 'leads', 'in sync', 'disk', 'free'],
    rows: rows.map(({ id, host, port, up, leaders, replicas, inSync, diskBytes, diskFreeBytes }) => ({
      cells: [
        ...[
          `${id}  ${visible(host)}:${port}`,
          up ? 'up' : 'DOWN',
          String(leaders),
          `${inSync} of ${replicas}`,
        ],
        ...[diskBytes, diskFreeBytes].map(bytes => (bytes === null ? '–' : bytesText(bytes))),
      ],
      isBad: !up || inSync < replicas,
    })),
  }
}

function helpLines(): string[] {
  const keys = sorts.map((what, at) => `  ${at + 1}  sort ${what}`)
  return [
    'Keys',
    ...keys,
    '  /  show only rows that contain a text; Esc shows all',
    '  ?  this help',
    '  q  end',
    '',
  ]
}

function footer({ trouble }: TopState, view: TopView): string {
  const { sort, filter, isFiltering, columns } = view
  if (isFiltering) return `/${visible(filter)}_`.slice(0, columns)
  const kept = filter === '' ? '' : `   /${visible(filter)}`
  const words = `? help   1–9 sort (${sorts[sort - 1] ?? 'as is'})   / filter   q quit${kept}`
  return painted(words.slice(0, columns), trouble ? 'plain' : 'dim', view)
}

const codes = { bold: '\x1b[1m', bad: '\x1b[31m', dim: '\x1b[2m', plain: '' } as const

function painted(line: string, how: keyof typeof codes, { isColoured }: TopView): string {
  return isColoured && codes[how] !== '' ? `${codes[how]}${line}\x1b[0m` : line
}

/** What a key does to the view; null to end. */
export function afterKey(view: TopView, key: string): TopView | null {
  if (key === '\x03') return null
  if (view.isFiltering) {
    if (key === '\r' || key === '\n') return { ...view, isFiltering: false }
    if (key === '\x1b') return { ...view, isFiltering: false, filter: '' }
    if (key === '\x7f' || key === '\b') return { ...view, filter: view.filter.slice(0, -1) }
    return /^[^\u0000-\u001f\u007f]+$/.test(key)
      ? { ...view, filter: (view.filter + key).slice(0, 64) }
      : view
  }
  if (key === 'q') return null
  if (key === '/') return { ...view, isFiltering: true, isHelp: false }
  if (key === '?') return { ...view, isHelp: !view.isHelp }
  if (key === '\x1b') return { ...view, isHelp: false, filter: '' }
  return /^[1-9]$/.test(key) ? { ...view, sort: Number(key), isHelp: false } : view
}
