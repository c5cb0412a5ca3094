// One scripted round of chaos: real brokers, clients that write down what they see, and faults in a fixed order: the
// leader killed -9, stopped past its session and continued, cut off, everything killed at once. The checker judges
// what was seen, and the round must have met what it was for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Brokers, brokerName } from './brokers.ts'
import { judge } from './checker/checker.ts'
import { busiestLeader, type Fault, missingFor, rest, type Scene } from './faults/fault.ts'
import { faults } from './faults.ts'
import { LeaderWatch } from './leader-watch.ts'
import { Random } from './random.ts'
import { compareReplicas } from './replicas.ts'
import { outcomeOfRun, reportOf } from './report.ts'
import { Workload } from './workload.ts'

/** `CHAOS_BROKERS=1` leaves out what one cannot show: no controller to kill, no leader alone with what it was sent. */
const brokerCount = Number(process.env['CHAOS_BROKERS'] ?? 3)
const script = ['F1', 'F5', 'F2', 'F5+F32', 'isolated', 'F3']
/** After each fault, before the next: one that nobody met proves nothing. */
const calmSends = 400
const calmTimeoutMs = 60_000
const isolatedMs = 3_500
const topic = 'chaos'
const partitions = 4

test(`${brokerCount} broker(s): nothing is lost, doubled or out of order through kills and a stop`, async context => {
  const random = new Random(20_261_124)
  await using brokers = await Brokers.start({ count: brokerCount, store: 'sqlite' })
  await brokers.createTopic(topic, partitions)
  const { bootstrap } = brokers
  const threads = ['own', 'own', 'own', 'own', 'own', 'plain', 'plain'] as const
  const workload = new Workload({ bootstrap, topic, partitions, threads, random: random.fork(), thinkMs: 5 })
  const { recorder, ledger } = workload
  const onAnomaly = (what: string) => recorder.anomalies.push(what)
  let changes = 0
  const watch = new LeaderWatch(bootstrap, topic, ({ partition, leader, epoch }) => {
    changes++
    recorder.leader(`${topic}/${partition}`, leader, epoch)
  })
  workload.start()
  const scene: Scene = { brokers, watch, random, topic, onAnomaly }
  await untilSent(workload, () => true)
  const struck = script.map(number => faultOf(number)).filter(fault => missingFor(fault, brokers) === null)
  for (const { number, movesLeaders, strike } of struck) {
    recorder.fault(number, 'scripted')
    const before = changes
    context.diagnostic(`${number}: ${await strike(scene)}`)
    await brokers.heal()
    await untilSent(workload, () => !movesLeaders || changes > before)
  }
  const unread = await workload.finish(20_000)
  watch.close()
  await brokers.stop()
  const replicas = ledger.keys.map(key => compareReplicas(brokers.directories, key, ledger.highest(key) + 1))
  const wanted = {
    okSendsMin: 1_500,
    faults: struck.filter(({ movesLeaders }) => movesLeaders).map(({ number }) => number),
    injected: struck.map(({ number }) => number),
  }
  const verdict = judge(recorder.events, wanted, { sendsAreBatches: true })
  const facts = {
    verdict,
    anomalies: recorder.anomalies,
    unread,
    replicas,
    skipped: [],
    remarks: brokers.deaths,
  }
  console.log(reportOf(facts))
  assert.equal(outcomeOfRun(facts), 'valid')
})

/** Of the catalogue, or the one broker that is cut off: in its namespace if there is one, else by stopping it. */
function faultOf(number: string): Fault {
  return number === 'isolated' ? isolated : faults.find(fault => fault.number === number)!
}

const isolated: Fault = {
  number: 'isolated',
  title: 'one broker that nobody reaches',
  needs: ['several brokers'],
  movesLeaders: false,
  async strike(scene) {
    const { brokers } = scene
    const id = busiestLeader(scene)
    if (typeof brokers.network === 'string') {
      await brokers.pause(id, isolatedMs)
      return `stopped ${id} in place of cutting it off (${brokers.network})`
    }
    brokers.network.unplug(brokerName(id))
    await rest(isolatedMs)
    return `unplugged ${id}`
  },
}

/** Until clients have come back and written enough, and something else has come about. The verdict says if not. */
async function untilSent({ ledger }: Workload, other: () => boolean): Promise<void> {
  const target = ledger.acknowledged + calmSends
  const deadlineMs = performance.now() + calmTimeoutMs
  while ((ledger.acknowledged < target || !other()) && performance.now() < deadlineMs) {
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
