// Fetch (key 1), v4-18. Consumers and followers read record batches, waiting for more if asked to. Schema only.
//
// v4 isolation level, aborted transactions. v5 log start offset. v7 fetch sessions (KIP-227). v9 leader epoch fencing
// (KIP-320). v10 allows zstd (KIP-110). v11 rack, preferred replica (KIP-392). v12 flexible, diverging epoch (KIP-595).
// v13 topic ids instead of names (KIP-516). v14 may answer offsetMovedToTieredStorage (KIP-405). v15 replica id moves
// into a tagged replica state with its epoch (KIP-903). v16 leader addresses (KIP-951). v17 directory id (KIP-853).
// v18 the follower's high watermark (KIP-1166).
import { noBytes } from '../bytes.ts'
import {
  array,
  type Body,
  exactInt64,
  int8,
  int16,
  int32,
  int64,
  message,
  nullableString,
  records,
  string,
  struct,
  tagged,
  uuid,
} from '../fields.ts'

/** "This follower does not send its high watermark": Java's largest long, hence the exact field. */
const highWatermarkUnsupported = 9223372036854775807n

export const fetchRequest = message(
  'FetchRequest',
  { flexible: 12 },
  {
    clusterId: tagged('12+', 0, nullableString('12+')),
    replicaId: int32('0-14', { default: -1 }),
    replicaState: tagged(
      '15+',
      1,
      struct({
        replicaId: int32('15+', { default: -1 }),
        replicaEpoch: int64('15+', { default: -1 }),
      }),
    ),
    maxWaitMs: int32(),
    minBytes: int32(),
    maxBytes: int32('3+', { default: 0x7fffffff }),
    isolationLevel: int8('4+'),
    sessionId: int32('7+'),
    sessionEpoch: int32('7+', { default: -1 }),
    topics: array(
      struct({
        topic: string('0-12'),
        topicId: uuid('13+'),
        partitions: array(
          struct({
            partition: int32(),
            currentLeaderEpoch: int32('9+', { default: -1 }),
            fetchOffset: int64(),
            lastFetchedEpoch: int32('12+', { default: -1 }),
            logStartOffset: int64('5+', { default: -1 }),
            partitionMaxBytes: int32(),
            replicaDirectoryId: tagged('17+', 0, uuid('17+')),
            highWatermark: tagged('18+', 1, exactInt64('18+', { default: highWatermarkUnsupported })),
          }),
        ),
      }),
    ),
    forgottenTopicsData: array(
      struct({ topic: string('7-12'), topicId: uuid('13+'), partitions: array(int32(), '7+') }),
      '7+',
    ),
    rackId: string('11+'),
  },
)
export type FetchRequest = Body<typeof fetchRequest>

export const fetchResponse = message(
  'FetchResponse',
  { flexible: 12 },
  {
    throttleTimeMs: int32('1+'),
    errorCode: int16('7+'),
    sessionId: int32('7+'),
    responses: array(
      struct({
        topic: string('0-12'),
        topicId: uuid('13+'),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
            highWatermark: int64(),
            lastStableOffset: int64('4+', { default: -1 }),
            logStartOffset: int64('5+', { default: -1 }),
            divergingEpoch: tagged(
              '12+',
              0,
              struct({ epoch: int32('12+', { default: -1 }), endOffset: int64('12+', { default: -1 }) }),
            ),
            currentLeader: tagged(
              '12+',
              1,
              struct({
                leaderId: int32('12+', { default: -1 }),
                leaderEpoch: int32('12+', { default: -1 }),
              }),
            ),
            snapshotId: tagged(
              '12+',
              2,
              struct({ endOffset: int64('0+', { default: -1 }), epoch: int32('0+', { default: -1 }) }),
            ),
            abortedTransactions: array(struct({ producerId: int64('4+'), firstOffset: int64('4+') }), '4+', {
              nullable: '4+',
            }),
            preferredReadReplica: int32('11+', { default: -1 }),
            // Kafka never answers null here, and some clients do not expect it.
            records: records('0+', { default: noBytes }),
          }),
        ),
      }),
    ),
    nodeEndpoints: tagged(
      '16+',
      0,
      array(
        struct({
          nodeId: int32('16+'),
          host: string('16+'),
          port: int32('16+'),
          rack: nullableString('16+'),
        }),
      ),
    ),
  },
)
export type FetchResponse = Body<typeof fetchResponse>
