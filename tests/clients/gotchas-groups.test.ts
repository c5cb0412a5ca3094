// What other brokers got wrong about metadata, administration and groups, as far as no other file tests it. The rest of
// these rows: admin-apis, admin-changes, groups, assignors (this folder); group, static-members, offsets
// (broker/groups); administration-answers, replica-answers, settings-three, any-broker (tests/system).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apis } from '../../broker/protocol/apis.ts'
import { type ErrorName, errorCodes, errorName } from '../../broker/protocol/errors.ts'
import { batch, ServedBroker, worstCode } from './served-broker.ts'
import { WireClient } from './wire-client.ts'

const served = ServedBroker.forThisFile()
/** What Kafka writes where operations were not asked for. */
const notAsked = -(2 ** 31)
const protocols = [{ name: 'range', metadata: Buffer.from('subscription') }]

function joining(groupId: string, more: object = {}) {
  const times = { sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 30_000 }
  return { groupId, protocolType: 'consumer', protocols, ...times, ...more }
}

/** The only member of its group, with its assignment. */
async function soleMember(groupId: string) {
  const joined = await served.client.request(apis.joinGroup, 3, joining(groupId))
  const { memberId, generationId } = joined
  const assignments = [{ memberId, assignment: Buffer.from('all') }]
  const synced = await served.client.request(apis.syncGroup, 3, {
    groupId,
    memberId,
    generationId,
    assignments,
  })
  assert.equal(synced.errorCode, 0)
  return joined
}

test('Metadata: one living controller, its cluster, and no operations that were not asked for', async () => {
  const plain = await served.client.request(apis.metadata, 9, { topics: [{ name: 'logs' }] })
  assert(plain.brokers.some(({ nodeId }) => nodeId === plain.controllerId))
  assert.match(plain.clusterId ?? '', /^[\w-]{22}$/)
  assert.deepEqual(
    [plain.clusterAuthorizedOperations, plain.topics[0]!.topicAuthorizedOperations],
    [notAsked, notAsked],
  )
  const asked = await served.client.request(apis.metadata, 9, {
    topics: [{ name: 'logs' }],
    includeTopicAuthorizedOperations: true,
  })
  assert(asked.topics[0]!.topicAuthorizedOperations > 0)
})

test('Metadata v10 and v11: a topic by its id alone is an invalid request: their answers need a name', async () => {
  for (const version of [10, 11]) {
    const answer = await served.client.request(apis.metadata, version, { topics: [{ name: null }] })
    assert.deepEqual(
      answer.topics.map(({ name, errorCode }) => [name, errorName(errorCode)]),
      [['', 'invalidRequest']],
    )
  }
})

test('CreateTopics: -1 asks for the defaults, v5 tells the settings, and the next produce succeeds', async () => {
  const topics = [{ name: 'made', numPartitions: -1, replicationFactor: -1 }]
  const answer = await served.client.request(apis.createTopics, 7, { topics, timeoutMs: 5_000 })
  const { errorCode, numPartitions, replicationFactor, configs, topicId } = answer.topics[0]!
  assert.deepEqual([errorCode, numPartitions, replicationFactor], [0, 3, 1])
  assert.equal(configs?.find(({ name }) => name === 'cleanup.policy')?.value, 'delete')
  assert.equal(worstCode(await served.produce('made', batch('x'), 2)), 0)
  const { topics: described } = await served.client.request(apis.metadata, 12, { topics: [{ name: 'made' }] })
  assert.equal(described[0]!.topicId, topicId)
  const only = { topics: [{ name: 'never', numPartitions: 1, replicationFactor: 1 }], validateOnly: true }
  assert.equal(worstCode(await served.client.request(apis.createTopics, 7, only)), 0)
  const never = { topics: [{ name: 'never' }], allowAutoTopicCreation: false }
  const unknown = await served.client.request(apis.metadata, 12, never)
  assert.equal(unknown.topics[0]!.errorCode, errorCodes.unknownTopicOrPartition)
})

test('FindCoordinator: there is one before the first group, in the old form and for many at once', async () => {
  const one = await served.client.request(apis.findCoordinator, 2, { key: 'readers' })
  assert.deepEqual([one.errorCode, one.port], [0, served.broker.port])
  const many = await served.client.request(apis.findCoordinator, 4, { coordinatorKeys: ['a', 'b'] })
  assert.deepEqual(
    many.coordinators.map(({ key, errorCode }) => [key, errorCode]),
    [
      ['a', 0],
      ['b', 0],
    ],
  )
})

test('JoinGroup v4: a nameless member is told its id first, and joins under it', async () => {
  const first = await served.client.request(apis.joinGroup, 4, joining('named'))
  assert.equal(first.errorCode, errorCodes.memberIdRequired)
  assert.notEqual(first.memberId, '')
  const body = joining('named', { memberId: first.memberId })
  const second = await served.client.request(apis.joinGroup, 4, body)
  assert.deepEqual([second.errorCode, second.memberId, second.generationId], [0, first.memberId, 1])
})

test('JoinGroup: session time-outs have bounds, and a stranger is told that it is one', async () => {
  const rows: [error: ErrorName, more: object][] = [
    ['invalidSessionTimeout', { sessionTimeoutMs: 1 }],
    ['invalidSessionTimeout', { sessionTimeoutMs: 1_800_001 }],
    ['unknownMemberId', { memberId: 'nobody' }],
    ['inconsistentGroupProtocol', { protocols: [] }],
    ['inconsistentGroupProtocol', { protocolType: '' }],
  ]
  for (const [error, more] of rows) {
    const { errorCode } = await served.client.request(apis.joinGroup, 5, joining('bounded', more))
    assert.equal(errorName(errorCode), error, JSON.stringify(more))
  }
  assert.equal(
    (await served.client.request(apis.joinGroup, 5, joining(''))).errorCode,
    errorCodes.invalidGroupId,
  )
})

test('SyncGroup: each gets what the leader sent for it, no bytes where it sent none, by either order', async () => {
  using other = await WireClient.connect(served.broker.port)
  const [one, two] = await Promise.all([
    served.client.request(apis.joinGroup, 3, joining('pair')),
    other.request(apis.joinGroup, 3, joining('pair')),
  ])
  assert.equal(one.leader, two.leader)
  const [leader, follower] = one.leader === one.memberId ? [one, two] : [two, one]
  const [ofLeader, ofFollower] = leader === one ? [served.client, other] : [other, served.client]
  assert.deepEqual(
    [leader.members.length, follower.members.length],
    [2, 0],
    'only the leader learns who is there',
  )
  const ask = (member: typeof one) => ({ groupId: 'pair', memberId: member.memberId, generationId: 1 })
  const waiting = ofFollower.request(apis.syncGroup, 5, {
    ...ask(follower),
    protocolType: 'consumer',
    protocolName: 'range',
  })
  const assignments = [{ memberId: leader.memberId, assignment: Buffer.from('everything') }]
  const own = await ofLeader.request(apis.syncGroup, 3, { ...ask(leader), assignments })
  assert.equal(own.assignment.toString(), 'everything')
  const theirs = await waiting
  assert.deepEqual([theirs.errorCode, theirs.assignment.length], [0, 0])
  assert.deepEqual([theirs.protocolType, theirs.protocolName], ['consumer', 'range'])
  const wrong = { ...ask(follower), protocolType: 'consumer', protocolName: 'sticky' }
  const mismatched = await ofFollower.request(apis.syncGroup, 5, wrong)
  assert.equal(mismatched.errorCode, errorCodes.inconsistentGroupProtocol)
})

test('Heartbeat: 25 for a stranger, 22 for another generation, 27 while others join', async () => {
  const { memberId, generationId } = await soleMember('beating')
  const beat = async (more: object = {}) => {
    const body = { groupId: 'beating', memberId, generationId, ...more }
    return errorName((await served.client.request(apis.heartbeat, 4, body)).errorCode)
  }
  assert.equal(await beat(), 'none')
  assert.equal(await beat({ memberId: 'nobody' }), 'unknownMemberId')
  assert.equal(await beat({ generationId: 7 }), 'illegalGeneration')
  using other = await WireClient.connect(served.broker.port)
  const second = other.request(apis.joinGroup, 3, joining('beating')).catch(() => null)
  let heard = await beat()
  while (heard === 'none') heard = await beat()
  assert.equal(heard, 'rebalanceInProgress')
  const left = await served.client.request(apis.leaveGroup, 1, { groupId: 'beating', memberId })
  assert.equal(left.errorCode, 0)
  assert.equal((await second)?.leader, (await second)?.memberId, 'whoever is left leads')
})

test('OffsetFetch: nothing committed is -1 without an error, null is everything', async () => {
  const groups = [{ groupId: 'fresh', topics: [{ name: 'logs', partitionIndexes: [0] }] }]
  const answer = await served.client.request(apis.offsetFetch, 8, { groups })
  const { committedOffset, committedLeaderEpoch, errorCode } = answer.groups[0]!.topics[0]!.partitions[0]!
  assert.deepEqual(
    [answer.groups[0]!.errorCode, committedOffset, committedLeaderEpoch, errorCode],
    [0, -1, -1, 0],
  )
  const all = await served.client.request(apis.offsetFetch, 8, {
    groups: [{ groupId: 'fresh', topics: null }],
  })
  assert.deepEqual([all.groups[0]!.errorCode, all.groups[0]!.topics], [0, []])
})

test('OffsetCommit without a generation is for groups that nobody is in', async () => {
  const commit = async (groupId: string) => {
    const topics = [{ name: 'logs', partitions: [{ partitionIndex: 0, committedOffset: 7 }] }]
    return errorName(worstCode(await served.client.request(apis.offsetCommit, 8, { groupId, topics })))
  }
  assert.equal(await commit('simple'), 'none')
  await soleMember('occupied')
  assert.equal(await commit('occupied'), 'unknownMemberId')
})

test('DescribeGroups and ListGroups: states as Kafka names them, filters, and a group that nobody knows', async () => {
  await soleMember('settled')
  const list = async (more: object) =>
    (await served.client.request(apis.listGroups, 5, more)).groups.map(({ groupId }) => groupId)
  assert((await list({ statesFilter: ['Stable'] })).includes('settled'))
  assert((await list({ statesFilter: ['stable'], typesFilter: ['Classic'] })).includes('settled'))
  assert(!(await list({ statesFilter: ['Empty'] })).includes('settled'))
  assert.deepEqual(await list({ typesFilter: ['share'] }), [])
  const describe = async (version: number) =>
    (await served.client.request(apis.describeGroups, version, { groups: ['nobody-knows'] })).groups[0]!
  assert.deepEqual([(await describe(5)).errorCode, (await describe(5)).groupState], [0, 'Dead'])
  assert.equal((await describe(6)).errorCode, errorCodes.groupIdNotFound)
})
