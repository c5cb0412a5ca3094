// One topic: its partitions with their leaders, copies and offsets, its settings with what is set and what is default,
// and what an admin may do to it.
import { useState } from 'react'
import { Link } from 'wouter'
import { navigate } from 'wouter/use-browser-location'
import type { ClusterAnswer } from '../../../analytics/http/contract.ts'
import type {
  PartitionState,
  TopicConfig,
  TopicConfigsAnswer,
  TopicState,
} from '../../../analytics/http/contract-cluster.ts'
import { useApi } from '../../api.ts'
import { counted, formatCount } from '../../format.ts'
import { type Column, DataTable } from '../../panels/data-table.tsx'
import { HostileText } from '../../panels/hostile-text.tsx'
import { Empty, Panel } from '../../panels/panel.tsx'
import { useIsAdmin } from '../../panels/use-admin.ts'
import { useParameter } from '../../url-state.ts'
import { bytes } from './brokers.tsx'
import { clusterPath, messagesPath } from './cluster-path.ts'
import { AddPartitions, AlterConfig, DeleteRecords, DeleteTopic } from './topic-dialogs.tsx'
import { clusterEveryMs } from './topics.tsx'

const isLacking = ({ leader, isr, replicas }: PartitionState) => leader < 0 || isr.length < replicas.length

function columnsOf(topic: string): readonly Column<PartitionState>[] {
  return [
    {
      key: 'partition',
      label: 'Partition',
      by: one => one.partition,
      cell: one => <Link href={messagesPath(topic, one.partition)}>{one.partition}</Link>,
    },
    {
      key: 'leader',
      label: 'Leader',
      by: one => one.leader,
      cell: one =>
        one.leader < 0
          ? '✕ nobody'
          : `${one.leader}${one.leader === one.replicas[0] ? '' : ' (not preferred)'}`,
    },
    { key: 'replicas', label: 'Replicas', wide: true, cell: one => one.replicas.join(', ') },
    {
      key: 'isr',
      label: 'In sync',
      by: one => one.isr.length - one.replicas.length,
      cell: one => `${isLacking(one) ? '△ ' : ''}${one.isr.join(', ') || 'none'}`,
    },
    {
      key: 'start',
      label: 'Log start',
      number: true,
      wide: true,
      by: one => Number(one.logStartOffset),
      cell: one => one.logStartOffset,
    },
    {
      key: 'end',
      label: 'Log end',
      number: true,
      by: one => Number(one.highWatermark),
      cell: one => one.highWatermark,
    },
    {
      key: 'folded',
      label: 'Not counted yet',
      number: true,
      wide: true,
      by: one => (one.folded === null ? null : Number(one.highWatermark) - Number(one.folded)),
      cell: one =>
        one.folded === null ? '–' : formatCount(Math.max(0, Number(one.highWatermark) - Number(one.folded))),
    },
    { key: 'size', label: 'Size', number: true, by: one => one.sizeBytes, cell: one => bytes(one.sizeBytes) },
    {
      key: 'epoch',
      label: 'Epoch',
      number: true,
      wide: true,
      by: one => one.leaderEpoch,
      cell: one => one.leaderEpoch,
    },
  ]
}

export function Topic({ name }: { readonly name: string }) {
  const { data, error, ask } = useApi<ClusterAnswer>('/api/v1/cluster', clusterEveryMs)
  const [sort, setSort] = useParameter('sort', 'isr')
  const topic = data?.topics.find(one => one.name === name)
  const state = topic ? 'live' : data ? 'empty' : error ? 'refused' : 'loading'
  return (
    <>
      <Panel
        id="topic"
        title="Topic"
        unit=""
        state={state}
        tools={topic && <TopicTools topic={topic} ask={ask} />}
      >
        <p className="cluster-name">
          <Link href={clusterPath('topics')}>Topics</Link>
          <span className="muted"> / </span>
          <b className="mono">
            <HostileText text={name} limit={249} />
          </b>
          {topic && <span className="muted"> · {counted(topic.partitions.length, 'partition')}</span>}
        </p>
        {state === 'empty' && (
          <Empty title="There is no such topic">
            <code>tailrace topics list</code>
          </Empty>
        )}
        {topic && (
          <DataTable
            label="Partitions"
            columns={columnsOf(name)}
            rows={topic.partitions}
            keyOf={one => String(one.partition)}
            sort={sort}
            onSort={setSort}
            tone={one => (one.leader < 0 ? 'critical' : isLacking(one) ? 'warn' : undefined)}
          />
        )}
      </Panel>
      {topic && <Configs topic={name} />}
    </>
  )
}

function TopicTools({ topic, ask }: { readonly topic: TopicState; readonly ask: () => void }) {
  const isAdmin = useIsAdmin()
  const [open, setOpen] = useState<'partitions' | 'records' | 'delete' | null>(null)
  const shared = { onClose: () => setOpen(null), onDone: ask }
  return (
    <div className="cluster-tools">
      <Link className="button-link" href={messagesPath(topic.name, 0)}>
        Messages
      </Link>
      {isAdmin && (
        <>
          <button type="button" className="button" onClick={() => setOpen('partitions')}>
            Add partitions
          </button>
          <button type="button" className="button" onClick={() => setOpen('records')}>
            Delete records
          </button>
          <button type="button" className="button danger" onClick={() => setOpen('delete')}>
            Delete
          </button>
        </>
      )}
      {open === 'partitions' && <AddPartitions topic={topic} {...shared} />}
      {open === 'records' && <DeleteRecords topic={topic} {...shared} />}
      {open === 'delete' && (
        <DeleteTopic topic={topic.name} {...shared} onDone={() => navigate(clusterPath('topics'))} />
      )}
    </div>
  )
}

const sourceWords = { topic: 'set here', broker: 'set for brokers', default: 'default' } as const

function Configs({ topic }: { readonly topic: string }) {
  const { data, error, ask } = useApi<TopicConfigsAnswer>(
    `/api/v1/topics/${encodeURIComponent(topic)}/configs`,
  )
  const isAdmin = useIsAdmin()
  const [changing, setChanging] = useState<TopicConfig | null>(null)
  const configs = (data?.configs ?? []).toSorted((a, b) => rank(a) - rank(b))
  const own = configs.filter(({ source }) => source === 'topic').length
  return (
    <Panel
      id="configs"
      title="Settings"
      unit={data ? `${own} set here, ${configs.length - own} not` : ''}
      state={data ? 'live' : error ? 'refused' : 'loading'}
    >
      {error && <p className="act-refused">{error.message}</p>}
      <div className="config-list">
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Value</th>
              <th scope="col">From</th>
            </tr>
          </thead>
          <tbody>
            {configs.map(config => (
              <tr key={config.name} data-source={config.source}>
                <th scope="row" className="mono">
                  {isAdmin && !config.readOnly ? (
                    <button type="button" className="row-open mono" onClick={() => setChanging(config)}>
                      {config.name}
                    </button>
                  ) : (
                    config.name
                  )}
                </th>
                <td className="mono">
                  <HostileText text={config.value ?? '–'} limit={200} />
                </td>
                <td className={config.source === 'topic' ? '' : 'muted'}>{sourceWords[config.source]}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {changing && (
        <AlterConfig topic={topic} config={changing} onClose={() => setChanging(null)} onDone={ask} />
      )}
    </Panel>
  )
}

function rank({ source }: TopicConfig): number {
  return source === 'topic' ? 0 : source === 'broker' ? 1 : 2
}
