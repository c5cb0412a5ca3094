// Kafka's VerifiableProducer and VerifiableConsumer against three brokers of ours, one of which is killed while they
// work: everything acknowledged is read, by an idempotent producer exactly once, and the group goes on. Needs a JDK and
// Maven: run by `npm run test:real`.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { apis } from '../../broker/protocol/apis.ts'
import { WireClient } from '../clients/wire-client.ts'
import { until } from '../eventually.ts'
import { BrokerCluster } from '../system/broker-cluster.ts'
import { eventsOf, type RunningTool, runTool, startTool } from './kafka-tool.ts'

const topic = 'verified'
const partitions = 3
const messages = 6_000
const perSecond = 500
const victim = 2

async function allInSync(cluster: BrokerCluster): Promise<void> {
  using client = await WireClient.connect(cluster.portOf(1))
  await until('all replicas are in sync', async () => {
    const { topics } = await client.request(apis.metadata, 12, { topics: [{ name: topic }] })
    const described = topics[0]!.partitions
    return described.length === partitions && described.every(({ isrNodes }) => isrNodes.length === 3)
  })
}

const acknowledgedBy = (tool: RunningTool) => eventsOf([...tool.lines], 'producer_send_success')

/** Where a value was acknowledged, and how often it was read there and elsewhere. */
async function killedInMidRun(context: TestContext, isIdempotent: boolean): Promise<void> {
  await using cluster = await BrokerCluster.start(3, [{ name: topic, partitions }])
  await allInSync(cluster)
  const server = ['--bootstrap-server', cluster.addresses.join()]
  const config = join(cluster.directory, 'producer.properties')
  // The tool itself would not try again.
  const settings = { 'enable.idempotence': isIdempotent, retries: 2 ** 31 - 1, 'delivery.timeout.ms': 60_000 }
  const properties = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
  await writeFile(config, properties.join(''))
  const limits = ['--max-messages', String(messages), '--throughput', String(perSecond), '--acks', '-1']
  const producing = [...server, '--topic', topic, ...limits, '--command-config', config]
  const producer = startTool('VerifiableProducer', producing)
  const group = ['--group-id', 'verified', '--max-messages', String(messages), '--verbose']
  const consumer = startTool('VerifiableConsumer', [...server, '--topic', topic, ...group])
  await until('a sixth is acknowledged', () => producer.lines.length > messages / 6)
  await until('some are read', () => consumer.lines.some(line => line.includes('"records_consumed"')))
  await cluster.stopOne(victim, 'SIGKILL')
  await until('half are acknowledged', () => producer.lines.length > messages / 2)
  await cluster.startOne(victim)
  const produced = await producer.finished
  assert.equal(produced.code, 0, produced.text.slice(-2_000))
  const acknowledged = acknowledgedBy(producer)
  const refused = eventsOf(produced.lines, 'producer_send_error')
  const consumed = await consumer.finished
  assert.equal(consumed.code, 0, consumed.text.slice(-2_000))
  // The group's consumer stops after as many as were sent; whoever reads anew sees what is really there.
  const timeout = ['--timeout-ms', '15000', '--from-beginning']
  const read = await runTool('consumer.ConsoleConsumer', [...server, '--topic', topic, ...timeout])
  const values = read.lines.filter(line => /^\d+$/.test(line))
  const distinct = new Set(values)
  const lost = acknowledged.filter(({ value }) => !distinct.has(String(value)))
  const kind = isIdempotent ? 'idempotent' : 'plain'
  context.diagnostic(
    `figure ${kind}: ${acknowledged.length} acknowledged, ${refused.length} refused, ` +
      `${values.length} read, ${values.length - distinct.size} of them again, ${lost.length} lost`,
  )
  assert.deepEqual(lost, [])
  assert.equal(acknowledged.length, messages, 'a broker of three is no reason to give up')
  if (isIdempotent) assert.equal(values.length, distinct.size, 'nothing is there twice')
  assert.equal(eventsOf(consumed.lines, 'shutdown_complete').length, 1)
}

test('a broker is killed under VerifiableProducer, idempotent: all acknowledged, each there once', context =>
  killedInMidRun(context, true))

test('a broker is killed under VerifiableProducer without idempotence: nothing acknowledged is lost', context =>
  killedInMidRun(context, false))
