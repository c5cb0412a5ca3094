// Topics, configuration, offsets and who may write: what each API refuses, by Kafka's names, and what it does.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apis } from '../../broker/protocol/apis.ts'
import { type ErrorName, errorCodes } from '../../broker/protocol/errors.ts'
import { batch, ServedBroker, topic, worstCode } from './served-broker.ts'
import { WireClient } from './wire-client.ts'

const served = ServedBroker.forThisFile()

test('Metadata creates what is named, allowed and well-formed, and nothing else', async () => {
  const ask = async (version: number, name: string, allow = true) => {
    const body = { topics: [{ name }], allowAutoTopicCreation: allow }
    return (await served.client.request(apis.metadata, version, body)).topics[0]!
  }
  assert.equal((await ask(9, 'not-yet', false)).errorCode, errorCodes.unknownTopicOrPartition)
  assert.equal((await ask(9, 'bad name')).errorCode, errorCodes.invalidTopicException)
  const created = await ask(9, 'wanted')
  assert.deepEqual([created.errorCode, created.partitions.length, created.partitions[0]!.leaderId], [0, 3, 1])
  const all = await served.client.request(apis.metadata, 12, { topics: null })
  const names = all.topics.map(({ name }) => name)
  assert(names.includes('wanted') && !names.includes('not-yet'))
  assert.equal(all.topics.find(({ name }) => name === '__consumer_offsets')?.isInternal, true)
  assert.equal((await served.client.request(apis.metadata, 1, { topics: [] })).topics.length, 0)
  assert(
    (await served.client.request(apis.metadata, 0, { topics: [] })).topics.length > 2,
    'in version 0 none means all',
  )
  const id = await served.client.request(apis.metadata, 12, {
    topics: [{ name: null, topicId: served.topicId }],
  })
  assert.equal(id.topics[0]!.name, 'logs')
})

test('CreateTopics refuses what cannot be, and says why', async () => {
  const wish = { numPartitions: 1, replicationFactor: 1 }
  const rows: [error: ErrorName, topic: Record<string, unknown>][] = [
    ['topicAlreadyExists', { ...wish, name: 'logs' }],
    ['invalidTopicException', { ...wish, name: '..' }],
    ['invalidTopicException', { ...wish, name: 'x'.repeat(250) }],
    ['invalidTopicException', { ...wish, name: '__consumer.offsets' }],
    ['invalidPartitions', { ...wish, name: 'n', numPartitions: 0 }],
    ['invalidReplicationFactor', { ...wish, name: 'n', replicationFactor: 3 }],
    ['invalidConfig', { ...wish, name: 'n', configs: [{ name: 'no.such', value: '1' }] }],
    ['invalidConfig', { ...wish, name: 'n', configs: [{ name: 'cleanup.policy', value: 'shred' }] }],
    ['invalidConfig', { ...wish, name: 'n', configs: [{ name: 'flush.messages', value: '1000' }] }],
    ['invalidConfig', { ...wish, name: 'n', configs: [{ name: 'retention.ms', value: null }] }],
    [
      'invalidReplicaAssignment',
      {
        name: 'n',
        numPartitions: -1,
        replicationFactor: -1,
        assignments: [{ partitionIndex: 0, brokerIds: [2] }],
      },
    ],
  ]
  for (const [error, topic] of rows) {
    const { topics } = await served.client.request(apis.createTopics, 7, { topics: [topic] })
    assert.equal(topics[0]!.errorCode, errorCodes[error], JSON.stringify(topic))
    assert(topics[0]!.errorMessage, 'a refusal has a reason')
  }
  const twice = {
    topics: [
      { ...wish, name: 'twice' },
      { ...wish, name: 'twice' },
    ],
  }
  assert.equal(worstCode(await served.client.request(apis.createTopics, 7, twice)), errorCodes.invalidRequest)
})

test('a topic made anew under an old name is another topic, and its files are gone', async () => {
  await served.newTopic('phoenix', 1, { 'retention.ms': '60000' })
  await served.produceTo('phoenix', batch('before'))
  const idOf = async () =>
    (await served.client.request(apis.metadata, 12, { topics: [{ name: 'phoenix' }] })).topics[0]!.topicId
  const first = await idOf()
  const deletion = { topics: [{ name: null, topicId: first }], timeoutMs: 5_000 }
  assert.equal(worstCode(await served.client.request(apis.deleteTopics, 6, deletion)), 0)
  assert.equal(
    worstCode(await served.client.request(apis.deleteTopics, 6, deletion)),
    errorCodes.unknownTopicId,
  )
  await served.newTopic('phoenix')
  assert.notEqual(await idOf(), first)
  assert.equal((await served.fetchOne('phoenix', { offset: 0 })).highWatermark, 0)
})

test('DescribeConfigs tells whose each value is', async () => {
  await served.newTopic('configured', 1, { 'retention.ms': '60000', 'flush.messages': '9223372036854775807' })
  const resources = [{ resourceType: 2, resourceName: 'configured', configurationKeys: null }]
  const { results } = await served.client.request(apis.describeConfigs, 4, {
    resources,
    includeSynonyms: true,
  })
  const byName = new Map(results[0]!.configs.map(config => [config.name, config]))
  assert.deepEqual(
    [byName.get('retention.ms')!.value, byName.get('retention.ms')!.configSource],
    ['60000', 1],
  )
  assert.deepEqual(
    [byName.get('segment.bytes')!.configSource, byName.get('segment.ms')!.configSource],
    [4, 5],
  )
  await served.produceTo('configured', batch('kept in the page cache'))
  assert.equal((await served.fetchOne('configured', { offset: 0 })).highWatermark, 1)
})

test('offsets are kept by group; transactions are refused for good', async () => {
  const commit = {
    groupId: 'keeper',
    topics: [{ name: 'logs', partitions: [{ partitionIndex: 1, committedOffset: 42 }] }],
  }
  assert.equal(worstCode(await served.client.request(apis.offsetCommit, 8, commit)), 0)
  const wanted = { groupId: 'keeper', topics: [{ name: 'logs', partitionIndexes: [0, 1] }] }
  const { topics } = await served.client.request(apis.offsetFetch, 5, wanted)
  assert.deepEqual(
    topics[0]!.partitions.map(({ committedOffset }) => committedOffset),
    [-1, 42],
  )
  const everything = await served.client.request(apis.offsetFetch, 8, {
    groups: [{ groupId: 'keeper', topics: null }],
  })
  assert.equal(everything.groups[0]!.topics[0]!.partitions[0]!.committedOffset, 42)
  const stranger = { ...commit, generationIdOrMemberEpoch: 3, memberId: 'x' }
  assert.equal(
    worstCode(await served.client.request(apis.offsetCommit, 8, stranger)),
    errorCodes.unknownMemberId,
  )

  const init = await served.client.request(apis.initProducerId, 4, { transactionalId: 't' })
  assert.equal(init.errorCode, errorCodes.transactionalIdAuthorizationFailed)
  const find = await served.client.request(apis.findCoordinator, 4, { keyType: 1, coordinatorKeys: ['t'] })
  assert.equal(worstCode(find), errorCodes.transactionalIdAuthorizationFailed)
})

test('of two live instances of one agent the second may not write, until the first is gone', async () => {
  using first = await WireClient.connect(served.broker.port)
  using second = await WireClient.connect(served.broker.port)
  first.clientId = 'tailrace-agent/a1/one'
  second.clientId = 'tailrace-agent/a1/two'
  const write = async (agent: WireClient) => worstCode(await served.produce(topic, batch('x'), 0, agent))
  assert.equal(await write(first), 0)
  assert.equal(await write(second), errorCodes.clusterAuthorizationFailed)
  const init = await second.request(apis.initProducerId, 4, { transactionalId: null })
  assert.equal(init.errorCode, errorCodes.clusterAuthorizationFailed)
  assert.equal(worstCode(await second.request(apis.metadata, 9, { topics: [] })), 0, 'it may still read')
  first[Symbol.dispose]()
  await first.closed
  for (let tries = 0; (await write(second)) !== 0; tries++)
    assert(tries < 1_000, 'the kernel closes dead sockets at once')
  assert(served.broker.logLines.some(({ message }) => message.includes('second live instance')))
})
