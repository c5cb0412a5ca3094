// `tailrace groups`: which consumer groups there are, how far each has read and how far behind it is, and setting that
// anew. Over Kafka's own admin calls, asked of whoever looks after the group; nothing is changed under running members.
import { assignedPlaces } from '../broker/client/consumer-protocol.ts'
import { apis } from '../broker/protocol/apis.ts'
import { type ErrorName, errorCodes, errorName } from '../broker/protocol/errors.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import type { AdminPartition, AdminView, ClusterAdmin } from './cluster-admin.ts'

export interface GroupSummary {
  readonly group: string
  readonly state: string
}

export interface GroupMember {
  readonly member: string
  /** Of a static member; null for others. */
  readonly instance: string | null
  readonly client: string
  readonly host: string
}

export interface GroupOffset {
  readonly topic: string
  readonly partition: number
  /** -1: nothing committed. */
  readonly offset: number
  /** -1: the topic is gone, or nobody leads the partition. */
  readonly end: number
  /** Null where it cannot be said. */
  readonly lag: number | null
  readonly member: string | null
}

export interface GroupReport extends GroupSummary {
  readonly assignor: string
  readonly members: readonly GroupMember[]
  readonly offsets: readonly GroupOffset[]
}

export interface OffsetMove {
  readonly topic: string
  readonly partition: number
  readonly from: number
  readonly to: number
}

/** Where to: an offset, or what ListOffsets calls a timestamp. */
export type ResetTarget = { readonly offset: number } | { readonly timestamp: number }

export const earliest: ResetTarget = { timestamp: -2 }
export const latest: ResetTarget = { timestamp: -1 }

export async function listGroups(admin: ClusterAdmin): Promise<readonly GroupSummary[]> {
  const { brokers } = await admin.view()
  const all = await Promise.all(
    brokers.map(({ host, port }) => admin.requestAt(`${host}:${port}`, apis.listGroups, {})),
  )
  return all
    .flatMap(({ groups }) => groups.map(({ groupId, groupState }) => ({ group: groupId, state: groupState })))
    .sort((one, other) => (one.group < other.group ? -1 : 1))
}

export async function describeGroup(admin: ClusterAdmin, group: string): Promise<GroupReport> {
  const coordinator = await coordinatorOf(admin, group)
  const { groups } = await admin.requestAt(coordinator, apis.describeGroups, { groups: [group] })
  const described = groups[0]!
  refuse(errorName(described.errorCode), group)
  const committed = await committedOf(admin, coordinator, group)
  const owners = new Map(
    described.members.flatMap(({ memberId, memberAssignment }) =>
      assignedPlaces(memberAssignment).map(place => [place, memberId] as const),
    ),
  )
  const places = [...new Set([...committed.keys(), ...owners.keys()])].sort(byPlace)
  const view = await admin.view()
  const ends = await offsetsAt(admin, view, places, latest)
  const offsets = places.map(place => {
    const [topic, partition] = placeOf(place)
    const [offset, end] = [committed.get(place) ?? -1, ends.get(place) ?? -1]
    const lag = offset < 0 || end < 0 ? null : Math.max(0, end - offset)
    return { topic, partition, offset, end, lag, member: owners.get(place) ?? null }
  })
  const members = described.members.map(({ memberId, groupInstanceId, clientId, clientHost }) => ({
    member: memberId,
    instance: groupInstanceId,
    client: clientId,
    host: clientHost,
  }))
  return { group, state: described.groupState, assignor: described.protocolData, members, offsets }
}

/** What would move; with `isDryRun` nothing does. A group with members has its offsets from them. */
export async function resetGroup(
  admin: ClusterAdmin,
  group: string,
  topic: string | null,
  target: ResetTarget,
  isDryRun: boolean,
): Promise<readonly OffsetMove[]> {
  const coordinator = await coordinatorOf(admin, group)
  const { groups } = await admin.requestAt(coordinator, apis.describeGroups, { groups: [group] })
  const { members, errorCode } = groups[0]!
  // A group may be given its first offsets before it has ever read.
  if (errorCode !== errorCodes.groupIdNotFound) refuse(errorName(errorCode), group)
  if (members.length > 0) {
    throw new ExitError(
      exitCodes.failed,
      `Group "${group}" has ${members.length} members, which would go on from where they are. Stop them first`,
    )
  }
  const committed = await committedOf(admin, coordinator, group)
  const view = await admin.view()
  const wanted = view.partitions.filter(one => topic === null || one.topic === topic).map(keyOf)
  const places = topic === null ? [...committed.keys()] : wanted
  if (places.length === 0) {
    const what =
      topic === null
        ? `Group "${group}" has committed nothing: name a topic with --topic`
        : `There is no topic "${topic}"`
    throw new ExitError(exitCodes.failed, what)
  }
  const [first, end] = [
    await offsetsAt(admin, view, places, earliest),
    await offsetsAt(admin, view, places, latest),
  ]
  const found = 'offset' in target ? null : await offsetsAt(admin, view, places, target)
  const moves = places.sort(byPlace).flatMap(place => {
    const [lowest, highest] = [first.get(place), end.get(place)]
    // Of a topic that is gone.
    if (lowest === undefined || highest === undefined) return []
    // Nothing is as late as the time asked for: then the end.
    const asked = 'offset' in target ? target.offset : (found?.get(place) ?? highest)
    const to = Math.min(Math.max(asked < 0 ? highest : asked, lowest), highest)
    const [name, partition] = placeOf(place)
    return [{ topic: name, partition, from: committed.get(place) ?? -1, to }]
  })
  if (!isDryRun) await commit(admin, coordinator, group, moves)
  return moves
}

export async function deleteGroup(admin: ClusterAdmin, group: string): Promise<void> {
  const coordinator = await coordinatorOf(admin, group)
  const { results } = await admin.requestAt(coordinator, apis.deleteGroups, { groupsNames: [group] })
  refuse(errorName(results[0]!.errorCode), group)
}

async function commit(
  admin: ClusterAdmin,
  coordinator: string,
  groupId: string,
  moves: readonly OffsetMove[],
): Promise<void> {
  const topics = [...Map.groupBy(moves, ({ topic }) => topic)].map(([name, ofTopic]) => ({
    name,
    partitions: ofTopic.map(({ partition, to }) => ({ partitionIndex: partition, committedOffset: to })),
  }))
  // Version 9 names topics; the connection takes the newest, which has ids, and both are given.
  const ids = await topicIds(
    admin,
    topics.map(({ name }) => name),
  )
  const named = topics.map(topic => ({ ...topic, topicId: ids.get(topic.name)! }))
  const answer = await admin.requestAt(coordinator, apis.offsetCommit, { groupId, topics: named })
  for (const { partitions } of answer.topics) {
    for (const { errorCode } of partitions) refuse(errorName(errorCode), groupId)
  }
}

async function topicIds(admin: ClusterAdmin, names: readonly string[]): Promise<Map<string, string>> {
  const { topics } = await admin.request(apis.metadata, { topics: names.map(name => ({ name })) })
  return new Map(topics.map(({ name, topicId }) => [name ?? '', topicId]))
}

async function coordinatorOf(admin: ClusterAdmin, group: string): Promise<string> {
  const { coordinators } = await admin.request(apis.findCoordinator, { coordinatorKeys: [group] })
  const { host, port, errorCode } = coordinators[0]!
  refuse(errorName(errorCode), group)
  return `${host}:${port}`
}

async function committedOf(
  admin: ClusterAdmin,
  coordinator: string,
  groupId: string,
): Promise<Map<string, number>> {
  const body = { groups: [{ groupId, topics: null }] }
  const { groups } = await admin.requestAt(coordinator, apis.offsetFetch, body)
  refuse(errorName(groups[0]!.errorCode), groupId)
  const names = await topicNames(admin)
  return new Map(
    groups[0]!.topics.flatMap(({ name, topicId, partitions }) =>
      partitions.map(({ partitionIndex, committedOffset }) => {
        return [
          `${name === '' ? (names.get(topicId) ?? topicId) : name}-${partitionIndex}`,
          committedOffset,
        ] as const
      }),
    ),
  )
}

async function topicNames(admin: ClusterAdmin): Promise<Map<string, string>> {
  const { topics } = await admin.request(apis.metadata, { topics: null })
  return new Map(topics.map(({ name, topicId }) => [topicId, name ?? '']))
}

/** Asked of each partition's leader; partitions that nobody leads, or that are gone, are left out. */
async function offsetsAt(
  admin: ClusterAdmin,
  { brokers, partitions }: AdminView,
  places: readonly string[],
  target: ResetTarget,
): Promise<Map<string, number>> {
  const timestamp = 'timestamp' in target ? target.timestamp : latestTimestamp
  const wanted = new Set(places)
  const found = new Map<string, number>()
  const asked = partitions.filter(one => wanted.has(keyOf(one)))
  for (const { id, host, port } of brokers) {
    const led = asked.filter(({ leader }) => leader === id)
    if (led.length === 0) continue
    const topics = [...Map.groupBy(led, ({ topic }) => topic)].map(([name, ofTopic]) => ({
      name,
      partitions: ofTopic.map(({ index }) => ({ partitionIndex: index, timestamp })),
    }))
    const answer = await admin.requestAt(`${host}:${port}`, apis.listOffsets, { replicaId: -1, topics })
    for (const { name, partitions: ofTopic } of answer.topics) {
      for (const { partitionIndex, offset, errorCode } of ofTopic) {
        if (errorCode === 0) found.set(`${name}-${partitionIndex}`, offset)
      }
    }
  }
  return found
}

const latestTimestamp = -1

function keyOf({ topic, index }: AdminPartition): string {
  return `${topic}-${index}`
}

function placeOf(place: string): readonly [topic: string, partition: number] {
  const dash = place.lastIndexOf('-')
  return [place.slice(0, dash), Number(place.slice(dash + 1))]
}

function byPlace(one: string, other: string): number {
  const [[topic, index], [otherTopic, otherIndex]] = [placeOf(one), placeOf(other)]
  if (topic !== otherTopic) return topic < otherTopic ? -1 : 1
  return index - otherIndex
}

const sentences: Partial<Record<ErrorName, string>> = {
  groupIdNotFound: 'there is no such group. `tailrace groups list` shows which there are',
  nonEmptyGroup: 'it has members. Stop them first',
  unknownMemberId: 'it has members. Stop them first',
  notCoordinator: 'it has just moved to another broker. Try again',
  coordinatorNotAvailable: 'nobody looks after it now. `tailrace cluster status` shows what is wrong',
  coordinatorLoadInProgress: 'it is being read back. Try again',
}

function refuse(error: ErrorName, group: string): void {
  if (error === 'none') return
  throw new ExitError(exitCodes.failed, `Group "${group}": ${sentences[error] ?? error}`)
}
