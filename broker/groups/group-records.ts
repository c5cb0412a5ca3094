// The records of `__consumer_offsets`, in Kafka's own formats, so that Kafka's tools can read them: a key of
// version 0-1 is an offset, of version 2 a group; a null value removes. Pure: bytes in, values out.
import { Reader, Writer } from '../protocol/bytes.ts'
import {
  array,
  type Body,
  bytes,
  int32,
  int64,
  type Message,
  message,
  nullableString,
  string,
  struct,
} from '../protocol/fields.ts'
import type { Group, Member } from './group.ts'

const offsetCommitKey = message(
  'OffsetCommitKey',
  {},
  { group: string(), topic: string(), partition: int32() },
)
const offsetCommitValue = message(
  'OffsetCommitValue',
  { flexible: 4 },
  {
    offset: int64(),
    leaderEpoch: int32('3+', { default: -1 }),
    metadata: string(),
    commitTimestamp: int64(),
    expireTimestamp: int64('1', { default: -1 }),
  },
)
const groupMetadataKey = message('GroupMetadataKey', {}, { group: string() })
const groupMetadataValue = message(
  'GroupMetadataValue',
  { flexible: 4 },
  {
    protocolType: string(),
    generation: int32(),
    protocol: nullableString(),
    leader: nullableString(),
    currentStateTimestamp: int64('2+', { default: -1 }),
    members: array(
      struct({
        memberId: string(),
        groupInstanceId: nullableString('3+'),
        clientId: string(),
        clientHost: string(),
        rebalanceTimeout: int32('1+'),
        sessionTimeout: int32(),
        subscription: bytes(),
        assignment: bytes(),
      }),
    ),
  },
)

const offsetKeyVersion = 1
const offsetValueVersion = 3
const groupKeyVersion = 2
const groupValueVersion = 3

export interface CommittedOffset {
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
  readonly commitTimestampMs: number
}

export type GroupRecord =
  | {
      readonly type: 'offset'
      readonly group: string
      readonly topic: string
      readonly partition: number
      /** Null: forgotten. */
      readonly value: CommittedOffset | null
    }
  | { readonly type: 'group'; readonly group: string; readonly value: Body<typeof groupMetadataValue> | null }

export function encodeOffsetKey(group: string, topic: string, partition: number): Buffer {
  return versioned(offsetCommitKey, offsetKeyVersion, { group, topic, partition })
}

export function encodeOffsetValue(committed: CommittedOffset): Buffer {
  const { offset, leaderEpoch, metadata, commitTimestampMs } = committed
  return versioned(offsetCommitValue, offsetValueVersion, {
    offset,
    leaderEpoch,
    metadata,
    commitTimestamp: commitTimestampMs,
  })
}

export function encodeGroupKey(group: string): Buffer {
  return versioned(groupMetadataKey, groupKeyVersion, { group })
}

export function encodeGroupValue(group: Group, nowMs: number): Buffer {
  return versioned(groupMetadataValue, groupValueVersion, {
    protocolType: group.protocolType,
    generation: group.generation,
    protocol: group.protocol,
    leader: group.leader,
    currentStateTimestamp: nowMs,
    members: [...group.members.values()].map(member => encodeMember(member, group.protocol)),
  })
}

function encodeMember(member: Member, protocol: string | null) {
  return {
    memberId: member.id,
    groupInstanceId: member.instanceId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    rebalanceTimeout: member.rebalanceTimeoutMs,
    sessionTimeout: member.sessionTimeoutMs,
    subscription: member.protocols.find(offered => offered.name === protocol)?.metadata ?? Buffer.alloc(0),
    assignment: member.assignment,
  }
}

/** Null for a key version that this broker never writes. */
export function decodeGroupRecord(key: Buffer, value: Buffer | null): GroupRecord | null {
  const reader = new Reader(key)
  const version = reader.int16()
  if (version === groupKeyVersion) {
    const { group } = groupMetadataKey.decode(reader, version)
    return { type: 'group', group, value: value === null ? null : decodeVersioned(groupMetadataValue, value) }
  }
  if (version > groupKeyVersion) return null
  const { group, topic, partition } = offsetCommitKey.decode(reader, version)
  return { type: 'offset', group, topic, partition, value: value === null ? null : decodeOffsetValue(value) }
}

function decodeOffsetValue(value: Buffer): CommittedOffset {
  const { offset, leaderEpoch, metadata, commitTimestamp } = decodeVersioned(offsetCommitValue, value)
  return { offset, leaderEpoch, metadata, commitTimestampMs: commitTimestamp }
}

function versioned<T, E>(schema: Message<T, E>, version: number, body: E): Buffer {
  const writer = new Writer(256)
  writer.int16(version)
  schema.encode(writer, version, body)
  return writer.view()
}

function decodeVersioned<T, E>(schema: Message<T, E>, value: Buffer): T {
  const reader = new Reader(value)
  return schema.decode(reader, reader.int16())
}

/** Kafka's choice of partition: the group's String.hashCode, made positive. */
export function offsetsPartitionOf(group: string, partitions: number): number {
  let hash = 0
  for (let i = 0; i < group.length; i++) hash = (Math.imul(hash, 31) + group.charCodeAt(i)) | 0
  return (hash & 0x7fffffff) % partitions
}
