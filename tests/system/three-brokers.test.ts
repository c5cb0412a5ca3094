// Three brokers, replication factor 3, min ISR 2: kill -9 of whoever leads and of the controller, while a producer and
// a consumer group go on. Nothing that was acknowledged may be missing, and the pauses are printed.
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { type Admin, Kafka, logLevel, type Producer } from 'kafkajs'
import { apis } from '../../broker/protocol/apis.ts'
import { grow } from '../../cli/cluster.ts'
import { ClusterAdmin } from '../../cli/cluster-admin.ts'
import { WireClient } from '../clients/wire-client.ts'
import { until } from '../eventually.ts'
import { BrokerCluster } from './broker-cluster.ts'

const topic = 'logs'
const partitions = 6
const failoverMsMax = 10_000

interface Partition {
  readonly leader: number
  readonly isr: readonly number[]
  readonly replicas: readonly number[]
}

async function partitionsOf(admin: Admin): Promise<Partition[]> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  return [...topics[0]!.partitions].sort((one, other) => one.partitionId - other.partitionId)
}

/** What a test that failed leaves running: it would keep the file's process for ever. */
const begun: { stop(): void }[] = []
const clients: { disconnect(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of begun.splice(0)) one.stop()
  await Promise.allSettled(clients.splice(0).map(client => client.disconnect()))
})

function opened<T extends { disconnect(): Promise<void> }>(client: T): T {
  clients.push(client)
  return client
}

/** Sends one numbered value after the other to one partition, each until it is acknowledged. */
class SteadyProducer {
  readonly acknowledged: string[] = []
  readonly partition: number
  /** The longest time between two acknowledgements since it was last asked for. */
  longestPauseMs = 0
  readonly #producer: Producer
  #isStopped = false

  constructor(producer: Producer, partition: number) {
    begun.push(this)
    this.#producer = producer
    this.partition = partition
  }

  async run(): Promise<void> {
    let lastMs = performance.now()
    for (let count = 0; !this.#isStopped; count++) {
      const value = `${this.partition}-${count}`
      if (!(await this.#send(value))) continue
      this.acknowledged.push(value)
      this.longestPauseMs = Math.max(this.longestPauseMs, performance.now() - lastMs)
      lastMs = performance.now()
    }
  }

  stop(): void {
    this.#isStopped = true
  }

  async #send(value: string): Promise<boolean> {
    try {
      const messages = [{ partition: this.partition, value }]
      await this.#producer.send({ topic, acks: -1, timeout: 2_000, messages })
      return true
    } catch {
      return false
    }
  }
}

test('kill -9 of leaders and of the controller: clients go on, all that was acknowledged is read', async context => {
  await using cluster = await BrokerCluster.start(3, [{ name: topic, partitions }])
  const retry = { retries: 30, initialRetryTime: 50, maxRetryTime: 200 }
  const kafka = new Kafka({ brokers: cluster.addresses, logLevel: logLevel.NOTHING, retry })
  const admin = opened(kafka.admin())
  await admin.connect()
  for (const { isr } of await partitionsOf(admin)) assert.equal(isr.length, 3)
  const producer = opened(kafka.producer({ allowAutoTopicCreation: false }))
  await producer.connect()
  const seen = new Set<string>()
  const consumer = opened(
    kafka.consumer({ groupId: 'riders', sessionTimeout: 6_000, heartbeatInterval: 500, retry }),
  )
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      seen.add(String(message.value))
    },
  })
  const steady = Array.from({ length: partitions }, (_, index) => new SteadyProducer(producer, index))
  const running = steady.map(one => one.run())
  const pausesMs: number[] = []
  for (const victimOf of [
    async () => (await admin.describeCluster()).controller ?? 1,
    async () => (await partitionsOf(admin))[0]!.leader,
    async () => (await partitionsOf(admin))[partitions - 1]!.leader,
  ]) {
    const victim = await victimOf()
    const before = steady.map(one => one.acknowledged.length)
    for (const one of steady) one.longestPauseMs = 0
    await cluster.stopOne(victim, 'SIGKILL')
    const hasGoneOn = () => steady.every((one, index) => one.acknowledged.length > before[index]! + 3)
    await until(`all partitions take records again after broker ${victim} was killed`, hasGoneOn)
    await until('nothing is led by the dead', async () =>
      (await partitionsOf(admin)).every(({ leader }) => leader > 0 && leader !== victim),
    )
    pausesMs.push(Math.max(...steady.map(one => one.longestPauseMs)))
    await cluster.startOne(victim)
    await until('it is in sync again', async () =>
      (await partitionsOf(admin)).every(({ isr }) => isr.length === 3),
    )
  }
  for (const one of steady) one.stop()
  await Promise.all(running)
  const acknowledged = steady.flatMap(one => one.acknowledged)
  await until('the consumer has read what was acknowledged', () =>
    acknowledged.every(value => seen.has(value)),
  )
  await Promise.all([consumer.disconnect(), producer.disconnect(), admin.disconnect()])
  context.diagnostic(
    `${acknowledged.length} acknowledged, longest pauses ${pausesMs.map(Math.round).join(', ')} ms`,
  )
  assert(Math.max(...pausesMs) < failoverMsMax)
  assert.deepEqual(await Promise.all(cluster.ids.map(id => cluster.stopOne(id, 'SIGTERM'))), [0, 0, 0])
})

/** Asked of a broker that need not be the controller. */
async function leadershipGoesBack(cluster: BrokerCluster, admin: Admin): Promise<void> {
  using client = await WireClient.connect(Number(cluster.addresses.at(-1)!.split(':')[1]))
  const answer = await client.request(apis.electLeaders, 2, { electionType: 0, topicPartitions: null })
  assert.equal(answer.errorCode, 0)
  assert(answer.replicaElectionResults.length > 0, 'something had moved')
  const isPreferred = async () =>
    (await partitionsOf(admin)).every(({ leader, replicas }) => leader === replicas[0])
  await until('the preferred replicas lead', isPreferred)
}

test('SIGTERM moves leadership first: a rolling restart is hardly felt', async context => {
  await using cluster = await BrokerCluster.start(3, [{ name: topic, partitions }])
  const retry = { retries: 30, initialRetryTime: 20, maxRetryTime: 100 }
  const kafka = new Kafka({ brokers: cluster.addresses, logLevel: logLevel.NOTHING, retry })
  const admin = opened(kafka.admin())
  const producer = opened(kafka.producer({ allowAutoTopicCreation: false }))
  await Promise.all([admin.connect(), producer.connect()])
  const steady = Array.from({ length: partitions }, (_, index) => new SteadyProducer(producer, index))
  const running = steady.map(one => one.run())
  await until('all is under way', () => steady.every(one => one.acknowledged.length > 5))
  for (const one of steady) one.longestPauseMs = 0
  for (const brokerId of cluster.ids) {
    assert.equal(await cluster.stopOne(brokerId, 'SIGTERM'), 0)
    const led = (await partitionsOf(admin)).map(({ leader }) => leader)
    assert(
      led.every(leader => leader > 0 && leader !== brokerId),
      `led by ${led} after ${brokerId} has gone`,
    )
    await cluster.startOne(brokerId)
    await until('it is in sync again', async () =>
      (await partitionsOf(admin)).every(({ isr }) => isr.length === 3),
    )
  }
  for (const one of steady) one.stop()
  await Promise.all(running)
  const pauseMs = Math.max(...steady.map(one => one.longestPauseMs))
  // Who waits for the session of a dead broker to end would see no other leader above; how long it takes is the
  // machine's to say.
  context.diagnostic(`the longest pause was ${Math.round(pauseMs)} ms`)
  await leadershipGoesBack(cluster, admin)
  await Promise.all([producer.disconnect(), admin.disconnect()])
})

test('one broker becomes three: replicas are added while records arrive, and then the first may die', async () => {
  await using cluster = await BrokerCluster.start(1, [{ name: topic, partitions }])
  for (const brokerId of [2, 3]) await cluster.startOne(brokerId)
  const retry = { retries: 30, initialRetryTime: 50, maxRetryTime: 200 }
  const kafka = new Kafka({ brokers: cluster.addresses, logLevel: logLevel.NOTHING, retry })
  const admin = opened(kafka.admin())
  const producer = opened(kafka.producer({ allowAutoTopicCreation: false }))
  await Promise.all([admin.connect(), producer.connect()])
  const steady = Array.from({ length: partitions }, (_, index) => new SteadyProducer(producer, index))
  const running = steady.map(one => one.run())
  await until('all is under way', () => steady.every(one => one.acknowledged.length > 3))
  using operator = new ClusterAdmin([cluster.addresses[2]!])
  const growth = await grow(operator, () => {})
  const all = partitions + 16
  assert.deepEqual(growth, { brokers: 3, copies: 3, partitions: all, replicas: 2 * all })
  await until('all three have everything', async () =>
    (await partitionsOf(admin)).every(({ isr }) => isr.length === 3),
  )
  assert.deepEqual((await admin.listPartitionReassignments({})).topics, [])
  await cluster.stopOne(1, 'SIGKILL')
  await until('others lead', async () => (await partitionsOf(admin)).every(({ leader }) => leader > 1))
  const before = steady.map(one => one.acknowledged.length)
  await until('records are taken', () =>
    steady.every((one, index) => one.acknowledged.length > before[index]! + 1),
  )
  for (const one of steady) one.stop()
  await Promise.all(running)
  await Promise.all([producer.disconnect(), admin.disconnect()])
  const reader = opened(kafka.consumer({ groupId: 'auditor', retry }))
  const seen = new Set<string>()
  await reader.connect()
  await reader.subscribe({ topic, fromBeginning: true })
  await reader.run({
    eachMessage: async ({ message }) => {
      seen.add(String(message.value))
    },
  })
  const acknowledged = steady.flatMap(one => one.acknowledged)
  await until('everything acknowledged is read', () => acknowledged.every(value => seen.has(value)))
  await reader.disconnect()
})
