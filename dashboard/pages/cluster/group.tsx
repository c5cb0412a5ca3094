// One consumer group: its partitions and members, and for admins where it reads on, or its end.
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { Link } from 'wouter'
import { navigate } from 'wouter/use-browser-location'
import type { GroupAnswer, GroupResetAnswer } from '../../../analytics/http/contract-cluster.ts'
import type { ConsumerGroup } from '../../../analytics/http/contract-groups.ts'
import { type ApiError, act, useApi } from '../../api.ts'
import { counted } from '../../format.ts'
import { ActDialog, Field } from '../../panels/act-dialog.tsx'
import { type Column, DataTable } from '../../panels/data-table.tsx'
import { HostileText } from '../../panels/hostile-text.tsx'
import { Empty, Panel } from '../../panels/panel.tsx'
import { useIsAdmin } from '../../panels/use-admin.ts'
import { useParameter } from '../../url-state.ts'
import { clusterPath, messagesPath } from './cluster-path.ts'
import { deleteGroupCommand, movedWords, type ResetTo, resetGroupCommand } from './commands.ts'
import {
  isUnknown,
  LagLine,
  lagTimeTitle,
  lagTimeWords,
  lagWords,
  trendWords,
  useGroups,
} from './group-words.tsx'

const membersEveryMs = 5_000
/** So long nothing is typed before a preview is asked for: each is written down. */
const typingMs = 300

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
  const state = refusal ? 'refused' : isUnknown(answer) ? 'loading' : group ? 'live' : 'empty'
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
  const preview = useResetPreview(path, to && body)
  return (
    <ActDialog
      title="Reset group"
      command={to && resetGroupCommand(group.group, topic, to)}
      deed={to && preview.data && preview.data.moves.length > 0 ? { method: 'POST', path, body } : null}
      verb="Reset"
      onClose={onClose}
      onDone={() => {}}
    >
      {group.members > 0 && (
        <p className="act-refused">
          The group has {counted(group.members, 'member')}, which would go on from where they are and commit
          over it. Stop them first: until then this is refused.
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
      {to && <ResetPreview preview={preview} />}
    </ActDialog>
  )
}

interface Preview {
  readonly data: GroupResetAnswer | undefined
  readonly error: ApiError | null
}

/** Asked for as nothing else but a dry run: what is shown is what the server would do. */
function useResetPreview(path: string, body: object | null): Preview {
  const wish = JSON.stringify(body)
  const [settled, setSettled] = useState('')
  useEffect(() => {
    const timer = setTimeout(() => setSettled(wish), typingMs)
    return () => clearTimeout(timer)
  }, [wish])
  const { data, error, isPlaceholderData } = useQuery<GroupResetAnswer, ApiError>({
    queryKey: ['reset', path, body],
    queryFn: () => act<GroupResetAnswer>('POST', `/api/v1${path}`, { ...body, dryRun: true }),
    enabled: body !== null && settled === wish,
  })
  const isOfThis = settled === wish && !isPlaceholderData
  return isOfThis ? { data: error ? undefined : data, error } : { data: undefined, error: null }
}

function ResetPreview({ preview: { data, error } }: { readonly preview: Preview }) {
  if (error) {
    return (
      <p className="act-refused" role="alert">
        {error.message}
      </p>
    )
  }
  if (!data) return <p className="muted">Asking what would move …</p>
  if (data.moves.length === 0) return <p className="muted">Nothing would move.</p>
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard.
    <section className="reset-preview" tabIndex={0} aria-label="What would move">
      <table>
        <thead>
          <tr>
            <th scope="col">Partition</th>
            <th scope="col">Now</th>
            <th scope="col">Then</th>
            <th scope="col">Records</th>
          </tr>
        </thead>
        <tbody>
          {data.moves.map(({ topic, partition, from, to }) => (
            <tr key={`${topic}-${partition}`} data-moves={from !== to}>
              <th scope="row" className="mono">
                <HostileText text={`${topic}-${partition}`} limit={120} />
              </th>
              <td>{from ?? '–'}</td>
              <td>{to}</td>
              <td>{movedWords(from, to)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function targetOf(kind: string, value: string): ResetTo | null {
  if (kind === 'earliest' || kind === 'latest') return kind
  if (kind === 'offset') return /^\d{1,15}$/.test(value) ? { offset: value } : null
  return Number.isNaN(Date.parse(value)) ? null : { time: value }
}
