// The blocks of docs/operations.md that need ZooKeeper, typed in: three brokers move from SQLite to a real ensemble,
// which is lost for a while between the last two blocks, while a producer sends. Run by `npm run test:real`.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { freePorts } from '../system/appliance.ts'
import { commandsOf, everythingIn, kafkaOf, Terminal, Traffic } from '../system/terminal.ts'
import { Ensemble, memberNumbers } from './zookeeper-ensemble.ts'

const ensemble = await Ensemble.start()
after(() => ensemble.stop())

/** Longer than a broker's session. */
const outageMs = 10_000
const onThePage = 'zookeeper://zk1:2181,zk2:2181,zk3:2181/tailrace'

test('the metadata moves to ZooKeeper, which is lost and comes back; nothing acknowledged is lost', async context => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-operations-'))
  const kafkaPort = await freePorts(3)
  await using terminal = await Terminal.open(directory.path, kafkaPort)
  const kafka = kafkaOf(kafkaPort)
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await terminal.type('tailrace up')
  await producer.connect()
  const traffic = new Traffic(producer)
  const sending = traffic.run()
  const address = ensemble.address(`operations-${process.pid}`)
  const commands = await commandsOf('docs/operations.md', 'sh zookeeper')
  const [move, up, health, ...afterwards] = commands.map(line => line.replace(onThePage, address))
  for (const line of [move!, up!, health!]) await terminal.type(line)
  for (const member of memberNumbers) ensemble.signal(member, 'SIGKILL')
  const before = traffic.acknowledged.length
  await new Promise(resolve => setTimeout(resolve, outageMs))
  const meanwhile = traffic.acknowledged.length - before
  await ensemble.restart(...memberNumbers)
  for (const line of afterwards) await terminal.type(line)
  traffic.end()
  await sending
  await producer.disconnect()
  assert.deepEqual([up!.includes(address), afterwards.length], [true, 2])
  assert(meanwhile > 0, 'lines are taken while ZooKeeper is away')
  const seen = await everythingIn(kafka, traffic.acknowledged)
  context.diagnostic(
    `figure ${traffic.acknowledged.length} acknowledged, ${meanwhile} of them without ZooKeeper`,
  )
  assert.deepEqual(
    traffic.acknowledged.filter(value => !seen.has(value)),
    [],
  )
})
