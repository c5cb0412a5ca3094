// Topics with cleanup.policy=compact, by the raw protocol: what cannot be superseded is refused, record by record.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { apis } from '../../broker/protocol/apis.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { codecs } from '../../broker/protocol/record-batch.ts'
import { BrokerProcess } from './broker-process.ts'
import { ServedBroker, worstCode } from './served-broker.ts'
import { WireClient } from './wire-client.ts'

const served = ServedBroker.forThisFile()

function keyed(keys: readonly (string | null)[], codec: (typeof codecs)[number] = 'none'): Buffer {
  const builder = new BatchBuilder()
  for (const key of keys) builder.append(key === null ? null : Buffer.from(key), Buffer.from('v'))
  return builder.build({ codec })
}

async function produced(name: string, records: Buffer, version = 8) {
  const topicData = [{ name, partitionData: [{ index: 0, records }] }]
  const answer = await served.client.request(apis.produce, version, { acks: -1, timeoutMs: 5_000, topicData })
  return answer.responses[0]!.partitionResponses[0]!
}

test('a compacted topic refuses records without a key, and says which', async () => {
  await served.newTopic('state', 1, { 'cleanup.policy': 'compact' })
  for (const codec of codecs) {
    const row = await produced('state', keyed(['a', null, 'b', null], codec))
    assert.equal(row.errorCode, errorCodes.invalidRecord, codec)
    assert.deepEqual(
      row.recordErrors.map(({ batchIndex }) => batchIndex),
      [1, 3],
    )
    assert.match(row.recordErrors[0]!.batchIndexErrorMessage!, /without key in topic partition state-0/)
    assert.equal(row.baseOffset, -1)
    assert.equal((await produced('state', keyed(['a', 'b'], codec))).errorCode, 0)
  }
  await served.newTopic('both', 1, { 'cleanup.policy': 'compact,delete' })
  assert.equal((await produced('both', keyed([null]))).errorCode, errorCodes.invalidRecord)
  assert.equal((await produced('logs', keyed([null]))).errorCode, 0, 'others take them')
})

test('internal topics are compacted, those of an earlier version from the next start on', async () => {
  const names = ['__consumer_offsets', '__tailrace_losses', '__tailrace_agents']
  await using broker = await BrokerProcess.start(names.slice(1).map(name => ({ name, partitions: 1 })))
  assert.deepEqual(await policiesOf(broker, names), ['compact', 'compact', 'compact'])
  {
    using client = await WireClient.connect(broker.port)
    const configs = [{ name: 'cleanup.policy', configOperation: 1, value: null }]
    const resources = names.map(resourceName => ({ resourceType: 2, resourceName, configs }))
    assert.equal(worstCode(await client.request(apis.incrementalAlterConfigs, 1, { resources })), 0)
  }
  assert.deepEqual(await policiesOf(broker, names), ['delete', 'delete', 'delete'])
  await broker.stop()
  await broker.start()
  assert.deepEqual(await policiesOf(broker, names), ['compact', 'compact', 'compact'])
})

async function policiesOf(broker: BrokerProcess, names: readonly string[]) {
  using client = await WireClient.connect(broker.port)
  const configurationKeys = ['cleanup.policy']
  const resources = names.map(resourceName => ({ resourceType: 2, resourceName, configurationKeys }))
  const answer = await client.request(apis.describeConfigs, 4, { resources })
  return answer.results.map(({ configs }) => configs[0]?.value)
}

test('metrics say which topics are flushed before they are acknowledged', async () => {
  await served.newTopic('cached', 1, { 'flush.messages': '9223372036854775807' })
  const path = join(served.broker.config.dataDirectory, 'metrics.prom')
  const lines = [
    'tailrace_broker_flushed{topic="cached",partition="0"} 0',
    'tailrace_broker_flushed{topic="logs",partition="0"} 1',
    'tailrace_broker_uncleanable_partitions 0',
  ]
  const text = () => (existsSync(path) ? readFileSync(path, 'utf8') : '')
  // Written every five seconds.
  for (let look = 0; look < 100 && !lines.every(line => text().includes(line)); look++)
    await new Promise(resolve => setTimeout(resolve, 100))
  for (const line of lines) assert(text().includes(line), line)
})
