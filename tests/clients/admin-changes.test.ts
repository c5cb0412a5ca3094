// What changes a running broker's topics and groups: settings, partitions, offsets, groups. What each API refuses, by
// Kafka's names, and that what it grants is so at once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apis } from '../../broker/protocol/apis.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { type ErrorName, errorCodes, errorName } from '../../broker/protocol/errors.ts'
import { configOperations } from '../../broker/protocol/messages/44-incremental-alter-configs.ts'
import { batch, ServedBroker, worstCode } from './served-broker.ts'
import { WireClient } from './wire-client.ts'

const served = ServedBroker.forThisFile()
const topicType = 2
const brokerType = 4

interface Change {
  readonly name: string
  readonly value?: string | null
  readonly operation?: keyof typeof configOperations
}

async function alter(
  resourceName: string,
  changes: readonly Change[],
  { validateOnly = false, resourceType = topicType } = {},
) {
  const configs = changes.map(({ name, value = null, operation = 'set' }) => ({
    name,
    configOperation: configOperations[operation],
    value,
  }))
  const resources = [{ resourceType, resourceName, configs }]
  const { responses } = await served.client.request(apis.incrementalAlterConfigs, 1, {
    resources,
    validateOnly,
  })
  const { errorCode, errorMessage } = responses[0]!
  assert.equal(errorMessage === null, errorCode === 0, 'a refusal has a reason, success has none')
  return errorName(errorCode)
}

async function configOf(resourceName: string, name: string, resourceType = topicType) {
  const resources = [{ resourceType, resourceName, configurationKeys: [name] }]
  const { results } = await served.client.request(apis.describeConfigs, 4, { resources })
  return results[0]!.configs[0]?.value
}

test('IncrementalAlterConfigs sets, removes, adds to lists, takes from them, and leaves the rest alone', async () => {
  await served.newTopic('tuned', 1, { 'segment.ms': '3600000' })
  assert.equal(await alter('tuned', [{ name: 'retention.ms', value: '60000' }]), 'none')
  assert.deepEqual(
    [await configOf('tuned', 'retention.ms'), await configOf('tuned', 'segment.ms')],
    ['60000', '3600000'],
  )
  const add: Change = { name: 'cleanup.policy', value: 'compact', operation: 'append' }
  assert.equal(await alter('tuned', [add]), 'none')
  assert.equal(await configOf('tuned', 'cleanup.policy'), 'delete,compact')
  assert.equal(await alter('tuned', [{ ...add, value: 'delete', operation: 'subtract' }]), 'none')
  assert.equal(await configOf('tuned', 'cleanup.policy'), 'compact')
  assert.equal(await alter('tuned', [{ name: 'retention.ms', operation: 'delete' }]), 'none')
  assert.equal(await configOf('tuned', 'retention.ms'), '604800000')
})

test('settings are refused as Kafka refuses them, with a sentence, and then nothing has changed', async () => {
  await served.newTopic('stubborn')
  const rows: [error: ErrorName, changes: readonly Change[], topic?: string][] = [
    ['unknownTopicOrPartition', [{ name: 'retention.ms', value: '1' }], 'absent'],
    ['invalidConfig', [{ name: 'no.such', value: '1' }]],
    ['invalidConfig', [{ name: 'retention.ms', value: 'a week' }]],
    ['invalidConfig', [{ name: 'retention.ms', value: '-2' }]],
    ['invalidConfig', [{ name: 'flush.messages', value: '1000' }]],
    ['invalidConfig', [{ name: 'segment.bytes', value: '1000' }]],
    ['invalidConfig', [{ name: 'compression.type', value: 'zstd' }]],
    [
      'invalidConfig',
      [
        { name: 'min.compaction.lag.ms', value: '10' },
        { name: 'max.compaction.lag.ms', value: '9' },
      ],
    ],
    ['invalidConfig', [{ name: 'retention.ms', value: '1', operation: 'append' }]],
    [
      'invalidConfig',
      [
        { name: 'segment.ms', value: '1000' },
        { name: 'retention.ms', value: 'soon' },
      ],
    ],
    ['invalidRequest', [{ name: 'retention.ms', value: null }]],
    [
      'invalidRequest',
      [
        { name: 'retention.ms', value: '1' },
        { name: 'retention.ms', value: '2' },
      ],
    ],
  ]
  for (const [error, changes, topic = 'stubborn'] of rows) {
    assert.equal(await alter(topic, changes), error, JSON.stringify(changes))
  }
  assert.equal(
    await alter('stubborn', [{ name: 'segment.ms', value: '1000' }], { validateOnly: true }),
    'none',
  )
  assert.equal(
    await alter('stubborn', [{ name: 'segment.ms', value: 'x' }], { validateOnly: true }),
    'invalidConfig',
  )
  assert.equal(await configOf('stubborn', 'segment.ms'), '604800000')
  const ofBroker = { resourceType: brokerType }
  assert.equal(await alter('1', [{ name: 'num.partitions', value: '3' }], ofBroker), 'invalidRequest')
  assert.equal(await configOf('1', 'num.partitions', brokerType), '3')
  const twice = { resourceType: topicType, resourceName: 'stubborn', configs: [] }
  const { responses } = await served.client.request(apis.incrementalAlterConfigs, 1, {
    resources: [twice, twice],
  })
  assert.deepEqual(
    responses.map(({ errorCode }) => errorCode),
    [errorCodes.invalidRequest, errorCodes.invalidRequest],
  )
})

test('AlterConfigs replaces all the settings a topic has', async () => {
  await served.newTopic('replaced', 1, { 'segment.ms': '3600000' })
  const configs = [{ name: 'retention.ms', value: '60000' }]
  const resources = [{ resourceType: topicType, resourceName: 'replaced', configs }]
  for (const version of [0, 1, 2]) {
    assert.equal(worstCode(await served.client.request(apis.alterConfigs, version, { resources })), 0)
  }
  assert.deepEqual(
    [await configOf('replaced', 'retention.ms'), await configOf('replaced', 'segment.ms')],
    ['60000', '604800000'],
  )
})

test('a changed setting holds from the next record on: size, time, durability, in-sync replicas', async () => {
  await served.newTopic('strict')
  const code = async (records: Buffer) => errorName(worstCode(await served.produce('strict', records)))
  assert.equal(await code(batch('x'.repeat(500))), 'none')
  assert.equal(await alter('strict', [{ name: 'max.message.bytes', value: '200' }]), 'none')
  assert.equal(await code(batch('x'.repeat(500))), 'messageTooLarge')
  assert.equal(await code(batch('x')), 'none')

  const builder = new BatchBuilder()
  builder.append(null, Buffer.from('from tomorrow'), undefined, Date.now() + 86_400_000)
  const tomorrow = builder.build({ codec: 'none' })
  assert.equal(await code(Buffer.from(tomorrow)), 'none')
  assert.equal(await alter('strict', [{ name: 'message.timestamp.after.max.ms', value: '3600000' }]), 'none')
  assert.equal(await code(Buffer.from(tomorrow)), 'invalidTimestamp')

  const lazy = { name: 'flush.messages', value: '9223372036854775807' }
  assert.equal(await alter('strict', [lazy]), 'none')
  assert.equal(await code(batch('in the page cache')), 'none')
  assert.equal(await alter('strict', [{ ...lazy, value: '1' }]), 'none')
  assert.equal(await code(batch('on the disk')), 'none')
  // One copy cannot be two: what counts is never more than the topic has.
  assert.equal(await alter('strict', [{ name: 'min.insync.replicas', value: '2' }]), 'none')
  assert.equal(await code(batch('x')), 'none')
  assert.equal((await served.fetchOne('strict', { offset: 0 })).highWatermark, 6)
})

test('CreatePartitions adds partitions that take records, and refuses what is no increase', async () => {
  await served.newTopic('growing', 2)
  const grow = async (count: number, more: object = {}, name = 'growing') => {
    const topics = [{ name, count, assignments: null, ...more }]
    const { results } = await served.client.request(apis.createPartitions, 3, {
      topics,
      timeoutMs: 5_000,
      ...more,
    })
    assert.equal(results[0]!.errorMessage === null, results[0]!.errorCode === 0)
    return errorName(results[0]!.errorCode)
  }
  assert.equal(await grow(2), 'invalidPartitions')
  assert.equal(await grow(1), 'invalidPartitions')
  assert.equal(await grow(3, {}, 'absent'), 'unknownTopicOrPartition')
  assert.equal(await grow(17, {}, '__consumer_offsets'), 'invalidRequest')
  assert.equal(await grow(3, { assignments: [{ brokerIds: [77] }] }), 'invalidReplicaAssignment')
  assert.equal(await grow(4, { assignments: [{ brokerIds: [1] }] }), 'invalidReplicaAssignment')
  assert.equal(await grow(4, { validateOnly: true }), 'none')
  const count = async () =>
    (await served.client.request(apis.metadata, 12, { topics: [{ name: 'growing' }] })).topics[0]!.partitions
      .length
  assert.equal(await count(), 2)
  assert.equal(await grow(3, { assignments: [{ brokerIds: [1] }] }), 'none')
  assert.equal(await grow(5), 'none')
  assert.equal(await count(), 5)
  for (let index = 0; index < 5; index++) {
    assert.equal(worstCode(await served.produce('growing', batch('x'), index)), 0, `partition ${index}`)
  }
})

test('DescribeProducers names who wrote, with the last sequence', async () => {
  await served.newTopic('written')
  const builder = new BatchBuilder()
  for (const value of ['one', 'two', 'three'])
    builder.append(null, Buffer.from(value), undefined, 1_700_000_000_000)
  const records = builder.build({ codec: 'none', producerId: 4_711, epoch: 2, sequence: 0 })
  await served.produceTo('written', records)
  const topics = [{ name: 'written', partitionIndexes: [0, 9] }]
  const answer = await served.client.request(apis.describeProducers, 0, { topics })
  const [known, unknown] = answer.topics[0]!.partitions
  assert.equal(unknown!.errorCode, errorCodes.unknownTopicOrPartition)
  const { lastTimestamp, ...producer } = known!.activeProducers[0]!
  assert(Math.abs(Date.now() - lastTimestamp) < 60_000, 'when the broker took it')
  assert.deepEqual(producer, {
    producerId: 4_711,
    producerEpoch: 2,
    lastSequence: 2,
    coordinatorEpoch: -1,
    currentTxnStartOffset: -1,
  })
})

test('ListConfigResources names topics and brokers', async () => {
  const list = async (resourceTypes: number[]) => {
    const answer = await served.client.request(apis.listConfigResources, 1, { resourceTypes })
    return answer.errorCode === 0 ? answer.configResources : errorName(answer.errorCode)
  }
  assert.deepEqual(await list([brokerType]), [{ resourceName: '1', resourceType: brokerType }])
  const topics = await list([topicType])
  assert(Array.isArray(topics) && topics.some(({ resourceName }) => resourceName === 'logs'))
  assert.equal(await list([77]), 'unsupportedVersion')
})

test('DeleteGroups and OffsetDelete: what is deleted is gone after a restart too', async () => {
  const commit = async (groupId: string, name = 'logs') => {
    const partitions = [0, 1].map(partitionIndex => ({ partitionIndex, committedOffset: 7 }))
    const answer = await served.client.request(apis.offsetCommit, 8, {
      groupId,
      topics: [{ name, partitions }],
    })
    assert.equal(worstCode(answer), 0)
  }
  const committed = async (groupId: string) => {
    const groups = [{ groupId, topics: null }]
    const { topics } = (await served.client.request(apis.offsetFetch, 8, { groups })).groups[0]!
    return topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, committedOffset }) => `${name}-${partitionIndex} ${committedOffset}`),
    )
  }
  for (const groupId of ['kept', 'trimmed', 'deleted']) await commit(groupId)
  const partitions = [{ partitionIndex: 0 }]
  const trim = { groupId: 'trimmed', topics: [{ name: 'logs', partitions }] }
  assert.equal(worstCode(await served.client.request(apis.offsetDelete, 0, trim)), 0)
  assert.equal(worstCode(await served.client.request(apis.deleteGroups, 2, { groupsNames: ['deleted'] })), 0)
  await served.newTopic('short-lived', 2)
  await commit('kept', 'short-lived')
  const deletion = { topicNames: ['short-lived'], timeoutMs: 5_000 }
  assert.equal(worstCode(await served.client.request(apis.deleteTopics, 5, deletion)), 0)
  // What was committed for a topic goes with it; that is not waited for.
  while ((await committed('kept')).length > 2);
  await served.broker.killAndRestart()
  served.client[Symbol.dispose]()
  served.client = await WireClient.connect(served.broker.port)
  assert.deepEqual(await committed('kept'), ['logs-0 7', 'logs-1 7'])
  assert.deepEqual(await committed('trimmed'), ['logs-1 7'])
  assert.deepEqual(await committed('deleted'), [])
})

test('AlterConfigs: settings that are named like the parts of a refusal are unknown settings', async () => {
  const configs = [
    { name: 'error', value: 'none' },
    { name: 'message', value: 'all is well' },
  ]
  const resources = [{ resourceType: topicType, resourceName: 'logs', configs }]
  const answer = await served.client.request(apis.alterConfigs, 2, { resources })
  assert.equal(errorName(answer.responses[0]!.errorCode), 'invalidConfig')
})
