// Damaged disks and elections of last resort, on real brokers: what another replica has is fetched from it and nothing
// is called lost; what nobody has is in the loss ledger, wherever that is led.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { apis } from '../../broker/protocol/apis.ts'
import { errorCodes, errorName } from '../../broker/protocol/errors.ts'
import { batchEnd } from '../../broker/protocol/record-batch.ts'
import { walkRecords } from '../../broker/protocol/record-walk.ts'
import { batch } from '../clients/served-broker.ts'
import { WireClient } from '../clients/wire-client.ts'
import { eventually, until } from '../eventually.ts'
import { BrokerCluster } from './broker-cluster.ts'

const ledger = '__tailrace_losses'

class Asker {
  /** By broker; they keep theirs. */
  readonly #ports: ReadonlyMap<number, number>
  /** Which broker is asked about the others. */
  asked = 1

  private constructor(ports: ReadonlyMap<number, number>) {
    this.#ports = ports
  }

  static async of(cluster: BrokerCluster): Promise<Asker> {
    using client = await WireClient.connect(Number(cluster.addresses[0]!.split(':')[1]))
    const { brokers } = await client.request(apis.metadata, 12, { topics: [] })
    return new Asker(new Map(brokers.map(({ nodeId, port }) => [nodeId, port])))
  }

  portOf(id: number): number {
    return this.#ports.get(id)!
  }

  async stateOf(topic: string) {
    using client = await WireClient.connect(this.portOf(this.asked))
    const { topics } = await client.request(apis.metadata, 12, { topics: [{ name: topic }] })
    const { leaderId, isrNodes } = topics[0]!.partitions[0]!
    return { leader: leaderId, isr: isrNodes.toSorted() }
  }

  /** Until all who are named are in sync, and one of them leads. */
  inSync(topic: string, isr: readonly number[]) {
    return eventually(
      `${topic} is in sync on ${isr}`,
      () => this.stateOf(topic),
      state => state.leader > 0 && `${state.isr}` === `${isr}`,
    )
  }

  async create(name: string, brokerIds: readonly number[], configs: Readonly<Record<string, string>> = {}) {
    using client = await WireClient.connect(this.portOf(this.asked))
    const assignments = [{ partitionIndex: 0, brokerIds }]
    const named = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
    const topics = [{ name, numPartitions: -1, replicationFactor: -1, assignments, configs: named }]
    const created = await client.request(apis.createTopics, 7, { topics, timeoutMs: 5_000 })
    assert.equal(created.topics[0]!.errorCode, errorCodes.none)
    await this.inSync(name, brokerIds.toSorted())
  }

  async produce(topic: string, ...values: readonly string[]): Promise<void> {
    for (const value of values) {
      await until(`${value} is acknowledged`, async () => {
        using client = await WireClient.connect(this.portOf((await this.stateOf(topic)).leader))
        const topicData = [{ name: topic, partitionData: [{ index: 0, records: batch(value) }] }]
        const wish = { acks: -1, timeoutMs: 5_000, topicData }
        const { responses } = await client.request(apis.produce, 8, wish)
        const { errorCode } = responses[0]!.partitionResponses[0]!
        assert.equal(errorName(errorCode), 'none')
        return true
      })
    }
  }

  /** What a consumer gets: `offset:value`. An answer comes from one segment. */
  async valuesOf(topic: string): Promise<string[]> {
    using client = await WireClient.connect(this.portOf((await this.stateOf(topic)).leader))
    const values: string[] = []
    for (;;) {
      const fetchOffset = Number(values.at(-1)?.split(':')[0] ?? -1) + 1
      const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 2 ** 20 }]
      const wish = { maxWaitMs: 0, minBytes: 0, maxBytes: 2 ** 20, topics: [{ topic, partitions }] }
      const { responses } = await client.request(apis.fetch, 11, wish)
      const some = valuesIn(responses[0]!.partitions[0]!.records ?? Buffer.alloc(0))
      if (some.length === 0) return values
      values.push(...some)
    }
  }
}

function valuesIn(bytes: Buffer): string[] {
  const values: string[] = []
  for (let at = 0, end = 0; ; at = end) {
    end = batchEnd(bytes, at, bytes.length)
    if (end < 0) return values
    walkRecords(bytes.subarray(at, end), (offset, _time, buffer, _ks, _ke, start, valueEnd) => {
      values.push(`${offset}:${buffer.toString('utf8', start, valueEnd)}`)
    })
  }
}

function directoryOf(cluster: BrokerCluster, id: number, topic: string): string {
  return join(cluster.directory, `broker-${id}`, `${topic}-0`)
}

/** Whatever its replica is led by. */
function valuesOn(directory: string): string[] {
  const names = readdirSync(directory).filter(name => name.endsWith('.log'))
  return names.toSorted().flatMap(name => valuesIn(readFileSync(join(directory, name))))
}

/** A bit of the last byte of the nth batch. */
function flip(directory: string, nth: number): void {
  const path = join(directory, `${'0'.repeat(20)}.log`)
  const bytes = readFileSync(path)
  let end = 0
  for (let index = 0; index <= nth; index++) end = batchEnd(bytes, end, bytes.length)
  bytes[end - 1]! ^= 1
  writeFileSync(path, bytes)
}

test('damage is repaired from another replica; what has no other, or is outvoted, is in the ledger', async () => {
  const initial = [ledger, 'logs'].map(name => ({ name, partitions: 1 }))
  await using cluster = await BrokerCluster.start(3, initial)
  const ask = await Asker.of(cluster)
  await ask.inSync(ledger, [1, 2, 3])
  const { leader: ledgerLeader } = await ask.stateOf(ledger)
  const [victim, other] = [1, 2, 3].filter(id => id !== ledgerLeader) as [number, number]
  ask.asked = ledgerLeader
  await ask.create('safe', [victim, other, ledgerLeader])
  await ask.create('alone', [victim])
  const risky = { 'unclean.leader.election.enable': 'true', 'min.insync.replicas': '1' }
  await ask.create('risky', [victim, other], risky)
  const values = ['a', 'b', 'c']
  for (const topic of ['safe', 'alone']) await ask.produce(topic, ...values)
  await ask.produce('risky', 'a')

  await cluster.stopOne(victim, 'SIGKILL')
  for (const topic of ['safe', 'alone']) flip(directoryOf(cluster, victim, topic), 1)
  await ask.produce('safe', 'd')
  await cluster.startOne(victim)
  await ask.inSync('safe', [1, 2, 3])
  const whole = ['0:a', '1:b', '2:c', '3:d']
  assert.deepEqual(valuesOn(directoryOf(cluster, victim, 'safe')), whole)
  const lost = await eventually(
    'the loss is in the ledger',
    () => ask.valuesOf(ledger),
    found => found.length > 0,
  )
  assert.match(
    lost[0]!,
    new RegExp(`"broker-disk-corrupt","source":"broker-${victim}/alone-0","from":"1","to":"2"`),
  )
  assert.deepEqual(await ask.valuesOf('alone'), ['0:a', '2:c'])

  await ask.inSync('risky', [victim, other].toSorted())
  await cluster.stopOne(other, 'SIGKILL')
  await ask.produce('risky', 'b', 'c')
  assert.deepEqual((await ask.stateOf('risky')).isr, [victim])
  await cluster.stopOne(victim, 'SIGKILL')
  await cluster.startOne(other)
  await ask.produce('risky', 'instead')
  await cluster.startOne(victim)
  await ask.inSync('risky', [victim, other].toSorted())
  assert.deepEqual(await ask.valuesOf('risky'), ['0:a', '1:instead'])
  await until('the election is in the ledger', async () => {
    const wanted = `"unclean-election","source":"broker-${other}/risky-0","from":"1"`
    return (await ask.valuesOf(ledger)).some(entry => entry.includes(wanted))
  })
  const alarm = 'unclean election: acknowledged records may be lost'
  assert(cluster.said.some(line => line.includes(alarm)))
})
