// Every API this broker serves: one row each, in the order of their keys. What is not here is not advertised.
import type { Broker } from '../broker.ts'
import { type HandlerRow, type HandlerTable, serve } from '../handler-row.ts'
import { apis } from '../protocol/apis.ts'
import { produce } from './00-produce.ts'
import { fetch } from './01-fetch.ts'
import { listOffsets } from './02-list-offsets.ts'
import { metadata } from './03-metadata.ts'
import { offsetCommit } from './08-offset-commit.ts'
import { offsetFetch } from './09-offset-fetch.ts'
import { findCoordinator } from './10-find-coordinator.ts'
import { joinGroup } from './11-join-group.ts'
import { heartbeat } from './12-heartbeat.ts'
import { leaveGroup } from './13-leave-group.ts'
import { syncGroup } from './14-sync-group.ts'
import { describeGroups } from './15-describe-groups.ts'
import { listGroups } from './16-list-groups.ts'
import { saslHandshake } from './17-sasl-handshake.ts'
import { apiVersions } from './18-api-versions.ts'
import { createTopics } from './19-create-topics.ts'
import { deleteTopics } from './20-delete-topics.ts'
import { deleteRecords } from './21-delete-records.ts'
import { initProducerId } from './22-init-producer-id.ts'
import { offsetForLeaderEpoch } from './23-offset-for-leader-epoch.ts'
import { describeAcls } from './29-describe-acls.ts'
import { createAcls } from './30-create-acls.ts'
import { deleteAcls } from './31-delete-acls.ts'
import { describeConfigs } from './32-describe-configs.ts'
import { alterConfigs } from './33-alter-configs.ts'
import { describeLogDirs } from './35-describe-log-dirs.ts'
import { saslAuthenticate } from './36-sasl-authenticate.ts'
import { createPartitions } from './37-create-partitions.ts'
import { deleteGroups } from './42-delete-groups.ts'
import { electLeaders } from './43-elect-leaders.ts'
import { incrementalAlterConfigs } from './44-incremental-alter-configs.ts'
import { alterPartitionReassignments } from './45-alter-partition-reassignments.ts'
import { listPartitionReassignments } from './46-list-partition-reassignments.ts'
import { offsetDelete } from './47-offset-delete.ts'
import { describeUserScramCredentials } from './50-describe-user-scram-credentials.ts'
import { alterUserScramCredentials } from './51-alter-user-scram-credentials.ts'
import { describeCluster } from './60-describe-cluster.ts'
import { describeProducers } from './61-describe-producers.ts'
import { unregisterBroker } from './64-unregister-broker.ts'
import { listConfigResources } from './74-list-config-resources.ts'
import { ofCluster, ofGroup } from './guards.ts'

export function handlerTable(broker: Broker): HandlerTable {
  const table = new Map<number, HandlerRow>()
  const rows = [
    serve(apis.produce, produce, broker),
    serve(apis.fetch, fetch, broker),
    serve(apis.listOffsets, listOffsets, broker),
    serve(apis.metadata, metadata, broker),
    serve(apis.offsetCommit, offsetCommit, broker),
    serve(apis.offsetFetch, offsetFetch, broker),
    serve(apis.findCoordinator, findCoordinator, broker),
    serve(apis.joinGroup, ofGroup(joinGroup), broker),
    serve(apis.heartbeat, ofGroup(heartbeat), broker),
    serve(apis.leaveGroup, ofGroup(leaveGroup), broker),
    serve(apis.syncGroup, ofGroup(syncGroup), broker),
    serve(apis.describeGroups, describeGroups, broker),
    serve(apis.listGroups, listGroups, broker),
    serve(apis.saslHandshake, saslHandshake, broker),
    serve(apis.apiVersions, apiVersions, table),
    serve(apis.createTopics, createTopics, broker),
    serve(apis.deleteTopics, deleteTopics, broker),
    serve(apis.deleteRecords, deleteRecords, broker),
    serve(apis.initProducerId, initProducerId, broker),
    serve(apis.offsetForLeaderEpoch, offsetForLeaderEpoch, broker),
    serve(apis.describeAcls, describeAcls, broker),
    serve(apis.createAcls, createAcls, broker),
    serve(apis.deleteAcls, deleteAcls, broker),
    serve(apis.describeConfigs, describeConfigs, broker),
    serve(apis.alterConfigs, alterConfigs, broker),
    serve(apis.describeLogDirs, ofCluster('describe', describeLogDirs), broker),
    serve(apis.saslAuthenticate, saslAuthenticate, broker.parts.security),
    serve(apis.createPartitions, createPartitions, broker),
    serve(apis.deleteGroups, deleteGroups, broker),
    serve(apis.electLeaders, ofCluster('alter', electLeaders), broker),
    serve(apis.incrementalAlterConfigs, incrementalAlterConfigs, broker),
    serve(apis.alterPartitionReassignments, ofCluster('alter', alterPartitionReassignments), broker),
    serve(apis.listPartitionReassignments, ofCluster('describe', listPartitionReassignments), broker),
    serve(apis.offsetDelete, offsetDelete, broker),
    serve(apis.describeUserScramCredentials, describeUserScramCredentials, broker),
    serve(apis.alterUserScramCredentials, alterUserScramCredentials, broker),
    serve(apis.describeCluster, describeCluster, broker),
    serve(apis.describeProducers, describeProducers, broker),
    serve(apis.unregisterBroker, ofCluster('alter', unregisterBroker), broker),
    serve(apis.listConfigResources, listConfigResources, broker),
  ]
  for (const row of rows) table.set(row.api.key, row)
  return table
}
