// `tailrace/client` against a broker: what is produced is read back in order, by place, time and offsets; a slow reader
// bounds what is fetched; a restart of the broker is waited out; what retention took is told.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, type Lost, type ReceivedRecord } from '../../broker/client/log-client.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { BrokerProcess } from './broker-process.ts'
import { ServedBroker } from './served-broker.ts'

const served = ServedBroker.forThisFile()
const address = () => `127.0.0.1:${served.broker.port}`

async function readAll(records: AsyncIterable<ReceivedRecord>): Promise<ReceivedRecord[]> {
  const all: ReceivedRecord[] = []
  for await (const record of records) all.push(record)
  return all
}

test('produce() and subscribe() carry key, value, headers and time; a key keeps its order', async () => {
  const client = await connect({ bootstrap: address() })
  const records = Array.from({ length: 300 }, (_, index) => ({
    key: `user-${index % 7}`,
    value: `line ${index}`,
    headers: { source: 'test' },
    timestamp: 1_700_000_000_000 + index,
  }))
  const produced = await client.produce('logs', records)
  assert.equal(
    produced.reduce((sum, { count }) => sum + count, 0),
    300,
  )
  const all = await readAll(client.subscribe('logs', { untilEnd: true }))
  assert.equal(all.length, 300)
  for (let user = 0; user < 7; user++) {
    const lines = all.filter(({ key }) => key?.toString() === `user-${user}`)
    assert.equal(new Set(lines.map(({ partition }) => partition)).size, 1)
    const numbers = lines.map(({ value }) => Number(value!.toString().split(' ')[1]))
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    )
  }
  const first = all.find(({ value }) => value?.toString() === 'line 0')!
  assert.equal(first.timestamp, 1_700_000_000_000)
  assert.deepEqual(
    first.headers.map(([name, value]) => [name, value?.toString()]),
    [['source', 'test']],
  )
  client.close()
})

test('a subscription begins at a place, a time, or where another one ended', async () => {
  await served.newTopic('places', 1)
  const client = await connect({ bootstrap: address() })
  const at = (index: number) => 1_700_000_000_000 + index * 1000
  for (let index = 0; index < 10; index++) {
    await client.produce('places', [{ value: String(index), timestamp: at(index) }])
  }
  const values = async (from: Date | Readonly<Record<string, number>>) =>
    (await readAll(client.subscribe('places', { from, untilEnd: true }))).map(({ value }) =>
      value!.toString(),
    )
  assert.deepEqual(await values(new Date(at(7))), ['7', '8', '9'])
  assert.deepEqual(await values(new Date(at(99))), [])
  const half = client.subscribe('places')
  let taken = 0
  for await (const record of half) {
    assert.equal(record.value?.toString(), String(taken++))
    if (taken === 4) break
  }
  assert.deepEqual(half.positions, { 'places-0': 4 })
  assert.deepEqual(await values(half.positions), ['4', '5', '6', '7', '8', '9'])

  const latest = client.subscribe('places', { from: 'latest' })
  const next = latest[Symbol.asyncIterator]().next()
  // The end is looked up when the subscription finds its partition: what is produced after that is what comes.
  while (latest.positions['places-0'] === undefined) await new Promise(resolve => setImmediate(resolve))
  await client.produce('places', [{ value: 'new' }])
  assert.equal((await next).value?.value?.toString(), 'new')
  client.close()
})

test('a slow reader holds a bounded number of bytes', async () => {
  await served.newTopic('slow', 1)
  const client = await connect({ bootstrap: address() })
  const value = Buffer.alloc(100_000, 'x')
  for (let round = 0; round < 20; round++)
    await client.produce('slow', [{ value }, { value }], { codec: 'none' })
  const slow = client.subscribe('slow', { bytesMax: 150_000, untilEnd: true })
  let most = 0
  let count = 0
  for await (const record of slow) {
    assert.equal(record.offset, count++)
    most = Math.max(most, slow.waitingBytes)
    await new Promise(resolve => setImmediate(resolve))
  }
  assert.equal(count, 40)
  assert(most > 0 && most <= 350_000, `${most} bytes waited`)
  client.close()
})

test('a broker that goes and comes back costs nothing but time, and nothing is doubled', async () => {
  await using broker = await BrokerProcess.start([{ name: 'kept', partitions: 1 }])
  const client = await connect({ bootstrap: `127.0.0.1:${broker.port}` })
  await client.produce('kept', [{ value: 'before' }])
  await broker.stop('SIGKILL')
  const pending = client.produce('kept', [{ value: 'meanwhile' }])
  await broker.start()
  await pending
  await client.produce('kept', [{ value: 'after' }])
  const all = await readAll(client.subscribe('kept', { untilEnd: true }))
  assert.deepEqual(
    all.map(({ value }) => value!.toString()),
    ['before', 'meanwhile', 'after'],
  )
  client.close()
})

test('what is gone before it was read is told, and reading goes on', async () => {
  await served.newTopic('gone', 1)
  const client = await connect({ bootstrap: address() })
  for (const value of ['a', 'b', 'c']) await client.produce('gone', [{ value }])
  const partitions = [{ partitionIndex: 0, offset: 2 }]
  await served.client.request(apis.deleteRecords, 2, {
    topics: [{ name: 'gone', partitions }],
    timeoutMs: 5000,
  })
  const lost: Lost[] = []
  const from = { 'gone-0': 0 }
  const all = await readAll(
    client.subscribe('gone', { from, untilEnd: true, onLost: entry => void lost.push(entry) }),
  )
  assert.deepEqual(
    all.map(({ value }) => value!.toString()),
    ['c'],
  )
  const [{ fromOffset, toOffset, reason }] = lost as [Lost]
  assert.deepEqual([fromOffset, toOffset], [0, 1])
  assert.match(reason, /retention/)
  client.close()
})

test('who cannot be reached or served is told so', async () => {
  await assert.rejects(connect({ bootstrap: '127.0.0.1:1' }), /ECONNREFUSED/)
  await assert.rejects(connect({ bootstrap: 'nonsense' }), /write host:port/)
  await assert.rejects(connect({ bootstrap: address(), user: 'me' }), /both a user and a password/)
  const client = await connect({ bootstrap: address() })
  await assert.rejects(client.produce('no/such', [{ value: 'x' }]), /invalidTopicException/)
  assert.deepEqual(await client.produce('logs', []), [])
  client.close()
})
