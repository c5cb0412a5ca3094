// Consumer groups: who reads, how far behind in messages and in time, and where that goes.
import { navigate } from 'wouter/use-browser-location'
import type { ConsumerGroup } from '../../../analytics/http/contract-groups.ts'
import { formatExact } from '../../format.ts'
import { type Column, DataTable } from '../../panels/data-table.tsx'
import { HostileText } from '../../panels/hostile-text.tsx'
import { Empty, Panel } from '../../panels/panel.tsx'
import { useParameter } from '../../url-state.ts'
import { clusterPath } from './cluster-path.ts'
import {
  isUnknown,
  LagLine,
  lagTimeTitle,
  lagTimeWords,
  lagWords,
  trendWords,
  useGroups,
} from './group-words.tsx'

const columns: readonly Column<ConsumerGroup>[] = [
  {
    key: 'group',
    label: 'Group',
    weight: 3,
    by: one => one.group,
    cell: one => <HostileText text={one.group} limit={249} />,
  },
  { key: 'state', label: 'State', wide: true, by: one => one.state, cell: one => one.state },
  { key: 'members', label: 'Members', number: true, by: one => one.members, cell: one => one.members },
  {
    key: 'lag',
    label: 'Lag',
    number: true,
    by: one => one.lag,
    cell: one => <span title={one.lag === null ? undefined : formatExact(one.lag)}>{lagWords(one.lag)}</span>,
  },
  {
    key: 'time',
    label: 'In time',
    number: true,
    by: one => one.lagMs,
    cell: one => <span title={lagTimeTitle(one)}>{lagTimeWords(one)}</span>,
  },
  {
    key: 'trend',
    label: 'Trend',
    wide: true,
    weight: 1.6,
    by: one => one.trend,
    cell: one => (
      <span className="lag-trend">
        <LagLine history={one.history} />
        {one.trend === null ? <span className="muted">not yet</span> : trendWords[one.trend]}
      </span>
    ),
  },
]

export function Groups() {
  const { answer, refusal, seq } = useGroups()
  const [query, setQuery] = useParameter('q', '', 'replace')
  const [sort, setSort] = useParameter('sort', '-lag')
  const all = answer?.groups ?? []
  const rows = all.filter(({ group }) => group.toLowerCase().includes(query.toLowerCase()))
  const state = refusal ? 'refused' : isUnknown(answer) ? 'loading' : all.length === 0 ? 'empty' : 'live'
  return (
    <Panel
      id="groups"
      title="Consumer groups"
      unit={answer ? `${all.length}${answer.truncated ? ' of more' : ''}` : ''}
      state={state}
      seq={seq}
      tools={
        <div className="cluster-tools">
          <input
            type="search"
            placeholder="Search groups"
            aria-label="Search groups"
            value={query}
            onChange={event => setQuery(event.target.value)}
          />
        </div>
      }
    >
      {refusal && <Empty title="Groups cannot be shown">{refusal}</Empty>}
      {answer?.error && (
        <p className="act-refused">
          {all.length > 0 && 'As last heard: '}
          <HostileText text={answer.error} />
        </p>
      )}
      {state === 'empty' && (
        <Empty title="No consumer group has committed anything">
          <p>Who reads by Kafka’s own protocol is shown here, and how far behind it is. Try one:</p>
          <code>tailrace consume logs --group NAME</code>
        </Empty>
      )}
      {state === 'live' && rows.length === 0 && <Empty title={`No group contains “${query}”`} />}
      {rows.length > 0 && (
        <>
          <DataTable
            label="Consumer groups"
            columns={columns}
            rows={rows}
            keyOf={one => one.group}
            sort={sort}
            onSort={setSort}
            onOpen={one => navigate(clusterPath('groups', one.group))}
          />
          <p className="muted cluster-note">
            Time is how long ago the log ended where the group is, as the server saw it grow; ≈ is an estimate
            by the rate of arrival.
          </p>
        </>
      )}
    </Panel>
  )
}
