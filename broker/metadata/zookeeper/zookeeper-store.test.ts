// The store on the double's members, through the faults that the contract does not name: lost answers, members that
// hang or lose their leader, connections cut under a watch, sessions that end, and what is refused before it is sent.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import { apply, bytes, Seen, text } from '../contract.ts'
import type { MetadataStore, Version } from '../store.ts'
import { operationCodes } from './protocol.ts'
import { type MemberDouble, ServerDouble } from './server-double.ts'
import { openZookeeperStore } from './zookeeper-store.ts'

async function begin(context: TestContext, members = 1) {
  const servers = await ServerDouble.start(members)
  const stores: MetadataStore[] = []
  context.after(async () => {
    for (const member of servers.members) servers.resume(member)
    for (const store of stores) await store.close()
    await servers.close()
  })
  const open = async (address = servers.address('a/b')) => {
    const store = await openZookeeperStore(address)
    stores.push(store)
    return store
  }
  return { servers, open, store: await open() }
}

function memberOf(servers: ServerDouble, store: MetadataStore): MemberDouble {
  return servers.members.find(({ port }) => store.status().endpoint.endsWith(`:${port}`))!
}

test('a lost answer is unknown; the write happened once, and is not sent again', async context => {
  const { servers, store } = await begin(context)
  const { versions } = await apply(store, [{ create: 'a', value: bytes('1') }])
  servers.cutInsteadOfAnswering(operationCodes.multi)
  const update = { update: 'a', value: bytes('nonce 7'), version: versions[0]! }
  const result = await store.transact([], [update], 2_000)
  assert(result.outcome === 'unknown')
  assert.match(result.cause.message, /Cannot tell whether the transaction was applied: .*closed/)
  await store.barrier()
  assert.equal(text(await store.get('a')), 'nonce 7')
  const multis = servers.requests.filter(type => type === operationCodes.multi)
  assert.equal(multis.length, 3, 'create, update, barrier')
  assert.deepEqual(await store.transact([], [update], 2_000), { outcome: 'conflict' })
})

test('a barrier and a read whose answers are lost are asked again', async context => {
  const { servers, store } = await begin(context)
  servers.cutInsteadOfAnswering(operationCodes.multi)
  await store.barrier()
  servers.cutInsteadOfAnswering(operationCodes.getData)
  assert.equal(await store.get('a'), null)
})

test('a transaction too large for the servers is refused here, and the connection stays', async context => {
  const { servers, store } = await begin(context)
  const { since } = store.status()
  const before = servers.requests.length
  const result = await store.transact([], [{ create: 'a', value: Buffer.alloc(1_000_000) }], 2_000)
  assert(result.outcome === 'unknown')
  assert.match(result.cause.message, /nothing was sent: 1000\d\d\d bytes, 1000000 is the most/)
  assert.equal(servers.requests.length, before)
  await apply(store, [{ create: 'a', value: Buffer.alloc(900_000) }])
  assert.equal((await store.get('a'))!.value.length, 900_000)
  assert.equal(store.status().since, since)
})

test('a version that this store never gave does not hold', async context => {
  const { store } = await begin(context)
  await apply(store, [{ create: 'a', value: bytes('1') }])
  const guards = [{ key: 'a', version: '17' as Version }]
  assert.deepEqual(await store.transact(guards, [], 2_000), { outcome: 'conflict' })
  const operations = [{ remove: 'a', version: '17' as Version }]
  assert.deepEqual(await store.transact([], operations, 2_000), { outcome: 'conflict' })
})

test('a member that hangs is left, and the session goes on at another', async context => {
  const { servers, store } = await begin(context, 2)
  const session = await store.openSession(900)
  await apply(store, [{ create: 'up', value: bytes('1'), session }])
  const member = memberOf(servers, store)
  member.isPaused = true
  const seen = new Seen()
  store.watch('', seen)
  await seen.until(() => seen.state === 'up=1')
  assert.notEqual(memberOf(servers, store), member)
  assert(session.validFor() > 0)
})

test('a member that has lost its leader is left though it answers pings', async context => {
  const { servers, store } = await begin(context, 2)
  const session = await store.openSession(900)
  const member = memberOf(servers, store)
  const reconnected = new Promise<void>(resolve => {
    store.watch('', {
      snapshot: () => memberOf(servers, store) !== member && resolve(),
      changed() {},
      stale() {},
    })
  })
  member.isCutOff = true
  await reconnected
  assert(session.validFor() > 0)
})

test('a watch tells after a cut what it missed, and per key never goes back', async context => {
  const { servers, open, store } = await begin(context, 2)
  const other = await open()
  await apply(store, [{ create: 'a', value: bytes('1') }])
  const seen = new Seen()
  store.watch('', seen)
  await seen.until(() => seen.state === 'a=1')
  for (let round = 2; round < 12; round++) {
    servers.cutConnections()
    const entry = await other.get('a')
    const result = await other.transact(
      [],
      [{ update: 'a', value: bytes(`${round}`), version: entry!.version }],
      2_000,
    )
    assert.equal(result.outcome, 'applied')
    await seen.until(() => seen.state === `a=${round}`)
  }
  assert.equal(seen.wentBack, false)
})

test('when the session expires the handle is at its end, and says so', async context => {
  const { servers, store } = await begin(context)
  const session = await store.openSession(300)
  await apply(store, [{ create: 'up', value: bytes('1'), session }])
  const stale = new Promise<string>(resolve => {
    store.watch('', { snapshot() {}, changed() {}, stale: resolve })
  })
  const [member] = servers.members
  member!.isPaused = true
  while (servers.tree.node('/a/b').children.size === 0 || session.validFor() > 0) await tick()
  while (servers.tree.node('/a/b/up').children.size > 0) await tick()
  assert(session.validFor() <= 0, 'before any event says so')
  servers.resume(member!)
  assert.equal(await session.ended, 'expired')
  assert.equal(typeof (await stale), 'string')
  const create = { create: 'x', value: bytes('by a zombie') }
  const result = await store.transact([], [create], 500)
  assert.equal(result.outcome, 'unknown')
  assert.deepEqual(await store.transact([], [{ ...create, session }], 500), { outcome: 'conflict' })
  await assert.rejects(store.get('up'), /over \(expired\)/)
  await assert.rejects(store.openSession(300), /has had one/)
})

test('a session of another handle makes no ephemeral entry here', async context => {
  const { open, store } = await begin(context)
  const session = await (await open()).openSession(1_000)
  const result = await store.transact([], [{ create: 'a', value: bytes('1'), session }], 500)
  assert.deepEqual(result, { outcome: 'conflict' })
})

test('a handle without a session outlives the expiry of the one it had for itself', async context => {
  const { servers, store } = await begin(context)
  await apply(store, [{ create: 'a', value: bytes('1') }])
  servers.expireAll()
  assert.equal(text(await store.get('a')), '1')
})

test('a place of another format is refused, and so are servers that are not there', async context => {
  const { servers, store } = await begin(context)
  servers.tree.node('/a/b').data = Buffer.from('{"format":2}')
  await assert.rejects(
    openZookeeperStore(servers.address('a/b')),
    /another format than {"format":1}: {"format":2}/,
  )
  await store.close()
  await assert.rejects(
    openZookeeperStore('zookeeper://127.0.0.1:1/x', { connectTimeoutMs: 200 }),
    /Cannot open the metadata store: ZooKeeper does not answer/,
  )
})

test('zookeeper+tls:// encrypts', async context => {
  const { servers, open } = await begin(context)
  // A key both sides share, so that the test needs no certificate.
  const psk = { identity: 'tailrace', psk: Buffer.from('0123456789abcdef') }
  const ciphers = 'PSK-AES128-GCM-SHA256'
  const tls = createTlsServer({ ciphers, maxVersion: 'TLSv1.2', pskCallback: () => psk.psk }, socket => {
    const plain = connect(servers.members[0]!.port, '127.0.0.1')
    socket.pipe(plain).pipe(socket)
    for (const side of [socket, plain]) side.on('error', () => {})
  }).listen(0, '127.0.0.1')
  await once(tls, 'listening')
  context.after(() => tls.close())
  const options = { tls: { ciphers, pskCallback: () => psk, checkServerIdentity: () => undefined } }
  const { port } = tls.address() as { port: number }
  const store = await openZookeeperStore(`zookeeper+tls://127.0.0.1:${port}/a/b`, options)
  await apply(store, [{ create: 'secret', value: bytes('1') }])
  assert.equal(text(await (await open()).get('secret')), '1')
  await store.close()
})

function tick(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, 5))
}
