// Who reads what is for the members of a group to agree on; the broker carries their words. Real clients, by every way
// of sharing that they have: each record is read once, by two members that both have a share. And a static member of
// librdkafka that restarts, of which nobody else hears.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import { apis } from '../../broker/protocol/apis.ts'
import { eventually } from '../eventually.ts'
import { BrokerProcess } from './broker-process.ts'
import { batch, worstCode } from './served-broker.ts'
import { WireClient } from './wire-client.ts'

const hasKcat = spawnSync('kcat', ['-V']).status === 0
const skip = !hasKcat && 'kcat is not installed'
const partitions = 4
const perPartition = 25
let broker: BrokerProcess
let client: WireClient

before(async () => {
  broker = await BrokerProcess.start([{ name: 'shop', partitions }])
  client = await WireClient.connect(broker.port)
  for (let index = 0; index < partitions; index++) {
    const values = Array.from({ length: perPartition }, (_, at) => `${index} ${at}`)
    const topicData = [{ name: 'shop', partitionData: [{ index, records: batch(...values) }] }]
    const answer = await client.request(apis.produce, 8, { acks: -1, timeoutMs: 5_000, topicData })
    assert.equal(worstCode(answer), 0)
  }
})
after(async () => {
  client?.[Symbol.dispose]()
  await broker?.[Symbol.asyncDispose]()
})

async function groupOf(groupId: string) {
  return (await client.request(apis.describeGroups, 5, { groups: [groupId] })).groups[0]!
}

/** Two assignments, neither of them empty: topics come after a version, each with its partitions. */
function isSharedByTwo({ groupState, members }: Awaited<ReturnType<typeof groupOf>>): boolean {
  const shares = members.map(({ memberAssignment }) =>
    memberAssignment.length > 6 ? memberAssignment.readInt32BE(2) : 0,
  )
  return groupState === 'Stable' && shares.length === 2 && shares.every(topics => topics > 0)
}

class Kcat {
  readonly lines: string[] = []
  readonly #child: ChildProcess

  constructor(groupId: string, settings: readonly string[], onLine: () => void = () => {}) {
    const common = ['auto.offset.reset=earliest', 'session.timeout.ms=20000', 'heartbeat.interval.ms=200']
    const options = [...common, 'fetch.wait.max.ms=100', ...settings].flatMap(setting => ['-X', setting])
    this.#child = spawn('kcat', ['-b', broker.address, '-u', '-q', '-G', groupId, ...options, 'shop'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    createInterface(this.#child.stdout!).on('line', line => {
      this.lines.push(line)
      onLine()
    })
  }

  /** SIGINT: commits and leaves; SIGKILL: says nothing. */
  async end(signal: 'SIGINT' | 'SIGKILL' = 'SIGINT'): Promise<void> {
    const exited = new Promise(resolve => this.#child.once('exit', resolve))
    this.#child.kill(signal)
    await exited
  }
}

for (const strategy of ['range', 'roundrobin', 'cooperative-sticky']) {
  test(`librdkafka shares by ${strategy}`, { skip }, async () => {
    const settings = [`partition.assignment.strategy=${strategy}`]
    const { promise: hasAll, resolve } = Promise.withResolvers<void>()
    const readers: Kcat[] = []
    const total = () => new Set(readers.flatMap(({ lines }) => lines)).size
    const onLine = () => total() === partitions * perPartition && resolve()
    for (const _ of [1, 2]) readers.push(new Kcat(strategy, settings, onLine))
    const shared = await eventually('shared by two', () => groupOf(strategy), isSharedByTwo)
    assert.equal(shared.protocolData, strategy)
    await hasAll
    await Promise.all(readers.map(reader => reader.end()))
    await eventually(
      'nobody is left',
      () => groupOf(strategy),
      ({ groupState }) => groupState === 'Empty',
    )
  })
}

test('kafkajs shares by its round robin', async () => {
  const kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING })
  const { promise: hasAll, resolve } = Promise.withResolvers<void>()
  const seen = new Set<string>()
  const consumers = [1, 2].map(() => kafka.consumer({ groupId: 'kafkajs', maxWaitTimeInMs: 200 }))
  for (const consumer of consumers) {
    await consumer.connect()
    await consumer.subscribe({ topic: 'shop', fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message }) => {
        seen.add(String(message.value))
        if (seen.size === partitions * perPartition) resolve()
      },
    })
  }
  const shared = await eventually('shared by two', () => groupOf('kafkajs'), isSharedByTwo)
  assert.equal(shared.protocolData, 'RoundRobinAssigner')
  await hasAll
  await Promise.all(consumers.map(consumer => consumer.disconnect()))
})

test('a static member of librdkafka that is killed and started again has its share, under the same generation', {
  skip,
}, async () => {
  const settingsOf = (name: string) => [`group.instance.id=${name}`]
  const readers = [new Kcat('static', settingsOf('shelf-1')), new Kcat('static', settingsOf('shelf-2'))]
  const idsOf = (described: Awaited<ReturnType<typeof groupOf>>) =>
    new Map(described.members.map(({ groupInstanceId, memberId }) => [groupInstanceId, memberId]))
  const first = await eventually('shared by two', () => groupOf('static'), isSharedByTwo)
  await readers[0]!.end('SIGKILL')
  const again = new Kcat('static', settingsOf('shelf-1'))
  const second = await eventually(
    'the killed one has come back',
    () => groupOf('static'),
    described => idsOf(described).get('shelf-1') !== idsOf(first).get('shelf-1'),
  )
  // In one step: whoever looks never sees a rebalance.
  assert.equal(second.groupState, 'Stable')
  assert.equal(idsOf(second).get('shelf-2'), idsOf(first).get('shelf-2'))
  const shareOf = (described: typeof first, name: string) =>
    described.members
      .find(({ groupInstanceId }) => groupInstanceId === name)!
      .memberAssignment.toString('hex')
  for (const name of ['shelf-1', 'shelf-2']) assert.equal(shareOf(second, name), shareOf(first, name), name)
  await Promise.all([readers[1]!, again].map(reader => reader.end('SIGKILL')))
})
