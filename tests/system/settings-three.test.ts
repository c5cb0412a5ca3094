// Settings changed while three brokers run: asked of any of them, the same on all of them, gone by at once, and after
// the leader has died too. Partitions and groups likewise.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { apis } from '../../broker/protocol/apis.ts'
import { type ErrorName, errorName } from '../../broker/protocol/errors.ts'
import { batch, worstCode } from '../clients/served-broker.ts'
import { WireClient } from '../clients/wire-client.ts'
import { until } from '../eventually.ts'
import { BrokerCluster } from './broker-cluster.ts'

const topic = 'tuned'
let cluster: BrokerCluster
const clients = new Map<number, WireClient>()

before(async () => {
  cluster = await BrokerCluster.start(3, [])
  for (const id of cluster.ids) clients.set(id, await WireClient.connect(cluster.portOf(id)))
  const topics = [{ name: topic, numPartitions: 1, replicationFactor: 3 }]
  assert.equal(worstCode(await client(1).request(apis.createTopics, 7, { topics, timeoutMs: 10_000 })), 0)
  await until('all three are in sync', async () => (await state()).isr === 3)
})
after(async () => {
  for (const one of clients.values()) one[Symbol.dispose]()
  await cluster?.[Symbol.asyncDispose]()
})

const client = (id: number) => clients.get(id)!
const living = () => [...clients.keys()]

async function controller(): Promise<number> {
  return (await client(living()[0]!).request(apis.metadata, 12, { topics: [] })).controllerId
}

async function state(id = living()[0]!) {
  const { topics } = await client(id).request(apis.metadata, 12, { topics: [{ name: topic }] })
  const partitions = topics[0]?.partitions ?? []
  return {
    leader: partitions[0]?.leaderId ?? -1,
    isr: partitions[0]?.isrNodes.length ?? 0,
    count: partitions.length,
  }
}

/** Asked of a broker that is not the controller, which hands it on. */
async function alter(name: string, value: string): Promise<void> {
  const resources = [{ resourceType: 2, resourceName: topic, configs: [{ name, configOperation: 0, value }] }]
  const office = await controller()
  const other = living().find(id => id !== office)!
  assert.equal(worstCode(await client(other).request(apis.incrementalAlterConfigs, 1, { resources })), 0)
  for (const id of living())
    await until(`${name} is ${value} on ${id}`, async () => (await valueAt(id, name)) === value)
}

async function valueAt(id: number, name: string): Promise<string | null | undefined> {
  const resources = [{ resourceType: 2, resourceName: topic, configurationKeys: [name] }]
  const { results } = await client(id).request(apis.describeConfigs, 4, { resources })
  return results[0]?.configs[0]?.value
}

async function produce(value: string): Promise<ErrorName> {
  const topicData = [{ name: topic, partitionData: [{ index: 0, records: batch(value) }] }]
  const { leader } = await state()
  if (!clients.has(leader)) return 'leaderNotAvailable'
  return errorName(
    worstCode(await client(leader).request(apis.produce, 8, { acks: -1, timeoutMs: 5_000, topicData })),
  )
}

/** Of whoever leads, once that broker knows it too: others may hear of an election before. */
async function earliest(): Promise<number> {
  const topics = [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -2 }] }]
  let offset = -1
  await until('the leader knows that it leads', async () => {
    const { leader } = await state()
    const answer = await client(leader).request(apis.listOffsets, 6, { topics })
    const [partition] = answer.topics[0]!.partitions
    offset = partition!.offset
    return partition!.errorCode === 0
  })
  return offset
}

test('a setting is the same on all brokers, whoever was asked, and a new partition is on all of them', async () => {
  await alter('max.message.bytes', '300')
  assert.equal(await produce('x'.repeat(400)), 'messageTooLarge')
  assert.equal(await produce('short'), 'none')
  const topics = [{ name: topic, count: 3, assignments: null }]
  const office = await controller()
  const other = living().find(id => id !== office)!
  assert.equal(
    worstCode(await client(other).request(apis.createPartitions, 3, { topics, timeoutMs: 5_000 })),
    0,
  )
  for (const id of living()) await until(`${id} knows three`, async () => (await state(id)).count === 3)
})

test('min.insync.replicas holds at once, in both directions, and whoever leads next goes by all of it', async () => {
  await alter('min.insync.replicas', '3')
  const { leader } = await state()
  const partitions = [{ partitionIndex: 0, offset: 1 }]
  const deletion = { topics: [{ name: topic, partitions }], timeoutMs: 5_000 }
  assert.equal(worstCode(await client(leader).request(apis.deleteRecords, 2, deletion)), 0)
  assert.equal(await produce('on three'), 'none')
  client(leader)[Symbol.dispose]()
  clients.delete(leader)
  await cluster.stopOne(leader, 'SIGKILL')
  await until(
    'the other two go on',
    async () => clients.has((await state()).leader) && (await state()).isr === 2,
  )
  assert.equal(await earliest(), 1, 'what was deleted is deleted where it leads now')
  await until('two are not enough', async () => (await produce('on two')) === 'notEnoughReplicas')
  await alter('min.insync.replicas', '2')
  await until('two are enough', async () => (await produce('on two')) === 'none')
  assert.equal(await produce('x'.repeat(400)), 'messageTooLarge')
})
