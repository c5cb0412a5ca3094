// What an admin does to consumer groups: set where one reads on, and forget one. Nothing is changed under running
// members, which would go on from where they are. Kafka's admin calls, asked of whoever looks after the group.
import { apis } from '../../broker/protocol/apis.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { listOffsetsTimestamps } from '../../broker/protocol/messages/02-list-offsets.ts'
import type { MetadataResponse } from '../../broker/protocol/messages/03-metadata.ts'
import type { GroupResetAnswer } from '../http/contract-cluster.ts'
import { ProblemError } from '../queries/problem.ts'
import type { AdminClient } from './admin-client.ts'
import { refuse } from './refusal.ts'

/** Where to: an offset, or what ListOffsets calls a timestamp. */
export type ResetTarget = { readonly offset: number } | { readonly timestamp: number }

export const resetTargets = {
  earliest: { timestamp: listOffsetsTimestamps.earliest },
  latest: { timestamp: listOffsetsTimestamps.latest },
} as const satisfies Readonly<Record<string, ResetTarget>>

export interface ResetWish {
  readonly group: string
  /** Null: whatever the group has committed. */
  readonly topic: string | null
  readonly target: ResetTarget
  readonly dryRun: boolean
}

interface Place {
  readonly topic: string
  readonly partition: number
}

export async function resetGroup(admin: AdminClient, wish: ResetWish): Promise<GroupResetAnswer> {
  const { group, topic, target, dryRun } = wish
  const coordinator = await admin.coordinatorOf(group)
  const { groups } = await admin.requestOf(coordinator, apis.describeGroups, { groups: [group] })
  const { members, errorCode } = groups[0]!
  // A group may be given its first offsets before it has ever read.
  if (errorCode !== errorCodes.groupIdNotFound) refuse(errorCode, null, named(group))
  if (members.length > 0) throw isActive(group, members)
  const metadata = await admin.metadata(null)
  const committed = await committedOf(admin, coordinator, group, metadata)
  const places = topic === null ? [...committed.values()] : partitionsOf(metadata, topic)
  if (places.length === 0) throw nothingToMove(group, topic)
  const [first, end] = await Promise.all([
    offsetsAt(admin, metadata, places, resetTargets.earliest),
    offsetsAt(admin, metadata, places, resetTargets.latest),
  ])
  const found = 'offset' in target ? null : await offsetsAt(admin, metadata, places, target)
  const moves = places.flatMap(place => {
    const key = keyOf(place)
    const [lowest, highest] = [first.get(key), end.get(key)]
    // Of a topic that is gone, or that nobody leads.
    if (lowest === undefined || highest === undefined) return []
    // Nothing is as late as the time asked for: then the end.
    const asked = 'offset' in target ? target.offset : (found?.get(key) ?? highest)
    const to = Math.min(Math.max(asked < 0 ? highest : asked, lowest), highest)
    return [{ ...place, from: committed.get(key)?.offset ?? null, to }]
  })
  if (!dryRun) await commit(admin, coordinator, group, moves, metadata)
  const told = moves.map(({ topic: name, partition, from, to }) => {
    return { topic: name, partition, from: from === null ? null : String(from), to: String(to) }
  })
  return { group, dryRun, moves: told.sort(byPlace) }
}

export async function deleteGroup(admin: AdminClient, group: string): Promise<void> {
  const coordinator = await admin.coordinatorOf(group)
  const { results } = await admin.requestOf(coordinator, apis.deleteGroups, { groupsNames: [group] })
  refuse(results[0]!.errorCode, null, named(group))
}

function isActive(
  group: string,
  members: readonly { readonly clientId: string; readonly clientHost: string }[],
): ProblemError {
  const [one] = members
  const who = `${one!.clientId} on ${one!.clientHost.replace(/^\//, '')}`
  const others = members.length === 1 ? '' : ` and ${members.length - 1} more`
  const detail =
    `${named(group)} is read by ${who}${others}, which would go on from where they are and commit over it. ` +
    'Stop them first.'
  return new ProblemError(409, 'group-active', 'The group has members', detail)
}

function nothingToMove(group: string, topic: string | null): ProblemError {
  if (topic !== null)
    return new ProblemError(404, 'unknown-topic', 'Unknown topic', `There is no topic "${topic}".`)
  const detail = `${named(group)} has committed nothing: name a topic.`
  return new ProblemError(409, 'nothing-committed', 'Nothing to move', detail)
}

async function committedOf(
  admin: AdminClient,
  coordinator: number,
  groupId: string,
  { topics: known }: MetadataResponse,
): Promise<Map<string, Place & { readonly offset: number }>> {
  const body = { groups: [{ groupId, topics: null }] }
  const { groups } = await admin.requestOf(coordinator, apis.offsetFetch, body)
  const { errorCode, topics } = groups[0]!
  if (errorCode === errorCodes.groupIdNotFound) return new Map()
  refuse(errorCode, null, named(groupId))
  const names = new Map(known.map(({ topicId, name }) => [topicId, name ?? '']))
  return new Map(
    topics.flatMap(({ name, topicId, partitions }) => {
      const topic = name === '' ? (names.get(topicId) ?? topicId) : name
      return partitions
        .filter(({ committedOffset }) => committedOffset >= 0)
        .map(({ partitionIndex: partition, committedOffset: offset }) => {
          return [keyOf({ topic, partition }), { topic, partition, offset }] as const
        })
    }),
  )
}

function partitionsOf({ topics }: MetadataResponse, topic: string): Place[] {
  const found = topics.find(({ name }) => name === topic)
  return (found?.partitions ?? []).map(({ partitionIndex }) => ({ topic, partition: partitionIndex }))
}

/** Asked of each partition's leader; those that nobody leads, or that are gone, are left out. */
async function offsetsAt(
  admin: AdminClient,
  { topics }: MetadataResponse,
  places: readonly Place[],
  target: ResetTarget,
): Promise<Map<string, number>> {
  const timestamp = 'timestamp' in target ? target.timestamp : listOffsetsTimestamps.latest
  const wanted = new Set(places.map(keyOf))
  const led = topics
    .flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex: partition, leaderId: leader }) => {
        return { topic: name ?? '', partition, leader }
      }),
    )
    .filter(place => place.leader >= 0 && wanted.has(keyOf(place)))
  const found = new Map<string, number>()
  for (const [leader, ofLeader] of Map.groupBy(led, one => one.leader)) {
    const asked = [...Map.groupBy(ofLeader, ({ topic }) => topic)].map(([name, ofTopic]) => ({
      name,
      partitions: ofTopic.map(({ partition }) => ({ partitionIndex: partition, timestamp })),
    }))
    const answer = await admin.requestOf(leader, apis.listOffsets, { replicaId: -1, topics: asked })
    for (const { name: topic, partitions } of answer.topics) {
      for (const { partitionIndex: partition, offset, errorCode } of partitions) {
        if (errorCode === 0) found.set(keyOf({ topic, partition }), offset)
      }
    }
  }
  return found
}

async function commit(
  admin: AdminClient,
  coordinator: number,
  groupId: string,
  moves: readonly (Place & { readonly to: number })[],
  { topics: known }: MetadataResponse,
): Promise<void> {
  // Up to version 9 by name, then by id: both are given.
  const ids = new Map(known.map(({ name, topicId }) => [name, topicId]))
  const topics = [...Map.groupBy(moves, ({ topic }) => topic)].map(([name, ofTopic]) => ({
    ...{ name, topicId: ids.get(name)! },
    partitions: ofTopic.map(({ partition, to }) => ({ partitionIndex: partition, committedOffset: to })),
  }))
  const answer = await admin.requestOf(coordinator, apis.offsetCommit, { groupId, topics })
  for (const { partitions } of answer.topics) {
    for (const { errorCode } of partitions) refuse(errorCode, null, named(groupId))
  }
}

function keyOf({ topic, partition }: Place): string {
  return `${topic}-${partition}`
}

function byPlace(one: Place, other: Place): number {
  if (one.topic !== other.topic) return one.topic < other.topic ? -1 : 1
  return one.partition - other.partition
}

function named(group: string): string {
  return `Group "${group}"`
}
