// Hostile bytes on the broker's port end their own connection, with a logged reason, and nothing else: a neighbour
// that behaves is served before, during and after.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { type AnyApi, type ApiName, apis } from '../../broker/protocol/apis.ts'
import { Writer, zeroUuid } from '../../broker/protocol/bytes.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { decodeResponse, encodeRequest } from '../../broker/protocol/frame.ts'
import { BrokerProcess } from './broker-process.ts'
import { sensible } from './sensible-requests.ts'
import { WireClient } from './wire-client.ts'

/** Sends bytes and resolves when the broker has ended the connection, with what it said before. */
function provoke(port: number, bytes: Buffer): Promise<Buffer> {
  return new Promise(resolve => {
    const chunks: Buffer[] = []
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(bytes))
    socket.on('data', chunk => chunks.push(chunk))
    socket.on('error', () => {})
    socket.on('close', () => resolve(Buffer.concat(chunks)))
  })
}

function frame(body: Buffer, length = body.length): Buffer {
  const prefix = Buffer.alloc(4)
  prefix.writeInt32BE(length)
  return Buffer.concat([prefix, body])
}

function header(apiKey: number, version: number): Buffer {
  const bytes = Buffer.alloc(10)
  bytes.writeInt16BE(apiKey, 0)
  bytes.writeInt16BE(version, 2)
  bytes.writeInt32BE(7, 4)
  bytes.writeInt16BE(-1, 8)
  return bytes
}

/** Reproducible noise. */
function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = seed
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    bytes[at] = state >>> 16
  }
  return bytes
}

/** A Metadata request that claims a billion topics in a few bytes. */
function billionTopics(): Buffer {
  const count = Buffer.alloc(4)
  count.writeInt32BE(1_000_000_000)
  return frame(Buffer.concat([header(3, 1), count]))
}

const hostile: readonly { readonly what: string; readonly bytes: Buffer; readonly reason: RegExp }[] = [
  { what: 'a negative length', bytes: frame(Buffer.alloc(0), -1), reason: /negative/ },
  { what: 'a length of 2 GiB', bytes: frame(Buffer.alloc(0), 0x7fffffff), reason: /exceeds/ },
  { what: 'an HTTP request', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), reason: /exceeds/ },
  { what: 'a frame too short for a header', bytes: frame(Buffer.from([0, 3])), reason: /\w/ },
  { what: 'an unknown API', bytes: frame(header(999, 0)), reason: /API key 999 is not served/ },
  {
    what: 'a version beyond ours',
    bytes: frame(Buffer.concat([header(3, 99), Buffer.of(0)])),
    reason: /Metadata version 99/,
  },
  { what: 'a version before ours', bytes: frame(header(0, 2)), reason: /Produce version 2/ },
  {
    what: 'a body that ends early',
    bytes: frame(Buffer.concat([header(1, 11), Buffer.alloc(9)])),
    reason: /\w/,
  },
  { what: 'a count no frame could hold', bytes: billionTopics(), reason: /elements/ },
  ...[1, 2, 3, 4, 5].map(seed => ({
    what: `noise ${seed} behind a Produce header`,
    bytes: frame(Buffer.concat([header(0, 9), noise(500, seed)])),
    reason: /\w/,
  })),
]

test('hostile bytes end their own connection, with a reason, and nothing else', async () => {
  await using broker = await BrokerProcess.start([{ name: 'logs', partitions: 1 }])
  using neighbour = await WireClient.connect(broker.port)
  for (const { what, bytes, reason } of hostile) {
    const before = broker.logLines.length
    assert.equal((await provoke(broker.port, bytes)).length, 0, `${what} is not answered`)
    const { topics } = await neighbour.request(apis.metadata, 9, { topics: [{ name: 'logs' }] })
    assert.equal(topics[0]?.errorCode, 0, `the neighbour is served after ${what}`)
    const logged = broker.logLines.slice(before).filter(line => line.message === 'connection closed')
    assert.equal(logged.length, 1, `${what} is logged`)
    assert.match(logged[0]!.reason ?? '', reason, what)
  }
  assert.equal(broker.logLines.filter(line => line.level === 'error').length, 0)
})

test('truncated frames wait for the rest, cost nothing, and end when the client does', async () => {
  await using broker = await BrokerProcess.start([{ name: 'logs', partitions: 1 }])
  const writer = new Writer()
  encodeRequest(writer, apis.metadata, 9, 1, 'slow', { topics: [{ name: 'logs' }] })
  const whole = Buffer.from(writer.view())
  for (let cut = 1; cut < whole.length; cut++) {
    const socket = connect({ host: '127.0.0.1', port: broker.port }, () => socket.end(whole.subarray(0, cut)))
    await new Promise(resolve => socket.on('close', resolve).resume())
  }
  // A hundred clients that claim 100 MiB each and send ten bytes hold next to nothing.
  const claims = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const claim = await WireClient.connect(broker.port)
      claim.socket.write(frame(Buffer.alloc(10), 100 * 1024 * 1024))
      return claim
    }),
  )
  // Byte by byte it is the same request.
  const dripping = connect({ host: '127.0.0.1', port: broker.port, noDelay: true })
  for (const byte of whole) dripping.write(Buffer.of(byte))
  const answer = await new Promise<Buffer>(resolve => dripping.once('data', resolve))
  assert.equal(decodeResponse(answer.subarray(4), apis.metadata, 9).topics[0]?.errorCode, 0)
  dripping.destroy()
  for (const claim of claims) claim.socket.destroy()
  assert.equal(broker.logLines.filter(line => line.level !== 'info').length, 0)
})

test('a client newer than the broker learns from a version 0 answer what is served', async () => {
  await using broker = await BrokerProcess.start()
  using client = await WireClient.connect(broker.port)
  const answer = client.requestFrame({ ...apis.apiVersions, accepted: [0, 99] }, 42, {
    clientSoftwareName: 'newer',
    clientSoftwareVersion: '9',
  })
  const bytes = await answer
  // Correlation id, error 35, one entry: ApiVersions 0 to 4, and not one byte more.
  assert.equal(bytes.toString('hex'), '00000001' + '0023' + '00000001' + '0012' + '0000' + '0004')
  const { apiKeys } = await client.request(apis.apiVersions, 3, {
    clientSoftwareName: 'newer',
    clientSoftwareVersion: '9',
  })
  assert.deepEqual(
    apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, minVersion, maxVersion]),
    Object.values(apis).map(({ key, advertised }) => [key, ...advertised]),
  )
})

test('sensible requests with flipped bytes are answered, refused or ended, and never an error of ours', async () => {
  await using broker = await BrokerProcess.start([{ name: 'logs', partitions: 1 }])
  const names = Object.keys(apis) as ApiName[]
  let state = 20_261_124
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % below
  }
  for (let round = 0; round < 60; round++) {
    const clients = names.map(async name => {
      const row: AnyApi = apis[name]
      const version = row.accepted[0] + random(row.accepted[1] - row.accepted[0] + 1)
      const writer = new Writer()
      encodeRequest(writer, row, version, round, 'fuzz', sensible(name, zeroUuid))
      const bytes = Buffer.from(writer.view())
      // Behind the header, so that it stays this API.
      for (let flips = 1 + random(4); flips > 0; flips--)
        bytes[18 + random(bytes.length - 18)]! ^= 1 << random(8)
      const socket = connect({ host: '127.0.0.1', port: broker.port }, () => socket.write(bytes))
      socket.on('error', () => {})
      // Answered, ended, or waiting for what will not come: whichever is first.
      await new Promise(resolve => {
        socket.once('data', resolve).once('close', resolve)
        socket.setTimeout(30, () => resolve(null))
      })
      socket.destroy()
    })
    await Promise.all(clients)
  }
  using neighbour = await WireClient.connect(broker.port)
  const { topics } = await neighbour.request(apis.metadata, 9, { topics: [{ name: 'logs' }] })
  assert.equal(topics[0]?.errorCode, 0)
  assert.deepEqual(
    broker.logLines.filter(({ level }) => level === 'error'),
    [],
  )
})

test('names that every JavaScript object has are names like any other, and settings that nobody knows', async () => {
  await using broker = await BrokerProcess.start([{ name: 'logs', partitions: 1 }])
  using client = await WireClient.connect(broker.port)
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    const topic = { numPartitions: 1, replicationFactor: 1 }
    const refused = { ...topic, name: 'unset', configs: [{ name, value: '1' }] }
    const created = await client.request(apis.createTopics, 7, { topics: [refused, { ...topic, name }] })
    assert.deepEqual(
      created.topics.map(({ errorCode }) => errorCode),
      [errorCodes.invalidConfig, 0],
      name,
    )
    const { topics } = await client.request(apis.metadata, 9, { topics: [{ name }] })
    assert.deepEqual([topics[0]?.name, topics[0]?.errorCode], [name, 0])
    const groups = await client.request(apis.describeGroups, 5, { groups: [name] })
    assert.deepEqual([groups.groups[0]?.groupId, groups.groups[0]?.groupState], [name, 'Dead'])
    const answer = await provoke(broker.port, saslHandshake(name))
    assert.match(answer.toString('latin1'), /SCRAM-SHA-256/, 'what is spoken here')
  }
  assert.deepEqual(
    broker.logLines.filter(({ level }) => level === 'error'),
    [],
  )
})

function saslHandshake(mechanism: string): Buffer {
  const writer = new Writer()
  encodeRequest(writer, apis.saslHandshake, 1, 1, 'hostile', { mechanism })
  return Buffer.from(writer.view())
}
