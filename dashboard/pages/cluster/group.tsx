// One consumer group: its partitions and members, and for admins where it reads on, or its end.
import { useState } from 'react'
import { Link } from 'wouter'
import { navigate } from 'wouter/use-browser-location'
import type { GroupAnswer } from '../../../analytics/http/contract-cluster.ts'
import type { ConsumerGroup } from '../../../analytics/http/contract-groups.ts'
import { useApi } from '../../api.ts'
import { ActDialog, Field } from '../../panels/act-dialog.tsx'
import { type Column, DataTable } from '../../panels/data-table.tsx'
import { HostileText } from '../../panels/hostile-text.tsx'
import { Empty, Panel } from '../../panels/panel.tsx'
import { useIsAdmin } from '../../panels/use-admin.ts'
import { useParameter } from '../../url-state.ts'
import { clusterPath, messagesPath } from './cluster-path.ts'
import { deleteGroupCommand, type ResetTo, resetGroupCommand } from './commands.ts'
import { LagLine, lagTimeTitle, lagTimeWords, lagWords, trendWords, useGroups } from './group-words.tsx'

const membersEveryMs = 5_000

interface Row {
  readonly topic: string
  readonly partition: number
  readonly offset: string
  readonly end: string | null
  readonly lag: number | null
  readonly lagMs: number | null
  /** Of the group: where some of it is an estimate, all is marked as one. */
  readonly lagMsFrom: ConsumerGroup['lagMsFrom']
  readonly member: string | null
}

const columns: readonly Column<Row>[] = [
  {
    key: 'topic',
    label: 'Partition',
    weight: 2,
    by: row => `${row.topic} ${String(row.partition).padStart(6, '0')}`,
    cell: row => (
      <Link href={messagesPath(row.topic, row.partition, row.offset)}>
        <HostileText text={`${row.topic}-${row.partition}`} limit={249} />
      </Link>
    ),
  },
  { key: 'offset', label: 'Next offset', number: true, wide: true, cell: row => row.offset },
  { key: 'end', label: 'Log end', number: true, wide: true, cell: row => row.end ?? '–' },
  { key: 'lag', label: 'Lag', number: true, by: row => row.lag, cell: row => lagWords(row.lag) },
  {
    key: 'time',
    label: 'In time',
    number: true,
    by: row => row.lagMs,
    cell: row => lagTimeWords(row),
  },
  {
    key: 'member',
    label: 'Member',
    wide: true,
    weight: 2,
    by: row => row.member,
    cell: row => (row.member === null ? '–' : <HostileText text={row.member} limit={120} />),
  },
]

export function Group({ name }: { readonly name: string }) {
  const { answer, refusal, seq } = useGroups()
  const { data: detail } = useApi<GroupAnswer>(`/api/v1/groups/${encodeURIComponent(name)}`, membersEveryMs)
  const [sort, setSort] = useParameter('sort', '-lag')
  const group = answer?.groups.find(one => one.group === name)
  const owners = new Map(
    detail?.members.flatMap(one =>
      one.partitions.map(place => [place, `${one.client} ${one.host}`] as const),
    ),
  )
  const rows: Row[] = (group?.topics ?? []).flatMap(({ topic, partitions }) =>
    partitions.map(one => ({
      topic,
      ...one,
      lagMsFrom: group?.lagMsFrom ?? null,
      member: owners.get(`${topic}-${one.partition}`) ?? null,
    })),
  )
  const state = refusal ? 'refused' : answer === null ? 'loading' : group ? 'live' : 'empty'
  return (
    <Panel id="group" title="Group" state={state} seq={seq} tools={group && <GroupTools group={group} />}>
      <p className="cluster-name">
        <Link href={clusterPath('groups')}>Groups</Link>
        <span className="muted"> / </span>
        <b className="mono">
          <HostileText text={name} limit={249} />
        </b>
      </p>
      {state === 'empty' && (
        <Empty title="There is no such group now">
          <code>tailrace groups list</code>
        </Empty>
      )}
      {group && (
        <>
          <dl className="cluster-facts">
            <Fact name="State">{group.state}</Fact>
            <Fact name="Members">{group.members}</Fact>
            <Fact name="Lag">{lagWords(group.lag)}</Fact>
            <Fact name="In time">
              <span title={lagTimeTitle(group)}>{lagTimeWords(group)}</span>
            </Fact>
            <Fact name="Trend">
              <span className="lag-trend">
                <LagLine history={group.history} />
                {group.trend === null ? 'not yet' : trendWords[group.trend]}
              </span>
            </Fact>
          </dl>
          {rows.length === 0 ? (
            <Empty title="This group has committed nothing" />
          ) : (
            <DataTable
              label="Partitions of the group"
              columns={columns}
              rows={rows}
              keyOf={row => `${row.topic}-${row.partition}`}
              sort={sort}
              onSort={setSort}
            />
          )}
        </>
      )}
    </Panel>
  )
}

function Fact({ name, children }: { readonly name: string; readonly children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function GroupTools({ group }: { readonly group: ConsumerGroup }) {
  const isAdmin = useIsAdmin()
  const [open, setOpen] = useState<'reset' | 'delete' | null>(null)
  if (!isAdmin) return null
  const close = () => setOpen(null)
  return (
    <div className="cluster-tools">
      <button type="button" className="button" onClick={() => setOpen('reset')}>
        Reset
      </button>
      <button type="button" className="button danger" onClick={() => setOpen('delete')}>
        Delete
      </button>
      {open === 'reset' && <ResetGroup group={group} onClose={close} />}
      {open === 'delete' && (
        <ActDialog
          title="Delete group"
          command={deleteGroupCommand(group.group)}
          deed={{ method: 'DELETE', path: `/groups/${encodeURIComponent(group.group)}` }}
          verb="Delete group"
          confirm={group.group}
          onClose={close}
          onDone={() => navigate(clusterPath('groups'))}
        >
          <p>What it has committed is forgotten; the records stay.</p>
        </ActDialog>
      )}
    </div>
  )
}

function ResetGroup({ group, onClose }: { readonly group: ConsumerGroup; readonly onClose: () => void }) {
  const [topic, setTopic] = useState('')
  const [kind, setKind] = useState<'earliest' | 'latest' | 'time' | 'offset'>('latest')
  const [value, setValue] = useState('')
  const to = targetOf(kind, value.trim())
  const body = { ...(topic !== '' && { topic }), to }
  const path = `/groups/${encodeURIComponent(group.group)}/reset`
  return (
    <ActDialog
      title="Reset group"
      command={to && resetGroupCommand(group.group, topic, to)}
      deed={to && { method: 'POST', path, body }}
      verb="Reset"
      onClose={onClose}
      onDone={() => {}}
    >
      {group.members > 0 && (
        <p className="act-refused">
          The group has {group.members} {group.members === 1 ? 'member' : 'members'}, which would go on from
          where they are and commit over it. Stop them first: until then this is refused.
        </p>
      )}
      <Field label="Topic">
        <select value={topic} onChange={event => setTopic(event.target.value)}>
          <option value="">All that it has committed</option>
          {group.topics.map(one => (
            <option key={one.topic}>{one.topic}</option>
          ))}
        </select>
      </Field>
      <Field label="Where to">
        <select value={kind} onChange={event => setKind(event.target.value as typeof kind)}>
          <option value="earliest">The oldest record there is</option>
          <option value="latest">The end</option>
          <option value="time">A time</option>
          <option value="offset">An offset</option>
        </select>
      </Field>
      {kind === 'time' && (
        <Field label="Time" hint="2026-11-24T08:00:00Z">
          <input value={value} onChange={event => setValue(event.target.value)} />
        </Field>
      )}
      {kind === 'offset' && (
        <Field label="Offset">
          <input inputMode="numeric" value={value} onChange={event => setValue(event.target.value)} />
        </Field>
      )}
    </ActDialog>
  )
}

function targetOf(kind: string, value: string): ResetTo | null {
  if (kind === 'earliest' || kind === 'latest') return kind
  if (kind === 'offset') return /^\d{1,15}$/.test(value) ? { offset: value } : null
  return Number.isNaN(Date.parse(value)) ? null : { time: value }
}
