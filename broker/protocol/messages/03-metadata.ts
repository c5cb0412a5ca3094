// Metadata (key 3), v0-13. Brokers, the controller, topics with their partitions and leaders. Schema only.
//
// v0 an empty list asks for all topics; v1 null does, and empty asks for none; v1 also rack, controller, internal.
// v2 cluster id. v3 throttle time. v4 a request may forbid creating topics. v5 offline replicas (KIP-112). v7 leader
// epochs (KIP-320). v8 authorized operations (KIP-430). v9 flexible. v10 topic ids (KIP-516). v11 drops the cluster's
// authorized operations (KIP-700). v12 a request may name topics by id. v13 a top-level error (KIP-1102).
import {
  array,
  type Body,
  bool,
  int16,
  int32,
  message,
  nullableString,
  string,
  struct,
  uuid,
} from '../fields.ts'

/** What authorized operations read as when nobody asked for them. */
export const operationsNotRequested = -2147483648

export const metadataRequest = message(
  'MetadataRequest',
  { flexible: 9 },
  {
    topics: array(struct({ topicId: uuid('10+'), name: string('0+', { nullable: '10+' }) }), '0+', {
      nullable: '1+',
    }),
    allowAutoTopicCreation: bool('4+', { default: true }),
    includeClusterAuthorizedOperations: bool('8-10'),
    includeTopicAuthorizedOperations: bool('8+'),
  },
)
export type MetadataRequest = Body<typeof metadataRequest>

export const metadataResponse = message(
  'MetadataResponse',
  { flexible: 9 },
  {
    throttleTimeMs: int32('3+'),
    brokers: array(struct({ nodeId: int32(), host: string(), port: int32(), rack: nullableString('1+') })),
    clusterId: nullableString('2+'),
    controllerId: int32('1+', { default: -1 }),
    topics: array(
      struct({
        errorCode: int16(),
        name: string('0+', { nullable: '12+' }),
        topicId: uuid('10+'),
        isInternal: bool('1+'),
        partitions: array(
          struct({
            errorCode: int16(),
            partitionIndex: int32(),
            leaderId: int32(),
            leaderEpoch: int32('7+', { default: -1 }),
            replicaNodes: array(int32()),
            isrNodes: array(int32()),
            offlineReplicas: array(int32(), '5+'),
          }),
        ),
        topicAuthorizedOperations: int32('8+', { default: operationsNotRequested }),
      }),
    ),
    clusterAuthorizedOperations: int32('8-10', { default: operationsNotRequested }),
    errorCode: int16('13+'),
  },
)
export type MetadataResponse = Body<typeof metadataResponse>
