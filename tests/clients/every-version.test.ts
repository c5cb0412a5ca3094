// Every version of every API in the table, over a real socket, each answered as it should be.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnyApi, type ApiName, apis } from '../../broker/protocol/apis.ts'
import { type ErrorName, errorCodes } from '../../broker/protocol/errors.ts'
import type { Encodable } from '../../broker/protocol/fields.ts'
import { sensible } from './sensible-requests.ts'
import { ServedBroker, worstCode } from './served-broker.ts'

const served = ServedBroker.forThisFile()

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
  saslHandshake: 'none',
  apiVersions: 'none',
  createTopics: 'none',
  deleteTopics: 'unknownTopicOrPartition',
  deleteRecords: 'none',
  initProducerId: 'none',
  offsetForLeaderEpoch: 'none',
  describeAcls: 'none',
  createAcls: 'invalidRequest',
  deleteAcls: 'none',
  describeConfigs: 'none',
  alterConfigs: 'unknownTopicOrPartition',
  describeLogDirs: 'none',
  saslAuthenticate: 'none',
  createPartitions: 'invalidPartitions',
  deleteGroups: 'groupIdNotFound',
  electLeaders: 'electionNotNeeded',
  incrementalAlterConfigs: 'none',
  alterPartitionReassignments: 'noReassignmentInProgress',
  listPartitionReassignments: 'none',
  offsetDelete: 'groupIdNotFound',
  describeUserScramCredentials: 'resourceNotFound',
  alterUserScramCredentials: 'resourceNotFound',
  describeCluster: 'none',
  describeProducers: 'none',
  unregisterBroker: 'brokerIdNotRegistered',
  listConfigResources: 'none',
}

for (const [name, row] of Object.entries(apis) as [ApiName, AnyApi][]) {
  test(`${row.name} v${row.accepted[0]}-${row.accepted[1]}: each answers, with ${outcomes[name]}`, async () => {
    for (let version = row.accepted[0]; version <= row.accepted[1]; version++) {
      if (name === 'saslAuthenticate')
        await served.client.request(apis.saslHandshake, 1, { mechanism: 'SCRAM-SHA-256' })
      const answer = await served.client.request(
        row,
        version,
        sensible(name, served.topicId) as Encodable<AnyApi['request']>,
      )
      assert.equal(
        worstCode(answer),
        errorCodes[outcomes[name]],
        `version ${version}: ${JSON.stringify(answer)}`,
      )
    }
  })
}
