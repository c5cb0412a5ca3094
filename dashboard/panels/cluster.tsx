// Is the machine well: a row per broker that ought to be there, what partitions lack, and who was elected lately. Told
// also while the page is paused, for it says what is, not what was counted.
import type { BrokerStatus, ClusterState } from '../../analytics/http/contract.ts'
import { electionGroups, lacks, partitions, reasonWords } from '../cluster-words.ts'
import { formatAge, formatBytes, formatDateTime, formatTime, inWords } from '../format.ts'
import { Shape } from '../icons.tsx'
import { useLive } from '../page-context.ts'
import { HostileText } from './hostile-text.tsx'
import { Empty, Panel } from './panel.tsx'

const groupsShown = 5
const namesShown = 3

export function Cluster() {
  const cluster = useLive(state => state.cluster)
  const seq = useLive(state => state.seqs['cluster'])
  const state = cluster === null ? 'loading' : cluster.brokers.length === 0 ? 'empty' : 'live'
  const up = cluster?.brokers.filter(broker => broker.up).length ?? 0
  const unit = state === 'live' && cluster ? `${up} of ${cluster.brokers.length} brokers up` : ''
  return (
    <Panel id="cluster" title="Cluster" unit={unit} state={state} seq={seq} className="cluster">
      {state === 'empty' && (
        <Empty title="No broker has been reached yet">
          <p>Who is there, who leads what and who was elected is shown here. Ask for the reason:</p>
          <code>node cli/tailrace.js status</code>
        </Empty>
      )}
      {state === 'live' && cluster && (
        <div className="cluster-parts">
          <Brokers cluster={cluster} />
          <div className="cluster-side">
            <Copies cluster={cluster} />
            <Elections cluster={cluster} />
          </div>
        </div>
      )}
    </Panel>
  )
}

function Brokers({ cluster }: { readonly cluster: ClusterState }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard.
    <section className="table-scroll" tabIndex={0} aria-label="Brokers">
      <table>
        <thead>
          <tr>
            <th scope="col">Broker</th>
            <th scope="col">State</th>
            <th scope="col" className="number">
              Leads
            </th>
            <th scope="col" className="number">
              In sync
            </th>
            <th scope="col" className="number">
              Disk
            </th>
            <th scope="col" className="number">
              Memory
            </th>
          </tr>
        </thead>
        <tbody>
          {cluster.brokers.map(broker => (
            <BrokerRow key={broker.id} broker={broker} isController={broker.id === cluster.controllerId} />
          ))}
        </tbody>
      </table>
    </section>
  )
}

function BrokerRow({
  broker,
  isController,
}: {
  readonly broker: BrokerStatus
  readonly isController: boolean
}) {
  const clockMs = useLive(state => state.clockMs)
  const zone = useLive(state => state.settings.zone)
  const { id, host, port, up, since, leaders, replicas, inSync } = broker
  const { diskBytes, diskFreeBytes, memoryBytes } = broker
  const isWhole = inSync === replicas
  return (
    <tr data-broker={id} data-up={up}>
      <th scope="row" className="nowrap">
        <b>{id}</b>{' '}
        <span className="muted mono address">
          <HostileText text={host === '' ? 'never seen' : `${host}:${port}`} limit={80} />
        </span>
        {isController && <span className="controller">controller</span>}
      </th>
      <td className="nowrap" title={`since ${formatDateTime(since, zone)}`}>
        <span className="status" data-tone={up ? 'ok' : 'critical'}>
          <Shape name={up ? 'dot' : 'cross'} />
          <b>{up ? 'Up' : 'Down'}</b>
          <span className="muted">{formatAge(clockMs - since)}</span>
        </span>
      </td>
      <td className="number">{leaders}</td>
      <td className="number">
        <span className="status" data-tone={isWhole ? undefined : 'warn'}>
          {!isWhole && <Shape name="triangle" />}
          {inSync}
          <span className="of"> of {replicas}</span>
        </span>
      </td>
      <td className="number nowrap">
        {bytes(diskBytes)}
        {diskFreeBytes !== null && <span className="muted free"> · {bytes(diskFreeBytes)} free</span>}
      </td>
      <td className="number nowrap">{bytes(memoryBytes)}</td>
    </tr>
  )
}

function bytes(count: number | null): string {
  return count === null ? '–' : inWords(formatBytes(count))
}

function Copies({ cluster }: { readonly cluster: ClusterState }) {
  const found = lacks(cluster)
  if (found.length === 0)
    return (
      <p className="status lack" data-tone="ok">
        <Shape name="dot" />
        {partitions(cluster.partitionCounts.total)}, every copy in sync
      </p>
    )
  return found.map(({ state, words, names }) => (
    <p
      key={state}
      className="status lack"
      data-tone={state === 'offline' ? 'critical' : 'warn'}
      title={names.join(', ')}
    >
      <Shape name={state === 'offline' ? 'cross' : 'triangle'} />
      <span className="nowrap">{words}</span>
      {names.length > 0 && <span className="muted mono names">{shortened(names)}</span>}
    </p>
  ))
}

function shortened(names: readonly string[]): string {
  return `${names.slice(0, namesShown).join(', ')}${names.length > namesShown ? ', …' : ''}`
}

function Elections({ cluster }: { readonly cluster: ClusterState }) {
  const zone = useLive(state => state.settings.zone)
  const groups = electionGroups(cluster.elections).slice(0, groupsShown)
  return (
    <>
      <h3 className="side-title">Last elections</h3>
      {groups.length === 0 && <p className="muted election">None seen: every partition kept its leader.</p>}
      <ol className="elections">
        {groups.map(group => (
          <li
            key={`${group.at} ${group.from} ${group.to} ${group.partitions[0]}`}
            className="election"
            title={`${formatDateTime(group.at, zone)}: ${group.partitions.join(', ')}`}
          >
            <time className="muted">{formatTime(group.at, zone)}</time>
            <b className="nowrap">
              {group.from} → {group.to}
            </b>
            <span className="nowrap">
              {group.partitions.length === 1 ? group.partitions[0] : partitions(group.partitions.length)}
            </span>
            <span className="muted why">{reasonWords(group)}</span>
          </li>
        ))}
      </ol>
    </>
  )
}
