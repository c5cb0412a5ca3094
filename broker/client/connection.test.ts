// One connection: negotiation, pipelining, and the ways it ends.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { apis } from '../protocol/apis.ts'
import { Connection, ConnectionError, VersionError } from './connection.ts'
import { ScriptedBroker } from './scripted-broker.ts'

test('open() agrees on the newest version both speak, also with a broker older than our ApiVersions', async () => {
  await using broker = new ScriptedBroker()
  broker.versions = { apiVersions: [0, 1], metadata: [0, 5], fetch: [19, 20] }
  await broker.listen()
  const connection = await Connection.open({ host: '127.0.0.1', port: broker.port, clientId: 'test' })
  assert.equal(connection.versionOf(apis.metadata), 5)
  assert.equal(connection.versionOf(apis.produce), 13)
  assert.throws(() => connection.versionOf(apis.fetch), VersionError)
  await assert.rejects(
    connection.request(apis.fetch, { maxWaitMs: 0, minBytes: 0, topics: [] }),
    VersionError,
  )
  assert.equal(connection.isOpen, true)
  connection.close()
})

test('requests are pipelined and answered in order', async () => {
  await using broker = await new ScriptedBroker().listen()
  broker.createTopic('a', 1)
  const connection = await Connection.open({ host: '127.0.0.1', port: broker.port, clientId: 'test' })
  const answers = await Promise.all(
    ['a', 'b', 'a'].map(name => connection.request(apis.metadata, { topics: [{ name }] })),
  )
  assert.deepEqual(
    answers.map(answer => [answer.topics[0]!.name, answer.topics[0]!.partitions.length]),
    [
      ['a', 1],
      ['b', 0],
      ['a', 1],
    ],
  )
  connection.close()
})

test('a broker that goes away fails what waits, and everything after it', async () => {
  await using broker = await new ScriptedBroker().listen()
  broker.fault = () => ({ drop: 'before' })
  broker.createTopic('a', 1)
  const connection = await Connection.open({ host: '127.0.0.1', port: broker.port, clientId: 'test' })
  const produce = {
    acks: 1,
    timeoutMs: 10,
    topicData: [{ name: 'a', partitionData: [{ index: 0, records: null }] }],
  }
  await assert.rejects(connection.request(apis.produce, produce), ConnectionError)
  await connection.closed
  assert.equal(connection.isOpen, false)
  await assert.rejects(connection.request(apis.metadata, { topics: [] }), ConnectionError)
})

test('no answer in time ends the connection; an answer that is no frame does too', async () => {
  const silent = createServer(socket => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as { port: number }
  const opening = Connection.open({ host: '127.0.0.1', port, clientId: 'test', connectTimeoutMs: 300 })
  await assert.rejects(opening, /no answer to ApiVersions in time/)
  silent.close()

  const liar = createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', () => socket.write(Buffer.from('ffffffff', 'hex')))
  }).listen(0, '127.0.0.1')
  await once(liar, 'listening')
  const liarPort = (liar.address() as { port: number }).port
  await assert.rejects(
    Connection.open({ host: '127.0.0.1', port: liarPort, clientId: 'test' }),
    ConnectionError,
  )
  liar.close()
})

test('open() says where nobody listens', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  await assert.rejects(
    Connection.open({ host: '127.0.0.1', port, clientId: 'test' }),
    new RegExp(`Cannot connect to 127.0.0.1:${port}`),
  )
})
