// The way of what cannot be counted to `<topic>.dlq` on a broker: made when needed, whole, with the reason in headers;
// a broker that is away costs nothing and is tried again.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { DeadLetterSender } from '../../analytics/ingest/dead-letter-sender.ts'
import { openStore } from '../../analytics/store/schema.ts'
import { Writer } from '../../analytics/store/writer.ts'
import { ZoneDays } from '../../analytics/windows/zone-days.ts'
import { Cluster } from '../../broker/client/cluster.ts'
import { connect } from '../../broker/client/log-client.ts'
import { createLog } from '../../runtime/log.ts'
import { ServedBroker } from './served-broker.ts'

const served = ServedBroker.forThisFile()
const quiet = createLog('test', () => {})
const at = 1_700_000_000_000

test('dead letters reach a topic of their own, and wait for it as long as it takes', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'dead-letters-'))
  const connection = openStore(join(directory.path, 'windows.db'))
  const writer = new Writer(connection, new ZoneDays('UTC'))
  const { id } = writer.source('logs', 1, null, 0)
  const value = Buffer.from([0, 255, 10])
  writer.deadLetters.put([
    { source: id, offset: 7, reason: 'unparsed', at, key: Buffer.from('key'), value },
    { source: id, offset: 9, reason: 'corrupt-batch', at, key: null, value: Buffer.alloc(3_000, 1) },
  ])
  const nowhere = new Cluster({ bootstrap: ['127.0.0.1:1'], clientId: 'test' })
  const away = new DeadLetterSender(nowhere, writer.deadLetters, () => [id], quiet)
  assert.equal(await away.turn(), false)
  assert.equal(writer.deadLetters.waiting([id], 10).length, 2)

  const cluster = new Cluster({ bootstrap: [`127.0.0.1:${served.broker.port}`], clientId: 'test' })
  const sender = new DeadLetterSender(cluster, writer.deadLetters, () => [id], quiet)
  const others = new DeadLetterSender(cluster, writer.deadLetters, () => [id + 1], quiet)
  assert.equal(await others.turn(), false)
  assert.equal(await sender.turn(), true)
  assert.equal(await sender.turn(), false)
  assert.deepEqual(writer.deadLetters.waiting([id], 10), [])

  const client = await connect({ bootstrap: `127.0.0.1:${served.broker.port}` })
  const records = []
  for await (const record of client.subscribe('logs.dlq', { untilEnd: true })) records.push(record)
  assert.deepEqual(
    records.map(record => [record.key?.toString() ?? null, record.value?.length, record.timestamp]),
    [
      ['key', 3, at],
      [null, 3_000, at],
    ],
  )
  assert.deepEqual(
    records[0]!.headers.map(([name, text]) => [name, text?.toString()]),
    [
      ['topic', 'logs'],
      ['partition', '1'],
      ['offset', '7'],
      ['reason', 'unparsed'],
    ],
  )
  assert.deepEqual(records[0]!.value, value)
  client.close()
  cluster.close()
  nowhere.close()
  connection.close()
})
