// docs/operations.md, typed in: every command block of the page runs in its order on real brokers, while a producer
// sends. Afterwards every acknowledged record is read, and the three brokers that are left are healthy.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { freePorts } from './appliance.ts'
import { commandsOf, everythingIn, kafkaOf, Terminal, Traffic } from './terminal.ts'

const brokersMost = 4

test('every command of docs/operations.md works, and nothing acknowledged is lost by any of them', async context => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-operations-'))
  const kafkaPort = await freePorts(brokersMost)
  await using terminal = await Terminal.open(directory.path, kafkaPort)
  const kafka = kafkaOf(kafkaPort)
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  const traffic = new Traffic(producer)
  let sending: Promise<void> | undefined
  const commands = await commandsOf('docs/operations.md')
  for (const line of commands) {
    const startedMs = performance.now()
    await terminal.type(line)
    context.diagnostic(`${((performance.now() - startedMs) / 1_000).toFixed(1)} s  ${line}`)
    if (sending) continue
    await producer.connect()
    sending = traffic.run()
  }
  const report = await terminal.json<{ healthy: boolean; brokers: { id: number; replicas: number }[] }>(
    'tailrace cluster status --json',
  )
  traffic.end()
  await sending
  await producer.disconnect()
  assert(commands.length > 10)
  assert.equal(report.healthy, true)
  assert.deepEqual(
    report.brokers.map(({ id }) => id),
    [1, 2, 3],
  )
  const seen = await everythingIn(kafka, traffic.acknowledged)
  context.diagnostic(`${traffic.acknowledged.length} records acknowledged`)
  assert(traffic.acknowledged.length > 200)
  assert.deepEqual(
    traffic.acknowledged.filter(value => !seen.has(value)),
    [],
  )
})
