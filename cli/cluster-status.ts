// `tailrace cluster status` and `health`: what the cluster is made of and what is not as it should be. Pure: the view
// of the admin calls goes in, a report and its text come out.
import type { AdminPartition, AdminView } from './cluster-admin.ts'

export interface ClusterReport {
  readonly healthy: boolean
  readonly controller: number
  readonly brokers: readonly BrokerReport[]
  readonly partitions: number
  /** Partitions that nobody leads: not readable, not writable. */
  readonly offline: readonly string[]
  /** That refuse acks=all: too few are in sync. */
  readonly underMinIsr: readonly string[]
  /** That have fewer copies in sync than they should. */
  readonly underReplicated: readonly string[]
  readonly reassignments: readonly Reassignment[]
  /** Still to be copied to replicas that are not in sync, reassignments included. */
  readonly bytesLeft: number
}

export interface BrokerReport {
  readonly id: number
  /** Null for one that holds replicas and is down. */
  readonly address: string | null
  readonly leaders: number
  readonly replicas: number
  readonly inSync: number
}

export interface Reassignment {
  readonly partition: string
  readonly adding: readonly number[]
  readonly removing: readonly number[]
  readonly bytesLeft: number
}

/** `sizes` as ClusterAdmin.sizes gives them. */
export function clusterReport(
  { brokers, controller, partitions }: AdminView,
  sizes: ReadonlyMap<string, number>,
): ClusterReport {
  const offline = partitions.filter(({ leader }) => leader < 0).map(nameOf)
  const underMinIsr = partitions.filter(({ isr, minIsr }) => isr.length < minIsr).map(nameOf)
  const underReplicated = partitions.filter(isUnderReplicated).map(nameOf)
  const moving = partitions.filter(({ adding, removing }) => adding.length + removing.length > 0)
  const reassignments = moving.map(partition => {
    const { adding, removing } = partition
    return { partition: nameOf(partition), adding, removing, bytesLeft: bytesLeftOf(partition, sizes) }
  })
  const addresses = new Map(brokers.map(({ id, host, port }) => [id, `${host}:${port}`]))
  const ids = new Set([...addresses.keys(), ...partitions.flatMap(({ replicas }) => replicas)])
  return {
    healthy: [offline, underMinIsr, underReplicated, reassignments].every(({ length }) => length === 0),
    controller,
    brokers: [...ids].sort((one, other) => one - other).map(id => brokerReport(id, addresses, partitions)),
    partitions: partitions.length,
    offline,
    underMinIsr,
    underReplicated,
    reassignments,
    bytesLeft: partitions.reduce((sum, partition) => sum + bytesLeftOf(partition, sizes), 0),
  }
}

function brokerReport(
  id: number,
  addresses: ReadonlyMap<number, string>,
  partitions: readonly AdminPartition[],
): BrokerReport {
  const count = (is: (partition: AdminPartition) => boolean) => partitions.filter(is).length
  return {
    id,
    address: addresses.get(id) ?? null,
    leaders: count(({ leader }) => leader === id),
    replicas: count(({ replicas }) => replicas.includes(id)),
    inSync: count(({ replicas, isr }) => replicas.includes(id) && isr.includes(id)),
  }
}

function isUnderReplicated({ replicas, adding, isr }: AdminPartition): boolean {
  return replicas.some(id => !adding.includes(id) && !isr.includes(id))
}

function bytesLeftOf(partition: AdminPartition, sizes: ReadonlyMap<string, number>): number {
  const sizeAt = (id: number) => sizes.get(`${id} ${nameOf(partition)}`) ?? 0
  const { leader, replicas, removing, isr } = partition
  const missing = replicas.filter(id => !isr.includes(id) && !removing.includes(id))
  return missing.reduce((sum, id) => sum + Math.max(0, sizeAt(leader) - sizeAt(id)), 0)
}

export function nameOf({ topic, index }: Pick<AdminPartition, 'topic' | 'index'>): string {
  return `${topic}-${index}`
}

export function clusterText(report: ClusterReport): string {
  const { brokers, controller, partitions, reassignments, bytesLeft } = report
  const rows = brokers.map(({ id, address, leaders, replicas, inSync }) => {
    const office = id === controller ? ', controller' : ''
    return `broker ${id}  ${address ?? 'down'}  leads ${leaders}, holds ${replicas}, ${inSync} in sync${office}`
  })
  const lists = [
    ['nobody leads', report.offline],
    ['refuses acks=all', report.underMinIsr],
    ['lacks copies', report.underReplicated],
  ] as const
  return [
    ...rows,
    `${partitions} partitions`,
    ...lists.filter(([, names]) => names.length > 0).map(([what, names]) => `${what}: ${listed(names)}`),
    ...reassignments.map(({ partition, adding, removing, bytesLeft: bytes }) => {
      const to = adding.length > 0 ? ` to ${adding.join(', ')}` : ''
      const from = removing.length > 0 ? ` from ${removing.join(', ')}` : ''
      return `moving ${partition}${to}${from}: ${bytesText(bytes)} left`
    }),
    ...(bytesLeft > 0 ? [`to be copied: ${bytesText(bytesLeft)}`] : []),
    report.healthy ? 'healthy' : 'not healthy',
    '',
  ].join('\n')
}

const namesShown = 8

function listed(names: readonly string[]): string {
  const rest = names.length - namesShown
  return names.slice(0, namesShown).join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}

export function bytesText(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  const value = bytes / 1024 ** power
  return `${power === 0 ? value : value.toFixed(1)} ${units[power]}`
}
