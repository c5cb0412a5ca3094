// Three brokers on a real ZooKeeper ensemble while brokers and members are killed, paused and hung: nothing that was
// acknowledged is lost, produce goes on without ZooKeeper, and nobody leads whom the cluster has given up. Needs
// Debian's package: run by `npm run test:real`.
import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { openZookeeperStore } from '../../broker/metadata/zookeeper/zookeeper-store.ts'
import { moveBetween } from '../../cli/move-metadata.ts'
import { until } from '../eventually.ts'
import { type PartitionState, Stage } from './three-brokers-on-zookeeper.ts'
import { Ensemble, memberNumbers } from './zookeeper-ensemble.ts'

const ensemble = await Ensemble.start()
after(() => ensemble.stop())

const ttlMs = 6_000
let chroots = 0
const sleep = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`

function openStage(): Promise<Stage> {
  return Stage.open(ensemble.address(`brokers-${process.pid}-${chroots++}`))
}

const epochsOf = (states: readonly PartitionState[]) =>
  states.map(state => `${state.leader}@${state.leaderEpoch}`)
const setsOf = (states: readonly PartitionState[]) => states.map(({ isr }) => isr.join())

test('kill -9 of whoever leads: others lead within the lease, nothing acknowledged is lost', async context => {
  await using stage = await openStage()
  await stage.allInSync()
  await stage.produce()
  const failoversMs: number[] = []
  const pausesMs: number[] = []
  for (let round = 0; round < 3; round++) {
    const victim = (await stage.partitions())[round]!.leader
    for (const one of stage.producers) one.longestPauseMs = 0
    const killedMs = performance.now()
    await stage.cluster.stopOne(victim, 'SIGKILL')
    const isOver = (states: readonly PartitionState[]) =>
      states.length > 0 && states.every(({ leader }) => leader > 0 && leader !== victim)
    await until('others lead', async () => isOver(await stage.partitions(victim)))
    failoversMs.push(performance.now() - killedMs)
    await stage.goOn(3)
    pausesMs.push(Math.max(...stage.producers.map(one => one.longestPauseMs)))
    await stage.cluster.startOne(victim)
    await stage.allInSync()
  }
  const acknowledged = await stage.finish()
  context.diagnostic(
    `figure leader killed: others lead after ${failoversMs.map(seconds).join(', ')}; ` +
      `longest pauses ${pausesMs.map(seconds).join(', ')}; ${acknowledged} acknowledged, none lost`,
  )
  assert(Math.max(...failoversMs) < ttlMs + 3_000)
})

test('the leading member of ZooKeeper is killed: produce goes on, nobody is elected', async context => {
  await using stage = await openStage()
  await stage.allInSync()
  await stage.produce()
  const before = await stage.partitions()
  const member = await ensemble.leader()
  for (const one of stage.producers) one.longestPauseMs = 0
  ensemble.signal(member, 'SIGKILL')
  await sleep(ttlMs + 2_000)
  await stage.goOn(3)
  const longest = Math.max(...stage.producers.map(one => one.longestPauseMs))
  assert.deepEqual(epochsOf(await stage.partitions()), epochsOf(before))
  await ensemble.restart(member)
  const acknowledged = await stage.finish()
  context.diagnostic(
    `figure member killed: longest pause ${seconds(longest)}; ${acknowledged} acknowledged, none lost`,
  )
})

async function withoutZookeeper(
  context: TestContext,
  title: string,
  stop: () => void,
  start: () => Promise<void> | void,
) {
  await using stage = await openStage()
  await stage.allInSync()
  await stage.produce()
  const before = await stage.partitions()
  stop()
  await sleep(ttlMs + 1_000)
  const sinceLease = stage.leastAcknowledged
  await sleep(3_000)
  const during = stage.leastAcknowledged - sinceLease
  const states = await stage.partitions()
  await start()
  assert(during > 5, `acknowledged by every partition after the leases had run out: ${during}`)
  assert.deepEqual(epochsOf(states), epochsOf(before), 'nobody is elected')
  assert.deepEqual(setsOf(states), setsOf(before), 'no set changes')
  assert(stage.heard('the metadata store does not answer') >= 3)
  await until('all hear of it again', () => stage.heard('the metadata store answers again') >= 3)
  await stage.allInSync()
  await stage.goOn(10)
  // What had to wait is possible again.
  const victim = (await stage.partitions())[0]!.leader
  await stage.cluster.stopOne(victim, 'SIGTERM')
  await stage.goOn(10)
  await stage.cluster.startOne(victim)
  await stage.allInSync()
  const acknowledged = await stage.finish()
  context.diagnostic(
    `figure ${title}: ${during} a partition acknowledged in 3 s without ZooKeeper; ` +
      `${stage.heard('lost the place')} sessions lost; ${acknowledged} acknowledged in all, none lost`,
  )
}

test('all members are killed for 10 s: produce goes on, elections and changes wait', context =>
  withoutZookeeper(
    context,
    'ensemble killed',
    () => {
      for (const member of memberNumbers) ensemble.signal(member, 'SIGKILL')
    },
    () => ensemble.restart(...memberNumbers),
  ))

test('all members hang for 10 s: produce goes on, elections and changes wait', context =>
  withoutZookeeper(
    context,
    'ensemble hung',
    () => {
      for (const member of memberNumbers) ensemble.signal(member, 'SIGSTOP')
    },
    () => {
      for (const member of memberNumbers) ensemble.signal(member, 'SIGCONT')
    },
  ))

test('a broker that was paused past its lease leads nothing until it is granted anew', async context => {
  await using stage = await openStage()
  await stage.allInSync()
  await stage.produce()
  const before = await stage.partitions()
  const victim = before[0]!.leader
  stage.cluster.signal(victim, 'SIGSTOP')
  const isOver = (states: readonly PartitionState[]) => states.every(({ leader }) => leader !== victim)
  await until('others lead', async () => isOver(await stage.partitions(victim)))
  await stage.goOn(3)
  stage.cluster.signal(victim, 'SIGCONT')
  await until('it notices', () => stage.heard(`broker-${victim}`) > 0 && stage.heard('lost the place') > 0)
  await stage.allInSync()
  const after = await stage.partitions()
  for (const [index, { leader, leaderEpoch }] of after.entries()) {
    const was = before[index]!
    if (was.leader === victim) assert(leaderEpoch > was.leaderEpoch && leader > 0)
  }
  const acknowledged = await stage.finish()
  context.diagnostic(`figure broker paused: ${acknowledged} acknowledged, none lost`)
})

test('from SQLite to ZooKeeper and back: everything is there, and the old store says where', async context => {
  await using stage = await Stage.open(null)
  await stage.allInSync()
  await stage.produce()
  await stage.goOn(10)
  const { cluster } = stage
  const sqlite = cluster.metadata
  const zookeeper = ensemble.address(`moved-${process.pid}`)
  await assert.rejects(moveBetween({ from: sqlite, to: zookeeper }), /broker 1, 2, 3 is running on/)
  const epochs: (readonly PartitionState[])[] = [await stage.partitions()]
  for (const [from, to] of [
    [sqlite, zookeeper],
    [zookeeper, sqlite],
  ] as const) {
    // Some are killed: their registrations lapse.
    await Promise.all(cluster.ids.map(id => cluster.stopOne(id, id === 3 ? 'SIGKILL' : 'SIGTERM')))
    const moved = await moveBetween({ from, to })
    assert.deepEqual([moved.topics, moved.partitions], [2, 22])
    await assert.rejects(cluster.startOne(1), /was moved\. Start with --metadata/)
    cluster.metadata = to
    await Promise.all(cluster.ids.map(id => cluster.startOne(id)))
    await stage.goOn(10)
    await stage.allInSync()
    epochs.push(await stage.partitions())
  }
  for (const [move, later] of epochs.slice(1).entries()) {
    const isHigher = later.every(({ leaderEpoch }, index) => leaderEpoch > epochs[move]![index]!.leaderEpoch)
    assert(isHigher, 'leader epochs only rise')
  }
  const acknowledged = await stage.finish()
  context.diagnostic(`figure moved to ZooKeeper and back: ${acknowledged} acknowledged, none lost`)
})

test('brokers say what to do when ZooKeeper cannot be reached, or is closed to them', async () => {
  const nobody = await openRefused('zookeeper://127.0.0.1:1,127.0.0.1:2/tailrace')
  assert.match(nobody, /Cannot reach ZooKeeper at 127\.0\.0\.1:1, 127\.0\.0\.1:2: .*ECONNREFUSED/)
  const address = ensemble.address(`closed-${process.pid}`)
  const owner = await openZookeeperStore(address.replace('//', '//owner:secret@'))
  await owner.close()
  assert.match(await openRefused(address), /keeps \/closed-\d+ closed to us: .*noAuth.*credentials/)
})

async function openRefused(metadata: string): Promise<string> {
  const error = await Stage.open(metadata).catch((reason: Error) => reason)
  assert(error instanceof Error)
  return error.message
}
