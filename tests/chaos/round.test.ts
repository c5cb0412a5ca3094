// One scripted round of chaos: real brokers, clients that write down what they see, and faults in a fixed order: the
// leader killed -9, stopped past its session and continued, everything killed at once. The checker judges what was
// seen, and the round must have met what it was for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Brokers, LeaderWatch } from './brokers.ts'
import { judge } from './checker/checker.ts'
import { faults, type Scene } from './faults.ts'
import { Random } from './random.ts'
import { compareReplicas } from './replicas.ts'
import { outcomeOfRun, reportOf } from './report.ts'
import { Workload } from './workload.ts'

/** `CHAOS_BROKERS=1` leaves out what one cannot show: no controller to kill, no leader alone with what it was sent. */
const brokerCount = Number(process.env['CHAOS_BROKERS'] ?? 3)
const script = ['F1', 'F5', 'F2', 'F5+F32', 'F3']
/** After each fault, before the next: one that nobody met proves nothing. */
const calmSends = 400
const calmTimeoutMs = 15_000
const topic = 'chaos'
const partitions = 4
const wanted = { okSendsMin: 1_500, faults: script.filter(number => isPossible(number)) }

test(`${brokerCount} broker(s): nothing is lost, doubled or out of order through kills and a stop`, async () => {
  const random = new Random(20_261_124)
  await using brokers = await Brokers.start(brokerCount)
  await brokers.createTopic(topic, partitions)
  const { bootstrap } = brokers
  const threads = ['own', 'own', 'own', 'own', 'own', 'plain', 'plain'] as const
  const workload = new Workload({ bootstrap, topic, partitions, threads, random: random.fork(), thinkMs: 5 })
  const { recorder, ledger } = workload
  let changes = 0
  const watch = new LeaderWatch(bootstrap, topic, ({ partition, leader, epoch }) => {
    changes++
    recorder.leader(`${topic}/${partition}`, leader, epoch)
  })
  workload.start()
  const scene: Scene = { brokers, watch, random }
  await untilSent(workload, () => true)
  for (const number of wanted.faults) {
    recorder.fault(number, 'scripted')
    const before = changes
    await faults.find(fault => fault.number === number)!.strike(scene)
    await brokers.heal()
    await untilSent(workload, () => changes > before)
  }
  const unread = await workload.finish(20_000)
  watch.close()
  await brokers.stop()
  const replicas = ledger.keys.map(key => compareReplicas(brokers.directories, key, ledger.highest(key) + 1))
  const verdict = judge(recorder.events, wanted, { sendsAreBatches: true })
  const facts = { verdict, anomalies: recorder.anomalies, unread, replicas, skipped: [] }
  console.log(reportOf(facts))
  assert.equal(outcomeOfRun(facts), 'valid')
})

function isPossible(number: string): boolean {
  return faults.some(fault => fault.number === number && fault.brokersMin <= brokerCount)
}

/** Until clients have come back and written enough, and something else has come about. The verdict says if not. */
async function untilSent({ ledger }: Workload, other: () => boolean): Promise<void> {
  const target = ledger.acknowledged + calmSends
  const deadlineMs = performance.now() + calmTimeoutMs
  while ((ledger.acknowledged < target || !other()) && performance.now() < deadlineMs) {
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
