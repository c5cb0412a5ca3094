// Whatever only the controller can do is taken by any broker; and a cluster that lost all processes at once, or one
// whole disk, comes back with everything.
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { apis } from '../../broker/protocol/apis.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { batch } from '../clients/served-broker.ts'
import { WireClient } from '../clients/wire-client.ts'
import { until } from '../eventually.ts'
import { BrokerCluster } from './broker-cluster.ts'

const portOf = (address: string) => Number(address.split(':')[1])

test('any broker creates topics, by name alone too, and deletes them; producer ids are one sequence', async () => {
  await using cluster = await BrokerCluster.start(3, [{ name: 'logs', partitions: 3 }])
  const producerIds = new Set<number>()
  for (const [index, address] of cluster.addresses.entries()) {
    using client = await WireClient.connect(portOf(address))
    const asked = { topics: [{ name: `auto-${index}` }], allowAutoTopicCreation: true }
    const { topics, brokers, controllerId } = await client.request(apis.metadata, 12, asked)
    assert.deepEqual(brokers.map(({ nodeId }) => nodeId).sort(), [1, 2, 3])
    assert(controllerId > 0)
    assert.equal(topics[0]!.errorCode, errorCodes.none)
    assert.deepEqual(
      topics[0]!.partitions.map(({ replicaNodes }) => replicaNodes.length),
      [3, 3, 3],
    )
    const wish = { name: `two-${index}`, numPartitions: 3, replicationFactor: 2 }
    const created = await client.request(apis.createTopics, 7, {
      topics: [wish, { ...wish, name: 'four', replicationFactor: 4 }],
    })
    assert.deepEqual(
      created.topics.map(({ errorCode }) => errorCode),
      [errorCodes.none, errorCodes.invalidReplicationFactor],
    )
    assert.equal(created.topics[0]!.replicationFactor, 2)
    await until('the topic is known here and led', async () => {
      const described = await client.request(apis.metadata, 12, { topics: [{ name: wish.name }] })
      return (
        described.topics[0]!.partitions.length === 3 &&
        described.topics[0]!.partitions.every(one => one.leaderId > 0)
      )
    })
    const deleted = await client.request(apis.deleteTopics, 6, { topics: [{ name: wish.name }] })
    assert.equal(deleted.responses[0]!.errorCode, errorCodes.none)
    const again = await client.request(apis.createTopics, 7, { topics: [wish] })
    assert.equal(again.topics[0]!.errorCode, errorCodes.none, 'the name is free')
    producerIds.add((await client.request(apis.initProducerId, 4, { transactionalId: null })).producerId)
  }
  assert.equal(producerIds.size, 3)
})

test('all killed at once, and one whole disk lost: everything acknowledged is there, on three again', async () => {
  await using cluster = await BrokerCluster.start(3, [{ name: 'logs', partitions: 1 }])
  const ask = async () => {
    using client = await WireClient.connect(portOf(cluster.addresses[0]!))
    const { topics, brokers } = await client.request(apis.metadata, 12, { topics: [{ name: 'logs' }] })
    const { leaderId, isrNodes } = topics[0]!.partitions[0]!
    const address = brokers.find(({ nodeId }) => nodeId === leaderId)
    return { leaderId, isr: isrNodes.length, port: address?.port ?? 0 }
  }
  let acknowledged = 0
  const produceOnce = async () => {
    using client = await WireClient.connect((await ask()).port)
    const topicData = [{ name: 'logs', partitionData: [{ index: 0, records: batch('x') }] }]
    const { responses } = await client.request(apis.produce, 8, { acks: -1, timeoutMs: 5_000, topicData })
    const { errorCode } = responses[0]!.partitionResponses[0]!
    // What the store said before the first election after a start is history.
    assert([errorCodes.none, errorCodes.notLeaderOrFollower].includes(errorCode), `error ${errorCode}`)
    if (errorCode === errorCodes.none) acknowledged++
    return errorCode === errorCodes.none
  }
  const produce = () => until('a record is acknowledged', produceOnce)
  const isWhole = async () => {
    const { leaderId, isr } = await ask()
    return leaderId > 0 && isr === 3
  }
  for (let count = 0; count < 5; count++) await produce()
  await Promise.all(cluster.ids.map(id => cluster.stopOne(id, 'SIGKILL')))
  await Promise.all(cluster.ids.map(id => cluster.startOne(id)))
  await until('all are in sync after all were killed', isWhole)
  await produce()
  const { leaderId } = await ask()
  await cluster.stopOne(leaderId, 'SIGKILL')
  await rm(join(cluster.directory, `broker-${leaderId}`), { recursive: true })
  await cluster.startOne(leaderId)
  await until('all are in sync after a disk was lost', isWhole)
  await produce()
  using client = await WireClient.connect((await ask()).port)
  const topics = [{ name: 'logs', partitions: [{ partitionIndex: 0, timestamp: -1 }] }]
  const { topics: answers } = await client.request(apis.listOffsets, 5, { replicaId: -1, topics })
  assert.equal(answers[0]!.partitions[0]!.offset, acknowledged)
})

test('whoever coordinates a group takes its offsets, also of partitions it has no replica of', async () => {
  await using cluster = await BrokerCluster.start(3, [{ name: 'logs', partitions: 1 }])
  using client = await WireClient.connect(portOf(cluster.addresses[0]!))
  const name = 'lone'
  await client.request(apis.createTopics, 7, { topics: [{ name, numPartitions: 1, replicationFactor: 1 }] })
  const coordinators = new Set<number>()
  for (let group = 0; coordinators.size < 3; group++) {
    assert(group < 100, 'every broker coordinates some of them')
    const groupId = `group-${group}`
    const wish = { keyType: 0, coordinatorKeys: [groupId] }
    await until('the group is coordinated and takes an offset', async () => {
      const [found] = (await client.request(apis.findCoordinator, 4, wish)).coordinators
      using coordinator = await WireClient.connect(found!.port)
      const partitions = [{ partitionIndex: 0, committedOffset: 7 }]
      const commit = { groupId, generationIdOrMemberEpoch: -1, topics: [{ name, partitions }] }
      const { topics } = await coordinator.request(apis.offsetCommit, 8, commit)
      if (topics[0]!.partitions[0]!.errorCode !== errorCodes.none) return false
      coordinators.add(found!.nodeId)
      return true
    })
  }
})

test('removing settings that brokers never had is no error; setting them is', async () => {
  await using cluster = await BrokerCluster.start(1, [])
  using client = await WireClient.connect(portOf(cluster.addresses[0]!))
  const name = 'leader.replication.throttled.rate'
  const ask = async (configOperation: number, value: string | null) => {
    const resources = [{ resourceType: 4, resourceName: '1', configs: [{ name, configOperation, value }] }]
    const { responses } = await client.request(apis.incrementalAlterConfigs, 1, { resources })
    return responses[0]!.errorCode
  }
  assert.equal(await ask(1, null), errorCodes.none)
  assert.equal(await ask(0, '1000'), errorCodes.invalidRequest)
})
