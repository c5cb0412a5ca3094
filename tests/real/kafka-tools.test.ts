// Kafka's own tools, run against three brokers of ours: each does what its users expect of it, and says so in the words
// it uses with a real Kafka. Needs a JDK and Maven: run by `npm run test:real`.
import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { BrokerCluster } from '../system/broker-cluster.ts'
import { eventsOf, runTool, type ToolResult } from './kafka-tool.ts'

const cluster = await BrokerCluster.start(3, [{ name: 'logs', partitions: 3 }])
after(() => cluster[Symbol.asyncDispose]())

const server = ['--bootstrap-server', cluster.addresses.join()]
const topicTool = (...args: string[]) => runTool('TopicCommand', [...server, ...args])
const groupTool = (...args: string[]) => runTool('consumer.group.ConsumerGroupCommand', [...server, ...args])
const configTool = (...args: string[]) => runTool('kafka.admin.ConfigCommand', [...server, ...args])

/** It ended well and said this. */
function said(result: ToolResult, ...what: (string | RegExp)[]): void {
  assert.equal(result.code, 0, result.text)
  for (const one of what) {
    const isThere = typeof one === 'string' ? result.text.includes(one) : one.test(result.text)
    assert(isThere, `${one} is not in:\n${result.text}`)
  }
}

async function createTopic(topic: string, partitions: number, ...more: string[]): Promise<void> {
  const size = ['--partitions', String(partitions), '--replication-factor', '3']
  said(await topicTool('--create', '--topic', topic, ...size, ...more), `Created topic ${topic}.`)
}

/** Values 1 to `count`, each with a key. */
async function fill(topic: string, count: number): Promise<void> {
  const lines = Array.from({ length: count }, (_, at) => `key-${at + 1}:value-${at + 1}\n`).join('')
  const reader = ['--reader-property', 'parse.key=true', '--reader-property', 'key.separator=:']
  said(await runTool('ConsoleProducer', [...server, '--topic', topic, ...reader], lines))
}

async function jsonFile(name: string, content: unknown): Promise<string> {
  const path = join(cluster.directory, `${name}.json`)
  await writeFile(path, JSON.stringify(content))
  return path
}

test('kafka-broker-api-versions: every broker answers, every version is usable', async () => {
  const result = await runTool('BrokerApiVersionsCommand', server)
  said(result, 'Produce(0): 0 to 13 [usable: 13]', 'Fetch(1): 4 to 18 [usable: 18]')
  for (const id of cluster.ids) said(result, `(id: ${id} rack: null`)
  assert.doesNotMatch(result.text, /NOT USABLE|ERROR/)
})

test('kafka-topics: create, describe, list, add partitions, delete', async () => {
  await createTopic('tools-topics', 3, '--config', 'retention.ms=3600000')
  said(
    await topicTool('--describe', '--topic', 'tools-topics'),
    /PartitionCount: 3\tReplicationFactor: 3\tConfigs: .*retention.ms=3600000/,
    /Partition: 2\tLeader: \d\tReplicas: \d,\d,\d\tIsr: \d,\d,\d/,
  )
  said(await topicTool('--alter', '--topic', 'tools-topics', '--partitions', '5'))
  said(await topicTool('--describe', '--topic', 'tools-topics'), 'PartitionCount: 5')
  said(await topicTool('--list'), /^tools-topics$/m)
  const again = await topicTool('--create', '--topic', 'tools-topics')
  assert.equal(again.code, 1)
  assert.match(again.text, /Topic 'tools-topics' already exists/)
  said(await topicTool('--delete', '--topic', 'tools-topics'))
  assert.doesNotMatch((await topicTool('--list')).text, /^tools-topics$/m)
})

test('kafka-console-producer, kafka-console-consumer and kafka-get-offsets agree', async () => {
  await createTopic('tools-console', 2)
  await fill('tools-console', 20)
  const limits = ['--max-messages', '20', '--timeout-ms', '30000']
  const args = [...server, '--topic', 'tools-console', '--from-beginning', ...limits]
  const read = await runTool('consumer.ConsoleConsumer', [...args, '--formatter-property', 'print.key=true'])
  said(read, 'Processed a total of 20 messages')
  const values = read.lines.filter(line => line.startsWith('key-'))
  assert.equal(new Set(values).size, 20)
  assert(values.includes('key-7\tvalue-7'))
  const offsetsAt = async (time: string) => {
    const result = await runTool('GetOffsetShell', [...server, '--topic', 'tools-console', '--time', time])
    said(result)
    const found = result.lines.map(line => /^tools-console:\d:(\d+)$/.exec(line)?.[1]).filter(Boolean)
    assert.equal(found.length, 2)
    return found.reduce((sum, offset) => sum + Number(offset), 0)
  }
  assert.equal(await offsetsAt('-1'), 20)
  assert.equal(await offsetsAt('-2'), 0)
  const latest = await offsetsAt('-3')
  assert(latest > 0 && latest <= 18, `the records with the latest timestamps are at ${latest} together`)
})

test('kafka-consumer-groups: list, describe, reset offsets, delete them, delete the group', async () => {
  await createTopic('tools-groups', 2)
  await fill('tools-groups', 10)
  const limits = ['--max-messages', '10', '--timeout-ms', '30000']
  const group = ['--group', 'tools-group']
  const read = ['--topic', 'tools-groups', '--from-beginning', ...group, ...limits]
  said(await runTool('consumer.ConsoleConsumer', [...server, ...read]), 'Processed a total of 10 messages')
  said(await groupTool('--list', '--state'), /^tools-group +Empty/m)
  const described = await groupTool('--describe', ...group)
  said(described, /^tools-group +tools-groups +0 +\d+ +\d+ +0 /m)
  said(await groupTool('--describe', ...group, '--state'), /^tools-group .* Empty +0/m)
  said(await groupTool('--describe', ...group, '--members', '--verbose'), 'has no active members')
  const topic = ['--topic', 'tools-groups']
  said(
    await groupTool('--reset-offsets', ...group, ...topic, '--to-earliest', '--execute'),
    /^tools-group +tools-groups +1 +0/m,
  )
  said(await groupTool('--describe', ...group), /^tools-group +tools-groups +1 +0 +(\d+) +\1 /m)
  said(await groupTool('--delete-offsets', ...group, ...topic), /^tools-groups +1 +Successful/m)
  said(
    await groupTool('--delete', ...group),
    "Deletion of requested consumer groups ('tools-group') was successful.",
  )
  assert.doesNotMatch((await groupTool('--list')).text, /^tools-group$/m)
})

test('kafka-configs: settings of a topic are changed, shown and removed; those of a broker are shown', async () => {
  await createTopic('tools-configs', 1)
  const topic = ['--entity-type', 'topics', '--entity-name', 'tools-configs']
  const wish = 'retention.ms=7200000,cleanup.policy=[compact,delete]'
  said(await configTool('--alter', ...topic, '--add-config', wish), 'Completed updating config for topic')
  said(
    await configTool('--describe', ...topic),
    'retention.ms=7200000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=7200000',
    'cleanup.policy=compact,delete',
  )
  said(await configTool('--alter', ...topic, '--delete-config', 'retention.ms'))
  const rest = await configTool('--describe', ...topic)
  said(rest, 'cleanup.policy=compact,delete')
  assert.doesNotMatch(rest.text, /retention\.ms=7200000/)
  const wrong = await configTool('--alter', ...topic, '--add-config', 'retention.ms=long')
  assert.equal(wrong.code, 1)
  assert.match(wrong.text, /InvalidConfigurationException|ConfigException/)
  said(await configTool('--describe', '--all', ...topic), 'flush.messages=1 ')
  said(
    await configTool('--describe', '--all', '--entity-type', 'brokers', '--entity-name', '1'),
    'broker.id=1 ',
  )
})

test('kafka-log-dirs: sizes of every replica', async () => {
  await createTopic('tools-directories', 1)
  await fill('tools-directories', 3)
  const result = await runTool('LogDirsCommand', [
    ...server,
    '--describe',
    '--topic-list',
    'tools-directories',
  ])
  said(result)
  const { brokers } = JSON.parse(result.lines.find(line => line.startsWith('{'))!) as {
    brokers: { broker: number; logDirs: { error: string | null; partitions: { size: number }[] }[] }[]
  }
  assert.deepEqual(brokers.map(({ broker }) => broker).sort(), [1, 2, 3])
  for (const { logDirs } of brokers) {
    assert.equal(logDirs[0]!.error, null)
    assert(logDirs[0]!.partitions[0]!.size > 0)
  }
})

test('kafka-reassign-partitions moves a replica; kafka-leader-election gives its first one the lead', async () => {
  const assigned = ['--create', '--topic', 'tools-moved', '--replica-assignment', '1:2']
  said(await topicTool(...assigned), 'Created topic')
  await fill('tools-moved', 5)
  const partitions = [{ topic: 'tools-moved', partition: 0, replicas: [3, 2] }]
  const plan = await jsonFile('plan', { version: 1, partitions })
  const reassign = (...args: string[]) => runTool('reassign.ReassignPartitionsCommand', [...server, ...args])
  const file = ['--reassignment-json-file', plan]
  said(await reassign(...file, '--execute'), 'Successfully started partition reassignment for tools-moved-0')
  for (;;) {
    const verified = await reassign(...file, '--verify')
    said(verified)
    if (verified.text.includes('Reassignment of partition tools-moved-0 is completed.')) break
    assert.match(verified.text, /is still in progress/)
  }
  said(await reassign('--list'), 'No partition reassignments found.')
  const elect = await jsonFile('elect', { partitions: [{ topic: 'tools-moved', partition: 0 }] })
  const type = ['--election-type', 'preferred', '--path-to-json-file', elect]
  said(await runTool('LeaderElectionCommand', [...server, ...type]), /tools-moved-0/)
  said(await topicTool('--describe', '--topic', 'tools-moved'), /Leader: 3\tReplicas: 3,2\tIsr: (3,2|2,3)/)
})

test('kafka-delete-records: what lies before the offset is gone', async () => {
  await createTopic('tools-deleted', 1)
  await fill('tools-deleted', 10)
  const partitions = [{ topic: 'tools-deleted', partition: 0, offset: 4 }]
  const plan = await jsonFile('delete', { version: 1, partitions })
  const result = await runTool('DeleteRecordsCommand', [...server, '--offset-json-file', plan])
  said(result, /partition: tools-deleted-0\tlow_watermark: 4/)
  const offsets = await runTool('GetOffsetShell', [...server, '--topic', 'tools-deleted', '--time', '-2'])
  said(offsets, 'tools-deleted:0:4')
})

test('kafka-acls: nobody is kept out as long as nobody is known', async () => {
  const result = await runTool('AclCommand', [...server, '--list'])
  said(result)
  assert.doesNotMatch(result.text, /principal=/)
})

test('kafka-transactions describe-producers: who writes to a partition', async () => {
  await createTopic('tools-producers', 1)
  await fill('tools-producers', 4)
  const where = ['describe-producers', '--topic', 'tools-producers', '--partition', '0']
  const result = await runTool('TransactionsCommand', [...server, ...where])
  said(result, /^\d+ *\t0 +\t-1 +\t3 +\t\d+ *\tNone/m)
})

test('kafka-producer-perf-test, kafka-consumer-perf-test and EndToEndLatency come to an end', async () => {
  await createTopic('tools-speed', 3)
  const properties = ['--command-property', 'acks=all', 'linger.ms=5', 'compression.type=zstd']
  const load = ['--topic', 'tools-speed', '--num-records', '20000']
  const produced = await runTool('ProducerPerformance', [
    ...server,
    ...load,
    ...['--record-size', '100', '--throughput', '-1'],
    ...properties,
  ])
  said(produced, /^20000 records sent, .* 99\.9th\.$/m)
  const consumed = await runTool('ConsumerPerformance', [
    ...server,
    ...load,
    ...['--group', 'tools-speed', '--timeout', '30000'],
  ])
  said(consumed, /, 20\d{3}, [\d.]+, \d+, \d+, [\d.]+, [\d.]+$/m)
  const few = ['--topic', 'tools-latency', '--num-records', '100', '--producer-acks', 'all']
  said(
    await runTool('EndToEndLatency', [...server, ...few, '--record-size', '100']),
    /Percentiles: 50th = \d+/,
  )
})

test('ClientCompatibilityTest finds everything a client may expect', async () => {
  const isSupported = ['create-topics', 'describe-acls', 'describe-configs', 'idempotent-producer']
  const result = await runTool('ClientCompatibilityTest', [
    ...server,
    ...['--topic', 'tools-compatibility', '--num-cluster-nodes', '3'],
    ...['--offsets-for-times-supported', 'true', '--cluster-id-supported', 'true'],
    ...['--expect-record-too-large-exception', 'false'],
    ...isSupported.flatMap(name => [`--${name}-supported`, 'true']),
  ])
  said(result, 'SUCCESS.')
})

test('VerifiableProducer and VerifiableConsumer: all acknowledged, each read once, offsets committed', async () => {
  await createTopic('tools-verified', 3)
  const count = ['--topic', 'tools-verified', '--max-messages', '2000']
  const produced = await runTool('VerifiableProducer', [...server, ...count, '--acks', '-1'])
  said(produced)
  assert.equal(eventsOf(produced.lines, 'producer_send_success').length, 2_000)
  assert.equal(eventsOf(produced.lines, 'producer_send_error').length, 0)
  const consumed = await runTool('VerifiableConsumer', [...server, ...count, '--group-id', 'tools-verified'])
  said(consumed)
  const counts = eventsOf(consumed.lines, 'records_consumed').map(event => Number(event['count']))
  assert.equal(
    counts.reduce((sum, one) => sum + one, 0),
    2_000,
  )
  const committed = eventsOf(consumed.lines, 'offsets_committed')
  assert(committed.length > 0 && committed.every(({ success }) => success === true))
})

test('DumpLogSegments finds nothing wrong in any file of any replica', async () => {
  await createTopic('tools-dumped', 1)
  const load = ['--topic', 'tools-dumped', '--num-records', '20000', '--record-size', '500']
  const properties = ['--command-property', 'acks=all', 'batch.size=16384']
  said(await runTool('ProducerPerformance', [...server, ...load, '--throughput', '-1', ...properties]))
  const files = globSync(join(cluster.directory, 'broker-*/tools-dumped-0/*.{log,index,timeindex,snapshot}'))
  assert(files.filter(file => file.endsWith('.log')).length >= 6, 'segments of 4 MiB, on three brokers')
  assert(files.some(file => file.endsWith('.index')))
  const result = await runTool('DumpLogSegments', ['--files', files.join(), '--deep-iteration'])
  said(result, 'isvalid: true', 'Dumping')
  assert.doesNotMatch(result.text, /isvalid: false|[Mm]ismatch|Exception|corrupt|not sane/)
})

test('kafka-reassign-partitions --throttle is refused by name, before anything moves', async () => {
  said(await topicTool('--create', '--topic', 'tools-throttled', '--replica-assignment', '1:2'))
  const partitions = [{ topic: 'tools-throttled', partition: 0, replicas: [3, 2] }]
  const plan = await jsonFile('throttled', { version: 1, partitions })
  const args = ['--reassignment-json-file', plan, '--execute', '--throttle', '1000000']
  const result = await runTool('reassign.ReassignPartitionsCommand', [...server, ...args])
  assert.equal(result.code, 1)
  assert.match(result.text, /Unknown topic config name: (leader|follower)\.replication\.throttled\.replicas/)
  said(await topicTool('--describe', '--topic', 'tools-throttled'), /Replicas: 1,2\t/)
})

test('kafka-topics --under-replicated-partitions: those of a broker that is down, until it is back', async () => {
  const behind = () => topicTool('--describe', '--under-replicated-partitions')
  assert.doesNotMatch((await behind()).text, /Topic: logs/)
  await cluster.stopOne(3, 'SIGKILL')
  let seen = await behind()
  while (!seen.text.includes('Topic: logs')) seen = await behind()
  said(seen, /Topic: logs\tPartition: 0\tLeader: [12]\tReplicas: \d,\d,\d\tIsr: [12],?[12]?\t/)
  await cluster.startOne(3)
  while (seen.text.includes('Topic: logs')) seen = await behind()
  said(seen)
})
