// `npm run chaos -- --minutes 5 --seed 7 --brokers 1`: real brokers, clients that write down what they see, faults by
// signals, then peace and the last reads; the checker judges. Exits 0 when the history is valid, 1 when it is not or
// shows too little to say so. The history of a run that is not valid is kept, and its place printed.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Brokers, LeaderWatch } from './brokers.ts'
import { judge } from './checker/checker.ts'
import { faults, notInjected, strikeUntil } from './faults.ts'
import { Random } from './random.ts'
import type { Recorder } from './recorder.ts'
import { compareReplicas } from './replicas.ts'
import { outcomeOfRun, reportOf } from './report.ts'
import { type Make, Workload } from './workload.ts'

const topic = 'chaos'
const partitions = 6
const threads: readonly Make[] = ['own', 'own', 'own', 'own', 'plain', 'plain', 'plain']
/** On request: kafkajs 2.2.4 spins when it knows of no broker, and takes the whole run with it. */
const kafkajsThreads: readonly Make[] = ['kafkajs', 'kafkajs']
const thinkMs = 20
const readsTimeoutMs = 120_000
/** Below this length a run cannot meet every class of fault: it says which ones it met. */
const fullMinutes = 4

interface RunOptions {
  readonly minutes: number
  readonly seed: number
  readonly brokers: number
  readonly kafkajs: boolean
  /** Also when it is valid. */
  readonly keepHistory: boolean
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
    brokers: { type: 'string', default: '1' },
    kafkajs: { type: 'boolean', default: false },
    'keep-history': { type: 'boolean', default: false },
  },
})
const options: RunOptions = {
  minutes: Number(values.minutes),
  seed: Number(values.seed),
  brokers: Number(values.brokers),
  kafkajs: values.kafkajs,
  keepHistory: values['keep-history'],
}
if (!(options.minutes > 0) || !Number.isInteger(options.seed) || !(options.brokers >= 1)) {
  console.error('Usage: npm run chaos -- [--minutes N] [--seed S] [--brokers N] [--kafkajs] [--keep-history]')
  process.exit(64)
}
process.exit(await runOnce(options))

async function runOnce({ minutes, seed, brokers: count, kafkajs, keepHistory }: RunOptions): Promise<number> {
  console.log(`chaos: ${minutes} minutes on ${count} broker${count === 1 ? '' : 's'}, seed ${seed}`)
  const random = new Random(seed)
  await using brokers = await Brokers.start(count)
  await brokers.createTopic(topic, partitions)
  const { bootstrap } = brokers
  const all = kafkajs ? [...threads, ...kafkajsThreads] : threads
  const workload = new Workload({
    bootstrap,
    topic,
    partitions,
    threads: all,
    random: random.fork(),
    thinkMs,
  })
  const { recorder, ledger } = workload
  const watch = new LeaderWatch(bootstrap, topic, ({ partition, leader, epoch }) =>
    recorder.leader(`${topic}/${partition}`, leader, epoch),
  )
  workload.start()
  await strikeUntil({ brokers, watch, random }, performance.now() + minutes * 60_000, (fault, what) => {
    recorder.fault(fault, what)
    console.log(`${elapsed()} ${fault} ${what}`)
  })
  await brokers.heal()
  const unread = await workload.finish(readsTimeoutMs)
  watch.close()
  await brokers.stop()
  const replicas = ledger.keys.map(key => compareReplicas(brokers.directories, key, ledger.highest(key) + 1))
  const possible = faults.filter(({ brokersMin }) => brokersMin <= count)
  const wanted = minutes < fullMinutes ? [] : possible.filter(({ movesLeaders }) => movesLeaders)
  const verdict = judge(
    recorder.events,
    { okSendsMin: 10_000, faults: wanted.map(({ number }) => number) },
    // The plain client sends without a producer id, but only once: nothing may be there twice either.
    { idempotent: true, sendsAreBatches: true },
  )
  const tooFew = faults
    .filter(fault => !possible.includes(fault))
    .map(({ number }) => `${number} (one broker)`)
  const facts = {
    verdict,
    anomalies: recorder.anomalies,
    unread,
    replicas,
    skipped: [...tooFew, notInjected],
  }
  console.log(reportOf(facts))
  const outcome = outcomeOfRun(facts)
  if (outcome === 'invalid' || keepHistory) console.log(`history: ${keep(recorder)}`)
  return outcome === 'valid' ? 0 : 1
}

function keep(recorder: Recorder): string {
  const path = join(mkdtempSync(join(tmpdir(), 'tailrace-history-')), 'history.ndjson')
  writeFileSync(path, recorder.events.map(event => `${JSON.stringify(event)}\n`).join(''))
  return path
}

function elapsed(): string {
  return `${Math.round(performance.now() / 1_000)} s`.padStart(6)
}
