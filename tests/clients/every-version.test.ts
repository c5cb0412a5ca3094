// Every version of every API in the table, over a real socket, each answered as it should be.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnyApi, type ApiName, apis } from '../../broker/protocol/apis.ts'
import { type ErrorName, errorCodes } from '../../broker/protocol/errors.ts'
import type { Encodable } from '../../broker/protocol/fields.ts'
import { batch, ServedBroker, worstCode } from './served-broker.ts'

const served = ServedBroker.forThisFile()

/** A request that asks for something sensible in any version. */
function sensible(api: ApiName): Record<string, unknown> {
  const { topicId } = served
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
    case 'initProducerId':
      return { transactionalId: null }
    case 'offsetForLeaderEpoch':
      return { topics: [{ topic: 'logs', partitions: [{ partition: 0, leaderEpoch: 0 }] }] }
    case 'describeConfigs':
      return { resources: [{ resourceType: 2, resourceName: 'logs', configurationKeys: null }] }
    case 'joinGroup':
      return { groupId: 'g', sessionTimeoutMs: 1, protocolType: 'consumer', memberId: 'nobody' }
    default:
      return { groupId: 'absent', memberId: 'nobody', generationId: 1, members: [{ memberId: 'nobody' }] }
  }
}

/** Where each API's answer says how it went, and what it must say to the sensible request. */
const outcomes: Readonly<Record<ApiName, ErrorName>> = {
  produce: 'none',
  fetch: 'none',
  listOffsets: 'none',
  metadata: 'none',
  offsetCommit: 'none',
  offsetFetch: 'none',
  findCoordinator: 'none',
  joinGroup: 'invalidSessionTimeout',
  heartbeat: 'unknownMemberId',
  leaveGroup: 'unknownMemberId',
  syncGroup: 'unknownMemberId',
  describeGroups: 'none',
  listGroups: 'none',
  apiVersions: 'none',
  createTopics: 'none',
  deleteTopics: 'unknownTopicOrPartition',
  initProducerId: 'none',
  offsetForLeaderEpoch: 'none',
  describeConfigs: 'none',
  describeCluster: 'none',
}

for (const [name, row] of Object.entries(apis) as [ApiName, AnyApi][]) {
  test(`${row.name} v${row.accepted[0]}-${row.accepted[1]}: each answers, with ${outcomes[name]}`, async () => {
    for (let version = row.accepted[0]; version <= row.accepted[1]; version++) {
      const answer = await served.client.request(row, version, sensible(name) as Encodable<AnyApi['request']>)
      assert.equal(
        worstCode(answer),
        errorCodes[outcomes[name]],
        `version ${version}: ${JSON.stringify(answer)}`,
      )
    }
  })
}
