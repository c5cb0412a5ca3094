// The fleet: each agent's host, rate, and how far behind the end of its files it is; a row opens onto its files. Hosts
// are added and removed here.
import { useMemo, useState } from 'react'
import type { MeAnswer } from '../../../analytics/http/contract.ts'
import type { EnrolledAnswer } from '../../../analytics/http/contract-agents.ts'
import { useApi } from '../../api.ts'
import { formatAge, formatBytes, formatRate, inWords } from '../../format.ts'
import { Shape } from '../../icons.tsx'
import { useLive, useSubscription } from '../../page-context.ts'
import { type Column, DataTable } from '../../panels/data-table.tsx'
import { HostileText } from '../../panels/hostile-text.tsx'
import { Empty, Panel } from '../../panels/panel.tsx'
import { useParameter } from '../../url-state.ts'
import { AddAgent } from './add-agent.tsx'
import { AgentFiles } from './agent-files.tsx'
import { type AgentRow, agentRows, versionOf } from './agent-rows.ts'
import { durationWords } from './agent-words.ts'
import './agents.css'

const noArguments = {}
const enrolledEveryMs = 5_000
const standings = {
  live: ['ok', 'dot', 'Live'],
  failing: ['warn', 'triangle', 'Errors'],
  silent: ['critical', 'cross', 'Silent'],
  awaited: ['calm', 'ring', 'Awaited'],
  removed: ['calm', 'ring', 'Removed'],
} as const
const order = { silent: 0, failing: 1, awaited: 2, live: 3, removed: 4 } as const
const nobody: EnrolledAnswer = { agents: [], removed: [] }

function columnsOf(nowMs: number): readonly Column<AgentRow>[] {
  return [
    {
      key: 'host',
      label: 'Host',
      weight: 2,
      by: row => row.name,
      cell: row => <HostileText text={row.name} limit={100} />,
    },
    {
      key: 'state',
      label: 'State',
      weight: 1.2,
      by: row => order[row.standing],
      cell: row => <Standing row={row} nowMs={nowMs} />,
    },
    {
      key: 'version',
      label: 'Version',
      wide: true,
      by: row => row.status?.version ?? null,
      cell: row => (
        <>
          <HostileText text={row.status?.version ?? '–'} limit={30} />
          {row.outdated && <span className="outdated"> outdated</span>}
        </>
      ),
    },
    {
      key: 'rate',
      label: 'Lines/s',
      number: true,
      wide: true,
      by: row => row.status?.linesPerSecond ?? null,
      cell: row => (row.status ? formatRate(row.status.linesPerSecond) : '–'),
    },
    {
      key: 'behind',
      label: 'Behind',
      number: true,
      by: row => row.status?.bytesBehind ?? null,
      cell: row => (row.status ? inWords(formatBytes(row.status.bytesBehind)) : '–'),
    },
    {
      key: 'time',
      label: 'For',
      number: true,
      wide: true,
      by: row => row.status?.behindMs ?? null,
      cell: row => durationWords(row.status?.behindMs ?? null),
    },
    {
      key: 'file',
      label: 'Furthest behind',
      wide: true,
      weight: 2.4,
      cell: row => {
        const { bytesBehind = 0, worstFile = null } = row.status ?? {}
        return bytesBehind > 0 && worstFile ? <HostileText text={worstFile} limit={200} /> : '–'
      },
    },
    {
      key: 'files',
      label: 'Files',
      number: true,
      wide: true,
      by: row => row.status?.files ?? null,
      cell: row => row.status?.files ?? '–',
    },
    {
      key: 'credentials',
      label: 'Joined by',
      wide: true,
      weight: 1.2,
      by: row => (row.enrolled ? 0 : 1),
      cell: row => (row.enrolled ? 'own password' : <span className="muted">this network</span>),
    },
  ]
}

function Standing({ row, nowMs }: { readonly row: AgentRow; readonly nowMs: number }) {
  const [tone, shape, word] = standings[row.standing]
  const age = row.status ? formatAge(nowMs - row.status.lastSeen) : 'no hello yet'
  return (
    <span className="status" data-tone={tone} title={`last heard of ${age} ago`}>
      <Shape name={shape} />
      {word}
      {row.standing === 'silent' && <span className="muted"> {age}</span>}
    </span>
  )
}

export function PageView() {
  const { data, refusal, seq } = useSubscription('agents', noArguments)
  const { data: me } = useApi<MeAnswer>('/api/v1/me')
  const isAdmin = me?.role === 'admin'
  const enrolled = useApi<EnrolledAnswer>(isAdmin ? '/api/v1/agents/enrolled' : null, enrolledEveryMs)
  const clockMs = useLive(state => state.clockMs)
  const [sort, setSort] = useParameter('sort', '-behind')
  const [query, setQuery] = useParameter('q', '', 'replace')
  const [open, setOpen] = useParameter('agent')
  const [adding, setAdding] = useState(false)
  const agents = data?.kind === 'agents' ? data.agents.agents : null
  const version = versionOf(me?.build ?? '')
  const rows = useMemo(
    () => agentRows(agents ?? [], enrolled.data ?? nobody, version, clockMs),
    [agents, enrolled.data, version, clockMs],
  )
  const shown = useMemo(() => {
    const wanted = query.toLowerCase()
    return rows.filter(({ name, status }) => `${name} ${status?.host ?? ''}`.toLowerCase().includes(wanted))
  }, [rows, query])
  // Who has joined is told to admins alone.
  const columns = useMemo(
    () => columnsOf(clockMs).filter(({ key }) => isAdmin || key !== 'credentials'),
    [clockMs, isAdmin],
  )
  const live = rows.filter(({ standing }) => standing === 'live' || standing === 'failing').length
  const state = refusal ? 'refused' : agents === null ? 'loading' : rows.length === 0 ? 'empty' : 'live'
  const opened = rows.find(({ id }) => id === open)
  return (
    <>
      <Panel
        id="agents"
        className="agents-panel"
        title="Agents"
        unit={agents ? `${live} of ${rows.length} live` : ''}
        state={state}
        seq={seq}
        tools={
          <div className="cluster-tools">
            <input
              type="search"
              placeholder="Search hosts"
              aria-label="Search hosts"
              value={query}
              onChange={event => setQuery(event.target.value)}
            />
            {isAdmin && (
              <button type="button" className="button primary" onClick={() => setAdding(true)}>
                Add agent
              </button>
            )}
          </div>
        }
      >
        {refusal && <Empty title="Agents cannot be shown">{refusal}</Empty>}
        {state === 'empty' && (
          <Empty title="No agent has said hello yet">
            <p>Every host that reads files for this appliance is shown here. Print a line to paste on one:</p>
            <code>tailrace agents add --name web-1</code>
          </Empty>
        )}
        {state === 'live' && shown.length === 0 && <Empty title={`No host contains “${query}”`} />}
        {shown.length > 0 && (
          <DataTable
            label="Agents"
            columns={columns}
            rows={shown}
            keyOf={row => row.id}
            sort={sort}
            onSort={setSort}
            onOpen={row => setOpen(row.id === open ? '' : row.id)}
            openKey={open}
            tone={row =>
              row.standing === 'silent' ? 'critical' : row.standing === 'failing' ? 'warn' : undefined
            }
          />
        )}
      </Panel>
      {opened && (
        <AgentFiles row={opened} isAdmin={isAdmin} onRemoved={enrolled.ask} onClose={() => setOpen('')} />
      )}
      {adding && <AddAgent rows={rows} onClose={() => setAdding(false)} />}
    </>
  )
}
