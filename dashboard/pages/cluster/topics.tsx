// All topics in one table, of one request: searched, sorted, as CSV, and a new one made.
import { useMemo, useState } from 'react'
import { navigate } from 'wouter/use-browser-location'
import type { ClusterAnswer } from '../../../analytics/http/contract.ts'
import { useApi } from '../../api.ts'
import { partitions } from '../../cluster-words.ts'
import { counted, formatCount, formatDuration, formatExact, formatRate, inWords } from '../../format.ts'
import { Icon } from '../../icons.tsx'
import { type Column, DataTable } from '../../panels/data-table.tsx'
import { HostileText } from '../../panels/hostile-text.tsx'
import { Empty, Panel } from '../../panels/panel.tsx'
import { useIsAdmin } from '../../panels/use-admin.ts'
import { useParameter } from '../../url-state.ts'
import { bytes } from './brokers.tsx'
import { clusterPath } from './cluster-path.ts'
import { CreateTopic } from './topic-dialogs.tsx'
import { type TopicRow, topicRow, topicsCsv } from './topic-rows.ts'

export const clusterEveryMs = 5_000

const columns: readonly Column<TopicRow>[] = [
  {
    key: 'name',
    label: 'Topic',
    weight: 3,
    by: row => row.name,
    cell: row => <HostileText text={row.name} limit={249} />,
  },
  {
    key: 'partitions',
    label: 'Partitions',
    number: true,
    by: row => row.partitions,
    cell: row => `${row.partitions} × ${row.replicas}`,
  },
  {
    key: 'lacking',
    label: 'Lacking',
    number: true,
    by: row => row.lacking,
    cell: row => (row.lacking === 0 ? '0' : `△ ${row.lacking}`),
  },
  { key: 'size', label: 'Size', number: true, by: row => row.sizeBytes, cell: row => bytes(row.sizeBytes) },
  {
    key: 'records',
    label: 'Records',
    number: true,
    wide: true,
    by: row => row.records,
    cell: row => <span title={formatExact(row.records)}>{formatCount(row.records)}</span>,
  },
  {
    key: 'rate',
    label: 'Records/s',
    number: true,
    wide: true,
    by: row => row.recordsPerSecond,
    cell: row => (row.recordsPerSecond === null ? '–' : formatRate(row.recordsPerSecond)),
  },
  {
    key: 'retention',
    label: 'Kept',
    wide: true,
    number: true,
    weight: 1.4,
    by: row => row.topic.retentionMs,
    cell: row => keptWords(row),
  },
  {
    key: 'durability',
    label: 'Acknowledged is',
    wide: true,
    weight: 1.4,
    by: row => row.topic.durability,
    cell: row => durabilityWords(row.topic.durability),
  },
  {
    key: 'skew',
    label: 'Leader skew',
    number: true,
    wide: true,
    by: row => row.skew,
    cell: row => (row.skew === 0 ? 'even' : `+${Math.round(row.skew * 100)}%`),
  },
]

function durabilityWords(durability: TopicRow['topic']['durability']): string {
  return durability === null ? '–' : durability === 'flushed' ? 'on disk' : 'in page cache'
}

function keptWords({ topic: { retentionMs, retentionBytes, cleanupPolicy } }: TopicRow): string {
  if (cleanupPolicy === 'compact') return 'newest of each key'
  if (retentionMs === null) return '–'
  const time = retentionMs < 0 ? 'for ever' : inWords(formatDuration(retentionMs))
  return retentionBytes === null || retentionBytes < 0 ? time : `${time}, ${bytes(retentionBytes)}`
}

export function Topics() {
  const { data, error, ask } = useApi<ClusterAnswer>('/api/v1/cluster', clusterEveryMs)
  const [query, setQuery] = useParameter('q', '', 'replace')
  const [sort, setSort] = useParameter('sort', 'name')
  const isAdmin = useIsAdmin()
  const [making, setMaking] = useState(false)
  const all = useMemo(() => (data?.topics ?? []).map(topicRow), [data])
  const rows = useMemo(() => {
    const wanted = query.toLowerCase()
    return all.filter(({ name }) => name.toLowerCase().includes(wanted))
  }, [all, query])
  const state = data ? (all.length === 0 ? 'empty' : 'live') : error ? 'refused' : 'loading'
  const partitionCount = all.reduce((sum, row) => sum + row.partitions, 0)
  return (
    <Panel
      id="topics"
      title="Topics"
      unit={data ? `${counted(all.length, 'topic')}, ${partitions(partitionCount)}` : ''}
      state={state}
      tools={
        <div className="cluster-tools">
          <input
            type="search"
            placeholder="Search topics"
            aria-label="Search topics"
            value={query}
            onChange={event => setQuery(event.target.value)}
          />
          <button type="button" className="tool" title="Download as CSV" onClick={() => download(rows)}>
            <Icon name="download" />
            <span className="sr-only">Download as CSV</span>
          </button>
          {isAdmin && (
            <button type="button" className="button primary" onClick={() => setMaking(true)}>
              New topic
            </button>
          )}
        </div>
      }
    >
      {state === 'refused' && <Empty title="Topics cannot be shown">{error?.message}</Empty>}
      {state === 'empty' && (
        <Empty title="There are no topics">
          <p>Make one:</p>
          <code>tailrace topics create NAME</code>
        </Empty>
      )}
      {state === 'live' && rows.length === 0 && (
        <Empty title={`No topic contains “${query}”`}>
          <button type="button" className="button" onClick={() => setQuery('')}>
            Clear the search
          </button>
        </Empty>
      )}
      {rows.length > 0 && (
        <DataTable
          label="Topics"
          columns={columns}
          rows={rows}
          keyOf={row => row.name}
          sort={sort}
          onSort={setSort}
          onOpen={row => navigate(clusterPath('topics', row.name))}
          tone={row => (row.lacking > 0 ? 'warn' : undefined)}
        />
      )}
      {making && (
        <CreateTopic
          onClose={() => setMaking(false)}
          onDone={name => {
            ask()
            navigate(clusterPath('topics', name))
          }}
        />
      )}
    </Panel>
  )
}

function download(rows: readonly TopicRow[]): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([topicsCsv(rows)], { type: 'text/csv' }))
  link.download = 'tailrace-topics.csv'
  link.click()
  URL.revokeObjectURL(link.href)
}
