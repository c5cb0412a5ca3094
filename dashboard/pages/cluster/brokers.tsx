// Who ought to be there and who is; before all else the partitions that lack something, each a click away.
import { useState } from 'react'
import { Link } from 'wouter'
import type { BrokerStatus, ClusterState, PartitionTrouble } from '../../../analytics/http/contract.ts'
import { electionGroups, partitions, reasonWords } from '../../cluster-words.ts'
import { formatAge, formatBytes, formatDateTime, formatTime, inWords } from '../../format.ts'
import { Icon, Shape } from '../../icons.tsx'
import { useLive } from '../../page-context.ts'
import { ActDialog } from '../../panels/act-dialog.tsx'
import { HostileText } from '../../panels/hostile-text.tsx'
import { Empty, Panel } from '../../panels/panel.tsx'
import { useIsAdmin } from '../../panels/use-admin.ts'
import { clusterPath } from './cluster-path.ts'
import { electCommand } from './commands.ts'

const electionsShown = 50

export function Brokers() {
  const cluster = useLive(state => state.cluster)
  const state = cluster === null ? 'loading' : cluster.brokers.length === 0 ? 'empty' : 'live'
  return (
    <>
      <Troubles cluster={cluster} state={state} />
      <BrokerTable cluster={cluster} state={state} />
      <Elections cluster={cluster} state={state} />
    </>
  )
}

interface PartProps {
  readonly cluster: ClusterState | null
  readonly state: 'loading' | 'empty' | 'live'
}

const troubleWords: Readonly<Record<PartitionTrouble['state'], string>> = {
  offline: 'nobody leads',
  underMinIsr: 'acks=all waits',
  underReplicated: 'a copy is missing',
}

function Troubles({ cluster, state }: PartProps) {
  const troubled = cluster?.troubled ?? []
  const { total = 0, underReplicated = 0, offline = 0 } = cluster?.partitionCounts ?? {}
  const lacking = Math.max(underReplicated, offline, troubled.length)
  const unit = lacking > 0 ? `${lacking} of ${partitions(total)}` : ''
  return (
    <Panel id="troubled" title="Partitions without a full ISR" unit={unit} state={state}>
      {state === 'empty' && <Nobody />}
      {state === 'live' && troubled.length === 0 && (
        <p className="status all-in-sync" data-tone="ok">
          <Shape name="dot" />
          {partitions(total)}, every copy in sync
        </p>
      )}
      {troubled.length > 0 && (
        <ol className="trouble-list">
          {troubled.map(({ topic, partition, state: how, leader, replicas, isr }) => (
            <li key={`${topic}-${partition}`} data-tone={how === 'offline' ? 'critical' : 'warn'}>
              <Shape name={how === 'offline' ? 'cross' : 'triangle'} />
              <Link className="mono trouble-name" href={clusterPath('topics', topic)}>
                <HostileText text={`${topic}-${partition}`} limit={120} />
              </Link>
              <b>{troubleWords[how]}</b>
              <span className="muted">
                {leader < 0 ? 'no leader' : `leader ${leader}`} · in sync {isr.join(', ') || 'none'} of{' '}
                {replicas.join(', ')} · missing {replicas.filter(id => !isr.includes(id)).join(', ')}
              </span>
            </li>
          ))}
        </ol>
      )}
    </Panel>
  )
}

function Nobody() {
  return (
    <Empty title="No broker has been reached yet">
      <p>Who is there, who leads what and who was elected is shown here. Ask for the reason:</p>
      <code>tailrace status</code>
    </Empty>
  )
}

function BrokerTable({ cluster, state }: PartProps) {
  const isAdmin = useIsAdmin()
  const [electing, setElecting] = useState(false)
  const [said, setSaid] = useState('')
  const brokers = cluster?.brokers ?? []
  const up = brokers.filter(broker => broker.up).length
  const fair = brokers.reduce((sum, broker) => sum + broker.leaders, 0) / Math.max(1, up)
  const tools = isAdmin && state === 'live' && (
    <button type="button" className="button" onClick={() => setElecting(true)}>
      Elect preferred leaders
    </button>
  )
  return (
    <Panel
      id="brokers"
      title="Brokers"
      unit={state === 'live' ? `${up} of ${brokers.length} up` : ''}
      state={state}
      tools={tools}
    >
      {state === 'live' && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard.
        <section className="table-scroll" tabIndex={0} aria-label="Brokers">
          <table className="brokers-table">
            <thead>
              <tr>
                <th scope="col">Broker</th>
                <th scope="col">State</th>
                {['Leads', 'Leader skew', 'Replicas', 'In sync', 'Disk', 'Disk free', 'Memory'].map(word => (
                  <th key={word} scope="col" className="number">
                    {word}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {brokers.map(broker => (
                <BrokerRow
                  key={broker.id}
                  broker={broker}
                  fair={fair}
                  isController={broker.id === cluster?.controllerId}
                />
              ))}
            </tbody>
          </table>
        </section>
      )}
      <p className="done" role="status">
        {said}
      </p>
      {electing && (
        <ActDialog
          title="Elect preferred leaders"
          command={electCommand}
          deed={{ method: 'POST', path: '/cluster/elect' }}
          verb="Elect"
          onClose={() => setElecting(false)}
          onDone={answer => {
            const { elected } = answer as { elected: number }
            setSaid(
              elected === 0 ? 'Every partition has its preferred leader.' : `${partitions(elected)} moved.`,
            )
          }}
        >
          <p>Leadership goes back to the brokers it was planned for. Writes go on.</p>
        </ActDialog>
      )}
    </Panel>
  )
}

function BrokerRow({
  broker,
  fair,
  isController,
}: {
  readonly broker: BrokerStatus
  readonly fair: number
  readonly isController: boolean
}) {
  const clockMs = useLive(state => state.clockMs)
  const zone = useLive(state => state.settings.zone)
  const { id, host, port, up, since, leaders, replicas, inSync } = broker
  const skew = fair === 0 ? 0 : (leaders - fair) / fair
  return (
    <tr data-broker={id} data-up={up}>
      <th scope="row" className="nowrap">
        <b>{id}</b>{' '}
        <span className="muted mono">
          <HostileText text={host === '' ? 'never seen' : `${host}:${port}`} limit={80} />
        </span>
        {isController && (
          <span className="crown" title="Controller">
            <Icon name="crown" />
            <span className="sr-only">controller</span>
          </span>
        )}
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
        {Math.abs(skew) < 0.005
          ? 'even'
          : up
            ? `${skew >= 0 ? '+' : '−'}${Math.abs(skew * 100).toFixed(0)}%`
            : '–'}
      </td>
      <td className="number">{replicas}</td>
      <td className="number" data-tone={inSync === replicas ? undefined : 'warn'}>
        {inSync === replicas ? '' : '△ '}
        {inSync}
      </td>
      <td className="number nowrap">{bytes(broker.diskBytes)}</td>
      <td className="number nowrap">{bytes(broker.diskFreeBytes)}</td>
      <td className="number nowrap">{bytes(broker.memoryBytes)}</td>
    </tr>
  )
}

function Elections({ cluster, state }: PartProps) {
  const zone = useLive(one => one.settings.zone)
  const groups = electionGroups(cluster?.elections ?? []).slice(0, electionsShown)
  return (
    <Panel id="elections" title="Recent elections" state={state}>
      {state === 'live' && groups.length === 0 && (
        <p className="muted all-in-sync">None seen: every partition kept its leader.</p>
      )}
      <ol className="election-list">
        {groups.map(group => (
          <li key={`${group.at} ${group.from} ${group.to} ${group.partitions[0]}`}>
            <time className="muted" title={formatDateTime(group.at, zone)}>
              {formatTime(group.at, zone)}
            </time>
            <b className="nowrap">
              {group.from} → {group.to}
            </b>
            <span className="election-what" title={group.partitions.join(', ')}>
              {group.partitions.length === 1 ? (
                <HostileText text={group.partitions[0]!} limit={120} />
              ) : (
                partitions(group.partitions.length)
              )}
            </span>
            <span className="muted">{reasonWords(group) || 'reason not known'}</span>
          </li>
        ))}
      </ol>
    </Panel>
  )
}

export function bytes(count: number | null): string {
  return count === null ? '–' : inWords(formatBytes(count))
}
