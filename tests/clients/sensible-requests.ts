// One request per API that asks for something sensible in any version: fields a version lacks are not sent.
import type { ApiName } from '../../broker/protocol/apis.ts'
import { batch } from './served-broker.ts'

/** A request that asks for something sensible in any version. */
export function sensible(api: ApiName, topicId: string): Record<string, unknown> {
  const topics = [{ name: 'logs', topicId, partitions: [{ partitionIndex: 0, timestamp: -1 }] }]
  switch (api) {
    case 'produce': {
      const topicData = [{ name: 'logs', topicId, partitionData: [{ index: 0, records: batch('x') }] }]
      return { transactionalId: null, acks: -1, timeoutMs: 5_000, topicData }
    }
    case 'fetch': {
      const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 }]
      return { maxWaitMs: 0, minBytes: 1, topics: [{ topic: 'logs', topicId, partitions }] }
    }
    case 'listOffsets':
      return { topics }
    case 'metadata':
      return { topics: [{ name: 'logs' }] }
    case 'offsetCommit':
      return {
        groupId: 'simple',
        topics: [{ ...topics[0], partitions: [{ partitionIndex: 0, committedOffset: 7 }] }],
      }
    case 'offsetFetch': {
      const wanted = [{ name: 'logs', topicId, partitionIndexes: [0] }]
      return { groupId: 'simple', topics: wanted, groups: [{ groupId: 'simple', topics: wanted }] }
    }
    case 'findCoordinator':
      return { key: 'simple', coordinatorKeys: ['simple'] }
    case 'describeGroups':
      return { groups: ['simple'] }
    case 'apiVersions':
      return { clientSoftwareName: 'test', clientSoftwareVersion: '1.0' }
    case 'createTopics':
      return { topics: [{ name: 'never', numPartitions: 1, replicationFactor: 1 }], validateOnly: true }
    case 'deleteTopics':
      return { topics: [{ name: 'absent' }], topicNames: ['absent'] }
    case 'deleteRecords':
      return { topics: [{ name: 'logs', partitions: [{ partitionIndex: 0, offset: 0 }] }], timeoutMs: 5_000 }
    case 'initProducerId':
      return { transactionalId: null }
    case 'offsetForLeaderEpoch':
      return { topics: [{ topic: 'logs', partitions: [{ partition: 0, leaderEpoch: 0 }] }] }
    case 'describeConfigs':
      return { resources: [{ resourceType: 2, resourceName: 'logs', configurationKeys: null }] }
    case 'describeLogDirs':
      return { topics: [{ topic: 'logs', partitions: [0] }] }
    case 'saslHandshake':
      return { mechanism: 'SCRAM-SHA-256' }
    case 'saslAuthenticate':
      return { authBytes: Buffer.from('n,,n=nobody,r=nonce') }
    case 'describeAcls':
      return { resourceTypeFilter: 1, patternTypeFilter: 1, operation: 1, permissionType: 1 }
    case 'createAcls':
      return {
        creations: [{ resourceType: 2, principal: 'User:x', host: '*', operation: 3, permissionType: 3 }],
      }
    case 'deleteAcls': {
      const filter = { resourceTypeFilter: 2, resourceNameFilter: 'absent', patternTypeFilter: 3 }
      return { filters: [{ ...filter, operation: 1, permissionType: 1 }] }
    }
    case 'describeUserScramCredentials':
      return { users: [{ name: 'absent' }] }
    case 'alterUserScramCredentials':
      return { deletions: [{ name: 'absent', mechanism: 1 }] }
    case 'alterConfigs':
      return { resources: [{ resourceType: 2, resourceName: 'absent', configs: [] }] }
    case 'incrementalAlterConfigs': {
      const configs = [{ name: 'retention.ms', configOperation: 0, value: '60000' }]
      return { resources: [{ resourceType: 2, resourceName: 'logs', configs }], validateOnly: true }
    }
    case 'createPartitions':
      return { topics: [{ name: 'logs', count: 1, assignments: null }], timeoutMs: 5_000 }
    case 'deleteGroups':
      return { groupsNames: ['absent'] }
    case 'offsetDelete':
      return { groupId: 'absent' }
    case 'describeProducers':
      return { topics: [{ name: 'logs', partitionIndexes: [0] }] }
    case 'electLeaders':
      return { topicPartitions: [{ topic: 'logs', partitions: [0] }] }
    case 'alterPartitionReassignments':
      return { topics: [{ name: 'logs', partitions: [{ partitionIndex: 0, replicas: null }] }] }
    case 'listPartitionReassignments':
      return { topics: null }
    case 'unregisterBroker':
      return { brokerId: 77 }
    case 'joinGroup':
      return { groupId: 'g', sessionTimeoutMs: 1, protocolType: 'consumer', memberId: 'nobody' }
    default:
      return { groupId: 'absent', memberId: 'nobody', generationId: 1, members: [{ memberId: 'nobody' }] }
  }
}
