// The port as those see it who must say who they are: users by Kafka's own APIs, SCRAM over a real socket, and rules
// that deny by default; what is not allowed answers with Kafka's codes.
import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Connection } from '../../broker/client/connection.ts'
import { logIn, passwordLogin } from '../../broker/client/login.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { errorName } from '../../broker/protocol/errors.ts'
import { type ScramMechanism, saltPassword, scramMechanisms } from '../../broker/protocol/scram.ts'
import { operations, resourceTypes } from '../../broker/security/operations.ts'
import { ServedBroker, topic, worstCode } from './served-broker.ts'

const served = ServedBroker.forThisFile()
const allow = 3
const literal = 3
const iterations = 4_096
const salt = Buffer.from('a salt of the test')

function connect(login?: ReturnType<typeof passwordLogin>): Promise<Connection> {
  const { port } = served.broker
  return Connection.open({ host: '127.0.0.1', port, clientId: 'test', ...(login && { login }) })
}

async function addUser(name: string, password: string, mechanism: ScramMechanism): Promise<void> {
  const { code, hash } = scramMechanisms[mechanism]
  const saltedPassword = await saltPassword(hash, password, salt, iterations)
  const upsertion = { name, mechanism: code, iterations, salt, saltedPassword }
  const answer = await served.client.request(apis.alterUserScramCredentials, 0, { upsertions: [upsertion] })
  assert.equal(worstCode(answer), 0)
}

type Rule = readonly [keyof typeof resourceTypes, name: string, keyof typeof operations]

async function permit(user: string, ...rules: Rule[]): Promise<void> {
  const creations = rules.map(([type, resourceName, operation]) => ({
    resourceType: resourceTypes[type],
    resourceName,
    resourcePatternType: literal,
    principal: `User:${user}`,
    host: '*',
    operation: operations[operation],
    permissionType: allow,
  }))
  assert.equal(worstCode(await served.client.request(apis.createAcls, 3, { creations })), 0)
}

let ada: Connection
after(() => ada?.close())

test("a user is made by Kafka's own API and logs in", async () => {
  await addUser('ada', 'lovelace', 'SCRAM-SHA-512')
  ada = await connect(passwordLogin('ada', 'lovelace'))
  assert.equal(ada.isOpen, true)
})

test('users are described without their keys, and go when their last credential goes', async () => {
  await addUser('gone', 'x', 'SCRAM-SHA-256')
  const describe = (name: string) =>
    served.client.request(apis.describeUserScramCredentials, 0, { users: [{ name }] })
  const { results } = await describe('gone')
  assert.deepEqual(results[0]!.credentialInfos, [{ mechanism: 1, iterations }])
  const deletions = [{ name: 'gone', mechanism: 1 }]
  assert.equal(worstCode(await served.client.request(apis.alterUserScramCredentials, 0, { deletions })), 0)
  assert.equal(errorName(worstCode(await describe('gone'))), 'resourceNotFound')
})

test('a wrong password, an unknown user and an unknown mechanism end the connection, with the reason', async () => {
  for (const login of [
    passwordLogin('ada', 'wrong'),
    passwordLogin('nobody', 'x'),
    passwordLogin('tailrace', 'x'),
  ]) {
    await assert.rejects(connect(login), /LoginError.*invalid credentials with SASL mechanism SCRAM-SHA-512/s)
  }
  const plain = await connect()
  const answer = await plain.request(apis.saslHandshake, { mechanism: 'PLAIN' })
  assert.equal(errorName(answer.errorCode), 'unsupportedSaslMechanism')
  assert.deepEqual(answer.mechanisms, ['SCRAM-SHA-256', 'SCRAM-SHA-512'])
  await plain.closed
})

test('SaslAuthenticate before SaslHandshake is an illegal state', async () => {
  const plain = await connect()
  const answer = await plain.request(apis.saslAuthenticate, { authBytes: Buffer.from('n,,n=ada,r=x') })
  assert.equal(errorName(answer.errorCode), 'illegalSaslState')
  await plain.closed
})

test('a user without rules sees nothing and may do nothing', async () => {
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000, partitionIndex: 0 }]
  const topics = [{ name: topic, topic, topicId: served.topicId, partitions, partitionIndexes: [0] }]
  assert.deepEqual((await ada.request(apis.metadata, { topics: null })).topics, [])
  const named = { topics: [{ name: topic }] }
  const absent = { topics: [{ name: 'absent' }], allowAutoTopicCreation: true }
  const group = { groupId: 'g', memberId: 'm', members: [{ memberId: 'm' }], coordinatorKeys: ['g'] }
  const records = Buffer.alloc(0)
  const produced = [{ name: topic, topicId: served.topicId, partitionData: [{ index: 0, records }] }]
  const outcomes = {
    metadata: await ada.request(apis.metadata, named),
    metadataOfAbsent: await ada.request(apis.metadata, absent),
    produce: await ada.request(apis.produce, { acks: 1, timeoutMs: 1_000, topicData: produced }),
    fetch: await ada.request(apis.fetch, { maxWaitMs: 0, topics }),
    listOffsets: await ada.request(apis.listOffsets, { topics }),
    offsetForLeaderEpoch: await ada.request(apis.offsetForLeaderEpoch, { topics }),
    createTopics: await ada.request(apis.createTopics, { topics: [{ name: 'new', numPartitions: 1 }] }),
    deleteTopics: await ada.request(apis.deleteTopics, { topics: [{ name: topic }] }),
    deleteRecords: await ada.request(apis.deleteRecords, { topics: [{ name: topic, partitions: [{}] }] }),
    findCoordinator: await ada.request(apis.findCoordinator, group),
    joinGroup: await ada.request(apis.joinGroup, { ...group, sessionTimeoutMs: 10_000 }),
    heartbeat: await ada.request(apis.heartbeat, group),
    offsetCommit: await ada.request(apis.offsetCommit, { ...group, topics }),
    offsetFetch: await ada.request(apis.offsetFetch, { groups: [{ groupId: 'g', topics }] }),
    initProducerId: await ada.request(apis.initProducerId, { transactionalId: null }),
    describeLogDirs: await ada.request(apis.describeLogDirs, { topics: null }),
    electLeaders: await ada.request(apis.electLeaders, { topicPartitions: null }),
    listReassignments: await ada.request(apis.listPartitionReassignments, { topics: null }),
    createAcls: await ada.request(apis.createAcls, { creations: [{}] }),
    users: await ada.request(apis.describeUserScramCredentials, { users: null }),
  }
  const names = Object.entries(outcomes).map(([name, answer]) => [name, errorName(worstCode(answer))])
  const [ofTopic, ofGroup, ofCluster] = ['topic', 'group', 'cluster'].map(
    what => `${what}AuthorizationFailed`,
  )
  assert.deepEqual(Object.fromEntries(names), {
    metadata: ofTopic,
    metadataOfAbsent: ofTopic,
    produce: ofTopic,
    fetch: ofTopic,
    listOffsets: ofTopic,
    offsetForLeaderEpoch: ofTopic,
    createTopics: ofTopic,
    deleteTopics: ofTopic,
    deleteRecords: ofTopic,
    findCoordinator: ofGroup,
    joinGroup: ofGroup,
    heartbeat: ofGroup,
    offsetCommit: ofGroup,
    offsetFetch: ofGroup,
    initProducerId: ofCluster,
    describeLogDirs: ofCluster,
    electLeaders: ofCluster,
    listReassignments: ofCluster,
    createAcls: ofCluster,
    users: ofCluster,
  })
})

test('a rule is in force at once, and gone at once when it is deleted', async () => {
  await permit('ada', ['topic', topic, 'write'], ['topic', topic, 'describeConfigs'])
  const { topics } = await ada.request(apis.metadata, {
    topics: null,
    includeTopicAuthorizedOperations: true,
  })
  assert.deepEqual(
    topics.map(({ name }) => name),
    [topic],
  )
  const bits = [operations.write, operations.describe, operations.describeConfigs]
  assert.equal(
    topics[0]!.topicAuthorizedOperations,
    bits.reduce((sum, bit) => sum | (1 << bit), 0),
  )
  assert.equal((await ada.request(apis.initProducerId, { transactionalId: null })).errorCode, 0)
  const filter = { resourceTypeFilter: 1, patternTypeFilter: 1, operation: 1, permissionType: 1 }
  const adas = { ...filter, principalFilter: 'User:ada' }
  const described = await served.client.request(apis.describeAcls, 3, adas)
  assert.equal(described.resources[0]!.acls.length, 2)
  const { filterResults } = await served.client.request(apis.deleteAcls, 3, { filters: [adas] })
  assert.equal(filterResults[0]!.matchingAcls.length, 2)
  assert.deepEqual((await ada.request(apis.metadata, { topics: null })).topics, [])
})

test('a connection keeps its user: authenticating anew as another fails', async () => {
  await addUser('bob', 'x', 'SCRAM-SHA-512')
  const connection = await connect(passwordLogin('ada', 'lovelace'))
  const again = passwordLogin('bob', 'x')
  assert.equal(await logIn(connection, passwordLogin('ada', 'lovelace'), 5_000), 0, 'the same one may')
  await assert.rejects(logIn(connection, again, 5_000), /invalid credentials/)
  await connection.closed
})

test('the cluster secret is a file that only its owner reads, and makes a client one of the brokers', async () => {
  const path = join(served.broker.directory, 'cluster-secret')
  for (const name of [path, join(served.broker.directory, 'metadata.db')]) {
    assert.equal(statSync(name).mode & 0o777, 0o600, name)
  }
  const secret = readFileSync(path, 'utf8').trim()
  const broker = await connect(passwordLogin('tailrace', secret, 'SCRAM-SHA-256'))
  const vote = { replicaId: 1, replicaState: { replicaId: 1, replicaEpoch: 1 }, maxWaitMs: 0 }
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 }]
  const topics = [{ topic, topicId: served.topicId, partitions }]
  const asked = async (connection: Connection) =>
    errorName(worstCode(await connection.request(apis.fetch, { ...vote, topics })))
  assert.notEqual(await asked(broker), 'topicAuthorizationFailed')
  const plain = await connect()
  assert.equal(await asked(plain), 'topicAuthorizationFailed')
  broker.close()
  plain.close()
})
