// The metadata store on a real ZooKeeper ensemble: the shared contract, and what happens when members are killed,
// paused or hung, answers get lost, and doors are locked. Needs Debian's package: run by `npm run test:real`.
import assert from 'node:assert/strict'
import { basename } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import {
  apply,
  bytes,
  type Implementation,
  Seen,
  testContract,
  text,
} from '../../broker/metadata/contract.ts'
import type { MetadataStore, Session } from '../../broker/metadata/store.ts'
import { openZookeeperStore, type ZookeeperOptions } from '../../broker/metadata/zookeeper/zookeeper-store.ts'
import { AnswerLoser, Ensemble, memberNumbers } from './zookeeper-ensemble.ts'

const ensemble = await Ensemble.start()
after(() => ensemble.stop())
const zookeeper: Implementation = {
  name: 'zookeeper',
  place: directory => ensemble.address(basename(directory)),
  open: openZookeeperStore,
}
testContract(zookeeper)

const ttlMs = 6_000
let chroots = 0
const newChroot = () => `real-${process.pid}-${chroots++}`
const sleep = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

async function open(
  context: TestContext,
  address: string,
  options?: ZookeeperOptions,
): Promise<MetadataStore> {
  const store = await openZookeeperStore(address, options)
  context.after(() => store.close())
  return store
}

/** Raises a counter by guarded writes until told to stop; of an unknown outcome it finds out by the nonce it wrote. */
class Counting {
  applied = 0
  unknown = 0
  longestGapMs = 0
  #isOver = false
  readonly #done: Promise<void>

  constructor(store: MetadataStore) {
    this.#done = this.#run(store)
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#done
  }

  async #run(store: MetadataStore): Promise<void> {
    let lastMs = performance.now()
    for (let nonce = 1; !this.#isOver; nonce++) {
      await sleep(20)
      const entry = await store.get('counter')
      const [count] = text(entry)!.split(' ').map(Number)
      const value = bytes(`${count! + 1} ${nonce}`)
      const result = await store.transact([], [{ update: 'counter', value, version: entry!.version }], 3_000)
      assert.notEqual(result.outcome, 'conflict', 'nobody else writes')
      let isApplied = result.outcome === 'applied'
      if (result.outcome === 'unknown') {
        this.unknown++
        await untilAnswered(() => store.barrier())
        isApplied = text(await store.get('counter'))!.endsWith(` ${nonce}`)
      }
      if (!isApplied) continue
      this.applied++
      this.longestGapMs = Math.max(this.longestGapMs, performance.now() - lastMs)
      lastMs = performance.now()
    }
  }
}

async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch {
      await sleep(50)
    }
  }
}

interface Scene {
  readonly store: MetadataStore
  readonly session: Session
  readonly counting: Counting
  readonly seen: Seen
  readonly lowestValidForMs: () => number
  readonly finish: (title: string) => Promise<void>
}

/** A handle with a session that counts, another that watches it; `finish` shows that nothing was lost or doubled. */
async function scene(context: TestContext, address: (chroot: string) => string): Promise<Scene> {
  const chroot = newChroot()
  const store = await open(context, address(chroot))
  const watcher = await open(context, ensemble.address(chroot))
  const session = await store.openSession(ttlMs)
  await apply(store, [
    { create: 'counter', value: bytes('0 0') },
    { create: 'brokers/ids/1', value: bytes('up'), session },
  ])
  const seen = new Seen()
  watcher.watch('', seen)
  const counting = new Counting(store)
  let lowest = Number.POSITIVE_INFINITY
  const sampler = setInterval(() => {
    lowest = Math.min(lowest, session.validFor())
  }, 20)
  await seen.until(() => counting.applied > 5)
  return {
    store,
    session,
    counting,
    seen,
    lowestValidForMs: () => Math.round(lowest),
    async finish(title) {
      await counting.stop()
      clearInterval(sampler)
      await store.barrier()
      const final = text(await store.get('counter'))!
      assert.equal(Number(final.split(' ')[0]), counting.applied)
      assert.equal(text(await store.get('brokers/ids/1')), 'up', 'the session is kept')
      await seen.until(() => seen.state === `brokers/ids/1=up counter=${final}`)
      assert.equal(seen.wentBack, false)
      context.diagnostic(
        `figure ${title}: ${counting.applied} writes, ${counting.unknown} unknown, none lost or doubled; ` +
          `longest gap ${(counting.longestGapMs / 1_000).toFixed(1)} s; session kept, ` +
          `at worst valid for ${Math.round(lowest)} ms`,
      )
    },
  }
}

test('the leader is killed: writes go on at the next one, nothing is lost or doubled', async context => {
  const { counting, finish } = await scene(context, chroot => ensemble.address(chroot))
  const leader = await ensemble.leader()
  ensemble.signal(leader, 'SIGKILL')
  const before = counting.applied
  while (counting.applied < before + 20) await sleep(50)
  await ensemble.restart(leader)
  await finish('leader killed')
})

test('each member in turn is killed', async context => {
  const { counting, finish } = await scene(context, chroot => ensemble.address(chroot))
  for (const member of memberNumbers) {
    ensemble.signal(member, 'SIGKILL')
    const before = counting.applied
    while (counting.applied < before + 20) await sleep(50)
    await ensemble.restart(member)
  }
  await finish('each member killed')
})

test('the member we are connected to is paused: another is found within the lease', async context => {
  const { store, session, counting, finish } = await scene(context, chroot => ensemble.address(chroot))
  const leader = await ensemble.leader()
  // The leader's own pause is another test.
  while (ensemble.memberAt(store.status().endpoint) === leader) {
    ensemble.signal(leader, 'SIGKILL')
    await ensemble.restart(leader)
  }
  const member = ensemble.memberAt(store.status().endpoint)
  ensemble.signal(member, 'SIGSTOP')
  const before = counting.applied
  try {
    while (counting.applied < before + 20) await sleep(50)
    assert(session.validFor() > 0)
    assert.notEqual(ensemble.memberAt(store.status().endpoint), member)
  } finally {
    ensemble.signal(member, 'SIGCONT')
  }
  await finish('our member paused')
})

test('the leader hangs: no member renews the session by itself, and the next leader keeps it', async context => {
  const { session, counting, lowestValidForMs, finish } = await scene(context, chroot =>
    ensemble.address(chroot),
  )
  const leader = await ensemble.leader()
  ensemble.signal(leader, 'SIGSTOP')
  const before = counting.applied
  try {
    await sleep(3_000)
    assert(session.validFor() < ttlMs - 2_000, 'nobody but the leader can say that the session goes on')
    while (counting.applied < before + 20) await sleep(50)
  } finally {
    ensemble.signal(leader, 'SIGCONT')
  }
  assert(lowestValidForMs() < ttlMs - 2_000)
  await finish('leader hung')
})

test('all members are killed and come back', async context => {
  const { store, counting, finish } = await scene(context, chroot => ensemble.address(chroot))
  for (const member of memberNumbers) ensemble.signal(member, 'SIGKILL')
  const began = performance.now()
  const result = await store.transact([], [{ create: 'x', value: bytes('1') }], 500)
  assert.equal(result.outcome, 'unknown')
  assert(performance.now() - began < 700, 'the caller’s time is kept')
  const before = counting.applied
  await ensemble.restart(...memberNumbers)
  while (counting.applied < before + 5) await sleep(50)
  await finish('all killed')
})

test('barrier() makes a member that was paused current', async context => {
  const chroot = newChroot()
  const leader = await ensemble.leader()
  const member = memberNumbers.find(number => number !== leader)!
  const writer = await open(context, ensemble.addressOf(leader, chroot))
  await apply(writer, [{ create: 'a', value: bytes('0') }])
  const reader = await open(context, ensemble.addressOf(member, chroot))
  for (let round = 1; round <= 5; round++) {
    ensemble.signal(member, 'SIGSTOP')
    const entry = await writer.get('a')
    await apply(writer, [{ update: 'a', value: bytes(String(round)), version: entry!.version }])
    await sleep(200)
    ensemble.signal(member, 'SIGCONT')
    await reader.barrier()
    assert.equal(text(await reader.get('a')), String(round))
  }
})

test('an answer that is lost is unknown, and the write is neither lost nor done twice', async context => {
  const proxy = await AnswerLoser.start(ensemble.port(await ensemble.leader()))
  context.after(() => proxy.close())
  const chroot = newChroot()
  const store = await open(context, `zookeeper://127.0.0.1:${proxy.port}/${chroot}`)
  let { versions } = await apply(store, [{ create: 'a', value: bytes('0') }])
  for (let round = 1; round <= 8; round++) {
    proxy.isLosing = true
    const update = { update: 'a', value: bytes(`nonce ${round}`), version: versions[0]! }
    const result = await store.transact([], [update], 3_000)
    proxy.isLosing = false
    assert.equal(result.outcome, 'unknown')
    await store.barrier()
    const entry = await store.get('a')
    assert.equal(text(entry), `nonce ${round}`)
    versions = [entry!.version]
  }
})

test('what another owner made by digest authentication is closed to everybody else', async context => {
  const chroot = newChroot()
  const owned = ensemble.address(chroot).replace('//', '//tailrace:s%40cret@')
  const owner = await open(context, owned)
  const session = await owner.openSession(ttlMs)
  await apply(owner, [{ create: 'a', value: bytes('1'), session }])
  assert.equal(text(await (await open(context, owned)).get('a')), '1')
  await assert.rejects(openZookeeperStore(ensemble.address(chroot)), /noAuth/)
  const thief = ensemble.address(chroot).replace('//', '//tailrace:guess@')
  await assert.rejects(openZookeeperStore(thief), /noAuth/)
})

test('certificates are asked of both sides', async context => {
  const address = ensemble.encryptedAddress(newChroot())
  const tls = { ca: ensemble.pem('ca'), cert: ensemble.pem('client'), key: ensemble.pem('client-key') }
  const store = await open(context, address, { tls })
  const session = await store.openSession(ttlMs)
  await apply(store, [{ create: 'a', value: bytes('1'), session }])
  assert.equal(text(await store.get('a')), '1')
  const refused = { connectTimeoutMs: 2_000 }
  await assert.rejects(openZookeeperStore(address, { ...refused, tls: { ca: tls.ca } }), /does not answer/)
  await assert.rejects(
    openZookeeperStore(address, { ...refused, tls: { cert: tls.cert, key: tls.key } }),
    /does not answer/,
  )
})

test('a thousand partitions are one transaction, and a list', async context => {
  const store = await open(context, ensemble.address(newChroot()))
  const value = bytes(
    JSON.stringify({ leader: 1, isr: [1, 2, 3], leaderEpoch: 7, partitionEpoch: 9, controllerEpoch: 3 }),
  )
  const count = store.limits.transactionOperations
  const began = performance.now()
  await apply(
    store,
    Array.from({ length: count }, (_, n) => ({ create: `topics/OcN3eKqBTB2s1Jb2p7cJtA/p/${n}`, value })),
  )
  const written = performance.now()
  assert.equal((await store.list('topics/')).entries.length, count)
  const listed = performance.now()
  context.diagnostic(
    `figure ${count} partitions: written in ${Math.round(written - began)} ms, ` +
      `listed in ${Math.round(listed - written)} ms`,
  )
})
