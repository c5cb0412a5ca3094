// The APIs this room can read and write, by name, and the versions of each. Data only.
// What a broker serves is for its handler table to say; it takes the ranges from here.
import type { AnyMessage, Message } from './fields.ts'
import { produceRequest, produceResponse } from './messages/00-produce.ts'
import { fetchRequest, fetchResponse } from './messages/01-fetch.ts'
import { listOffsetsRequest, listOffsetsResponse } from './messages/02-list-offsets.ts'
import { metadataRequest, metadataResponse } from './messages/03-metadata.ts'
import { offsetCommitRequest, offsetCommitResponse } from './messages/08-offset-commit.ts'
import { offsetFetchRequest, offsetFetchResponse } from './messages/09-offset-fetch.ts'
import { findCoordinatorRequest, findCoordinatorResponse } from './messages/10-find-coordinator.ts'
import { joinGroupRequest, joinGroupResponse } from './messages/11-join-group.ts'
import { heartbeatRequest, heartbeatResponse } from './messages/12-heartbeat.ts'
import { leaveGroupRequest, leaveGroupResponse } from './messages/13-leave-group.ts'
import { syncGroupRequest, syncGroupResponse } from './messages/14-sync-group.ts'
import { describeGroupsRequest, describeGroupsResponse } from './messages/15-describe-groups.ts'
import { listGroupsRequest, listGroupsResponse } from './messages/16-list-groups.ts'
import { saslHandshakeRequest, saslHandshakeResponse } from './messages/17-sasl-handshake.ts'
import { apiVersionsRequest, apiVersionsResponse } from './messages/18-api-versions.ts'
import { createTopicsRequest, createTopicsResponse } from './messages/19-create-topics.ts'
import { deleteTopicsRequest, deleteTopicsResponse } from './messages/20-delete-topics.ts'
import { deleteRecordsRequest, deleteRecordsResponse } from './messages/21-delete-records.ts'
import { initProducerIdRequest, initProducerIdResponse } from './messages/22-init-producer-id.ts'
import {
  offsetForLeaderEpochRequest,
  offsetForLeaderEpochResponse,
} from './messages/23-offset-for-leader-epoch.ts'
import { describeAclsRequest, describeAclsResponse } from './messages/29-describe-acls.ts'
import { createAclsRequest, createAclsResponse } from './messages/30-create-acls.ts'
import { deleteAclsRequest, deleteAclsResponse } from './messages/31-delete-acls.ts'
import { describeConfigsRequest, describeConfigsResponse } from './messages/32-describe-configs.ts'
import { alterConfigsRequest, alterConfigsResponse } from './messages/33-alter-configs.ts'
import { describeLogDirsRequest, describeLogDirsResponse } from './messages/35-describe-log-dirs.ts'
import { saslAuthenticateRequest, saslAuthenticateResponse } from './messages/36-sasl-authenticate.ts'
import { createPartitionsRequest, createPartitionsResponse } from './messages/37-create-partitions.ts'
import { deleteGroupsRequest, deleteGroupsResponse } from './messages/42-delete-groups.ts'
import { electLeadersRequest, electLeadersResponse } from './messages/43-elect-leaders.ts'
import {
  incrementalAlterConfigsRequest,
  incrementalAlterConfigsResponse,
} from './messages/44-incremental-alter-configs.ts'
import {
  alterPartitionReassignmentsRequest,
  alterPartitionReassignmentsResponse,
} from './messages/45-alter-partition-reassignments.ts'
import {
  listPartitionReassignmentsRequest,
  listPartitionReassignmentsResponse,
} from './messages/46-list-partition-reassignments.ts'
import { offsetDeleteRequest, offsetDeleteResponse } from './messages/47-offset-delete.ts'
import {
  describeUserScramCredentialsRequest,
  describeUserScramCredentialsResponse,
} from './messages/50-describe-user-scram-credentials.ts'
import {
  alterUserScramCredentialsRequest,
  alterUserScramCredentialsResponse,
} from './messages/51-alter-user-scram-credentials.ts'
import { describeClusterRequest, describeClusterResponse } from './messages/60-describe-cluster.ts'
import { describeProducersRequest, describeProducersResponse } from './messages/61-describe-producers.ts'
import { unregisterBrokerRequest, unregisterBrokerResponse } from './messages/64-unregister-broker.ts'
import {
  listConfigResourcesRequest,
  listConfigResourcesResponse,
} from './messages/74-list-config-resources.ts'

/** Lowest and highest version, both included. */
export type Versions = readonly [min: number, max: number]

export interface Api<RequestMessage, ResponseMessage> {
  readonly key: number
  readonly name: string
  readonly request: RequestMessage
  readonly response: ResponseMessage
  /** What we decode and answer. */
  readonly accepted: Versions
  /** What ApiVersions says. Wider than accepted only where a client's feature detection needs it, for `reason`. */
  readonly advertised: Versions
  readonly reason?: string
  /** First flexible version of the request; its response is flexible from the same version on. */
  readonly flexible: number
}

export type AnyApi = Api<AnyMessage, AnyMessage>

function api<Q, QE, R, RE>(
  key: number,
  name: string,
  request: Message<Q, QE>,
  response: Message<R, RE>,
  accepted: Versions,
  wider?: { readonly advertised: Versions; readonly reason: string },
): Api<Message<Q, QE>, Message<R, RE>> {
  return {
    key,
    name,
    request,
    response,
    accepted,
    flexible: request.flexible,
    advertised: accepted,
    ...wider,
  }
}

/** In the order of their keys. Ranges are Apache Kafka 4.3's. */
export const apis = {
  produce: api(0, 'Produce', produceRequest, produceResponse, [3, 13], {
    advertised: [0, 13],
    reason: 'librdkafka before 2.11 sends uncompressed batches to a broker without Produce 0 (KAFKA-18659)',
  }),
  fetch: api(1, 'Fetch', fetchRequest, fetchResponse, [4, 18]),
  listOffsets: api(2, 'ListOffsets', listOffsetsRequest, listOffsetsResponse, [1, 11]),
  metadata: api(3, 'Metadata', metadataRequest, metadataResponse, [0, 13]),
  offsetCommit: api(8, 'OffsetCommit', offsetCommitRequest, offsetCommitResponse, [2, 10]),
  offsetFetch: api(9, 'OffsetFetch', offsetFetchRequest, offsetFetchResponse, [1, 10]),
  findCoordinator: api(10, 'FindCoordinator', findCoordinatorRequest, findCoordinatorResponse, [0, 6]),
  joinGroup: api(11, 'JoinGroup', joinGroupRequest, joinGroupResponse, [0, 9]),
  heartbeat: api(12, 'Heartbeat', heartbeatRequest, heartbeatResponse, [0, 4]),
  leaveGroup: api(13, 'LeaveGroup', leaveGroupRequest, leaveGroupResponse, [0, 5]),
  syncGroup: api(14, 'SyncGroup', syncGroupRequest, syncGroupResponse, [0, 5]),
  describeGroups: api(15, 'DescribeGroups', describeGroupsRequest, describeGroupsResponse, [0, 6]),
  listGroups: api(16, 'ListGroups', listGroupsRequest, listGroupsResponse, [0, 5]),
  saslHandshake: api(17, 'SaslHandshake', saslHandshakeRequest, saslHandshakeResponse, [1, 1], {
    advertised: [0, 1],
    reason:
      'librdkafka looks for SaslHandshake 0 to tell whether a broker has SASL; what follows v0 has no frames',
  }),
  apiVersions: api(18, 'ApiVersions', apiVersionsRequest, apiVersionsResponse, [0, 4]),
  createTopics: api(19, 'CreateTopics', createTopicsRequest, createTopicsResponse, [2, 7]),
  deleteTopics: api(20, 'DeleteTopics', deleteTopicsRequest, deleteTopicsResponse, [1, 6]),
  deleteRecords: api(21, 'DeleteRecords', deleteRecordsRequest, deleteRecordsResponse, [0, 2]),
  initProducerId: api(22, 'InitProducerId', initProducerIdRequest, initProducerIdResponse, [0, 5]),
  offsetForLeaderEpoch: api(
    23,
    'OffsetForLeaderEpoch',
    offsetForLeaderEpochRequest,
    offsetForLeaderEpochResponse,
    [2, 4],
  ),
  describeAcls: api(29, 'DescribeAcls', describeAclsRequest, describeAclsResponse, [1, 3]),
  createAcls: api(30, 'CreateAcls', createAclsRequest, createAclsResponse, [1, 3]),
  deleteAcls: api(31, 'DeleteAcls', deleteAclsRequest, deleteAclsResponse, [1, 3]),
  describeConfigs: api(32, 'DescribeConfigs', describeConfigsRequest, describeConfigsResponse, [1, 4]),
  alterConfigs: api(33, 'AlterConfigs', alterConfigsRequest, alterConfigsResponse, [0, 2]),
  describeLogDirs: api(35, 'DescribeLogDirs', describeLogDirsRequest, describeLogDirsResponse, [1, 5]),
  saslAuthenticate: api(36, 'SaslAuthenticate', saslAuthenticateRequest, saslAuthenticateResponse, [0, 2]),
  createPartitions: api(37, 'CreatePartitions', createPartitionsRequest, createPartitionsResponse, [0, 3]),
  deleteGroups: api(42, 'DeleteGroups', deleteGroupsRequest, deleteGroupsResponse, [0, 2]),
  electLeaders: api(43, 'ElectLeaders', electLeadersRequest, electLeadersResponse, [0, 2]),
  incrementalAlterConfigs: api(
    44,
    'IncrementalAlterConfigs',
    incrementalAlterConfigsRequest,
    incrementalAlterConfigsResponse,
    [0, 1],
  ),
  alterPartitionReassignments: api(
    45,
    'AlterPartitionReassignments',
    alterPartitionReassignmentsRequest,
    alterPartitionReassignmentsResponse,
    [0, 1],
  ),
  listPartitionReassignments: api(
    46,
    'ListPartitionReassignments',
    listPartitionReassignmentsRequest,
    listPartitionReassignmentsResponse,
    [0, 0],
  ),
  offsetDelete: api(47, 'OffsetDelete', offsetDeleteRequest, offsetDeleteResponse, [0, 0]),
  describeUserScramCredentials: api(
    50,
    'DescribeUserScramCredentials',
    describeUserScramCredentialsRequest,
    describeUserScramCredentialsResponse,
    [0, 0],
  ),
  alterUserScramCredentials: api(
    51,
    'AlterUserScramCredentials',
    alterUserScramCredentialsRequest,
    alterUserScramCredentialsResponse,
    [0, 0],
  ),
  describeCluster: api(60, 'DescribeCluster', describeClusterRequest, describeClusterResponse, [0, 2]),
  describeProducers: api(
    61,
    'DescribeProducers',
    describeProducersRequest,
    describeProducersResponse,
    [0, 0],
  ),
  unregisterBroker: api(64, 'UnregisterBroker', unregisterBrokerRequest, unregisterBrokerResponse, [0, 0]),
  listConfigResources: api(
    74,
    'ListConfigResources',
    listConfigResourcesRequest,
    listConfigResourcesResponse,
    [0, 1],
  ),
} as const

export type ApiName = keyof typeof apis

const byKey = new Map<number, AnyApi>(Object.values(apis).map(row => [row.key, row]))

/** The row of a key on the wire; undefined for one we cannot read. */
export function apiByKey(key: number): AnyApi | undefined {
  return byKey.get(key)
}

export function accepts(row: AnyApi, version: number): boolean {
  return version >= row.accepted[0] && version <= row.accepted[1]
}

/** Every (API, accepted version) pair, in order: what golden and round-trip tests walk. */
export function* everyVersion(): Generator<{ readonly api: AnyApi; readonly version: number }> {
  for (const row of Object.values(apis)) {
    for (let version = row.accepted[0]; version <= row.accepted[1]; version++) yield { api: row, version }
  }
}
