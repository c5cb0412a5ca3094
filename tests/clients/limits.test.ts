// What the port takes from clients that mean harm or know no measure, each against a real process: connections in all,
// from one address and in one second, descriptors, memory of requests in arrival and of answers that nobody reads,
// frames that trickle, connections that do nothing. A neighbour is served throughout, and memory stays where it was.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { apis } from '../../broker/protocol/apis.ts'
import { Writer } from '../../broker/protocol/bytes.ts'
import { encodeRequest } from '../../broker/protocol/frame.ts'
import { eventually, until } from '../eventually.ts'
import { BrokerProcess } from './broker-process.ts'
import { batch } from './served-broker.ts'
import { WireClient } from './wire-client.ts'

const topics = [{ name: 'logs', partitions: 1 }]
const mebibyte = 2 ** 20

/** 'open' once the broker has answered on it, 'closed' if it ended the connection before. */
function visit(port: number, localAddress = '127.0.0.1'): Promise<{ socket: Socket; outcome: string }> {
  const writer = new Writer()
  encodeRequest(writer, apis.metadata, 9, 1, 'visitor', { topics: [] })
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port, localAddress })
    socket.on('connect', () => socket.write(writer.view()))
    socket.on('error', () => {})
    socket.once('data', () => resolve({ socket, outcome: 'open' }))
    socket.once('close', () => resolve({ socket, outcome: 'closed' }))
  })
}

function residentBytes(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4_096
}

function openSockets(pid: number): number {
  const descriptors = readdirSync(`/proc/${pid}/fd`).map(name => readlinkSync(`/proc/${pid}/fd/${name}`))
  return descriptors.filter(target => target.startsWith('socket:')).length
}

async function isServed(port: number): Promise<void> {
  using client = await WireClient.connect(port)
  const topicData = [{ name: 'logs', partitionData: [{ index: 0, records: batch('x') }] }]
  const { responses } = await client.request(apis.produce, 9, { acks: -1, timeoutMs: 30_000, topicData })
  assert.equal(responses[0]!.partitionResponses[0]!.errorCode, 0)
}

const closedFor = (broker: BrokerProcess, reason: RegExp) =>
  broker.logLines.some(line => line.level === 'warn' && reason.test(line.reason ?? ''))

test('connections are limited in all and by address; one that goes makes room', async () => {
  const limits = { connectionsMax: 12, connectionsPerLoopbackMax: 5 }
  await using broker = await BrokerProcess.start(topics, { limits })
  const from = async (address: string, count: number) => {
    const visits = await Promise.all(Array.from({ length: count }, () => visit(broker.port, address)))
    return visits.filter(({ outcome }) => outcome === 'open').map(({ socket }) => socket)
  }
  const first = await from('127.0.0.1', 9)
  const second = await from('127.0.0.2', 9)
  const third = await from('127.0.0.3', 9)
  assert.deepEqual([first.length, second.length, third.length], [5, 5, 2])
  assert.ok(closedFor(broker, /5 from this address are open already/))
  assert.ok(closedFor(broker, /12 are open already/))
  for (const socket of first) socket.destroy()
  const again = await eventually(
    'there is room again',
    () => visit(broker.port, '127.0.0.4'),
    ({ outcome }) => outcome !== 'closed',
  )
  for (const socket of [...second, ...third, again.socket]) socket.destroy()
})

test('F17, a storm: 5,000 connects at once are served at the rate or refused; a neighbour is served', async () => {
  const limits = { admissionsPerSecond: 1_000, connectionsMax: 2_000, connectionsPerLoopbackMax: 2_000 }
  await using broker = await BrokerProcess.start(topics, { limits })
  using neighbour = await WireClient.connect(broker.port)
  await isServed(broker.port)
  const before = residentBytes(broker.pid)
  const count = { open: 0, closed: 0 }
  const sockets: Socket[] = []
  const storm = Promise.all(
    Array.from({ length: 5_000 }, async (_, index) => {
      const { socket, outcome } = await visit(broker.port, `127.0.0.${2 + (index % 50)}`)
      count[outcome as 'open' | 'closed']++
      sockets.push(socket)
    }),
  )
  const { topics: answered } = await neighbour.request(apis.metadata, 9, { topics: [{ name: 'logs' }] })
  assert.equal(answered[0]?.errorCode, 0)
  await storm
  assert.ok(count.open > 1_000 && count.open <= 2_000, `${count.open} were served`)
  assert.equal(count.open + count.closed, 5_000)
  const grown = residentBytes(broker.pid) - before
  assert.ok(grown < 100 * mebibyte, `memory grew by ${grown} bytes`)
  for (const socket of sockets) socket.destroy()
  await neighbour.request(apis.metadata, 9, { topics: [] })
  assert.ok(broker.logLines.length < 200, 'the log is not flooded')
})

test('F30, few descriptors: clients get what the logs do not need, and the logs go on and roll', async () => {
  await using broker = await BrokerProcess.start(topics, {}, undefined, 128)
  using writer = await WireClient.connect(broker.port)
  const visits = await Promise.all(Array.from({ length: 200 }, () => visit(broker.port)))
  const open = visits.filter(({ outcome }) => outcome === 'open').length
  assert.ok(open >= 5 && open < 60, `${open} of 200 were served`)
  // Segments of 4 MiB: five of them, each with its files.
  const records = batch('x'.repeat(1_000_000))
  for (let count = 0; count < 20; count++) {
    const topicData = [{ name: 'logs', partitionData: [{ index: 0, records }] }]
    const { responses } = await writer.request(apis.produce, 9, { acks: -1, timeoutMs: 30_000, topicData })
    assert.equal(responses[0]!.partitionResponses[0]!.errorCode, 0)
  }
  for (const { socket } of visits) socket.destroy()
  assert.deepEqual(
    broker.logLines.filter(({ level }) => level === 'error'),
    [],
  )
})

test('F30, too few descriptors to run on are refused at the start, with what to do', async () => {
  await assert.rejects(BrokerProcess.start(topics, {}, undefined, 64), /64 open files at most.*ulimit -n/)
})

test('requests in arrival share one budget: 60 clients that begin 8 MiB each cost what the budget allows', async () => {
  const limits = { heldBytesMax: 16 * mebibyte }
  await using broker = await BrokerProcess.start(topics, { limits })
  await isServed(broker.port)
  const before = residentBytes(broker.pid)
  const piece = Buffer.alloc(7 * mebibyte)
  piece.writeInt32BE(8 * mebibyte)
  const sockets = Array.from({ length: 60 }, () => {
    const socket = connect({ host: '127.0.0.1', port: broker.port })
    socket.on('error', () => {})
    socket.write(piece)
    return socket
  })
  const samples: number[] = []
  const sampler = setInterval(() => samples.push(residentBytes(broker.pid)), 50)
  for (let round = 0; round < 10; round++) await isServed(broker.port)
  await until('there are samples', () => samples.length > 20)
  clearInterval(sampler)
  const grown = Math.max(...samples) - before
  assert.ok(grown < 150 * mebibyte, `memory grew by ${grown} bytes of the 420 MiB that were sent`)
  for (const socket of sockets) socket.destroy()
})

test('a client that asks and never reads costs a bounded buffer, and is ended in the end', async () => {
  await using broker = await BrokerProcess.start(topics, { limits: { idleMs: 2_000 } })
  using producer = await WireClient.connect(broker.port)
  const records = batch('x'.repeat(900_000))
  for (let count = 0; count < 8; count++) {
    const topicData = [{ name: 'logs', partitionData: [{ index: 0, records }] }]
    await producer.request(apis.produce, 9, { acks: -1, timeoutMs: 30_000, topicData })
  }
  const before = residentBytes(broker.pid)
  const socketsBefore = openSockets(broker.pid)
  const writer = new Writer()
  const wish = { partition: 0, fetchOffset: 0, partitionMaxBytes: 2 ** 30 }
  encodeRequest(writer, apis.fetch, 11, 1, 'deaf', { topics: [{ topic: 'logs', partitions: [wish] }] })
  const request = Buffer.from(writer.view())
  const deaf = Array.from({ length: 20 }, () => {
    const socket = connect({ host: '127.0.0.1', port: broker.port })
    socket.on('error', () => {})
    socket.pause()
    for (let count = 0; count < 500; count++) socket.write(request)
    return socket
  })
  // Reset by the broker: there is more unread than a close would wait for.
  const ended = deaf.map(socket => new Promise(resolve => socket.once('close', resolve)))
  await isServed(broker.port)
  const grown = residentBytes(broker.pid) - before
  assert.ok(grown < 100 * mebibyte, `memory grew by ${grown} bytes for 80 GB that were asked for`)
  await until('the broker has ended them', () => openSockets(broker.pid) <= socketsBefore)
  for (const socket of deaf) socket.resume()
  await Promise.all(ended)
})

test('frames that stop or trickle end their connection; a slow one that keeps a pace does not', async () => {
  await using broker = await BrokerProcess.start(topics, { limits: { frameStallMs: 1_500 } })
  const claim = Buffer.alloc(24)
  claim.writeInt32BE(mebibyte)
  const begin = (): Socket => {
    const socket = connect({ host: '127.0.0.1', port: broker.port, noDelay: true })
    socket.on('error', () => {})
    socket.write(claim)
    return socket
  }
  const [stopped, trickling, steady] = [begin(), begin(), begin()]
  const drops = setInterval(() => trickling.write(Buffer.of(0)), 100)
  const pieces = setInterval(() => steady.write(Buffer.alloc(16_384)), 100)
  let steadyEnded = false
  steady.once('close', () => {
    steadyEnded = true
  })
  await Promise.all(
    [stopped, trickling].map(socket => new Promise(resolve => socket.resume().once('close', resolve))),
  )
  assert.equal(steadyEnded, false)
  clearInterval(drops)
  clearInterval(pieces)
  steady.destroy()
  assert.ok(closedFor(broker, /a frame was not there within 1500 ms/))
  await isServed(broker.port)
})

test('a connection on which nothing is asked for long is ended; one that waits for its answer is not', async () => {
  await using broker = await BrokerProcess.start(topics, { limits: { idleMs: 1_000 } })
  using idle = await WireClient.connect(broker.port)
  using waiting = await WireClient.connect(broker.port)
  const wish = { partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 }
  const parked = waiting.request(apis.fetch, 11, {
    maxWaitMs: 2_500,
    minBytes: 1,
    topics: [{ topic: 'logs', partitions: [wish] }],
  })
  await idle.closed
  assert.equal((await parked).responses[0]!.partitions[0]!.errorCode, 0)
})

test('requests of one connection wait their turn in a bounded queue, and are answered in order', async () => {
  await using broker = await BrokerProcess.start(topics)
  using greedy = await WireClient.connect(broker.port)
  const order: number[] = []
  const wish = { partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 }
  const asked = Array.from({ length: 3_000 }, async (_, index) => {
    if (index % 100 === 0) {
      const wishes = [{ topic: 'logs', partitions: [wish] }]
      await greedy.request(apis.fetch, 11, { maxWaitMs: 10, minBytes: 1, topics: wishes })
    } else await greedy.request(apis.metadata, 9, { topics: [] })
    order.push(index)
  })
  await isServed(broker.port)
  await Promise.all(asked)
  assert.deepEqual(
    order,
    Array.from({ length: 3_000 }, (_, index) => index),
  )
})
