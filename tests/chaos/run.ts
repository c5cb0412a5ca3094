// `npm run chaos -- --minutes 60 --store zookeeper --seed 7`: real brokers, clients that write down what they see,
// every fault of the catalogue that this machine can have, then peace and the last reads; the checker judges. Exits 0
// when the history is valid, 1 when it is not, 2 when it shows too little to say so, 64 on wrong options. The history
// and the brokers' files and logs of a run that is not valid are kept, and their place printed.
import { closeSync, cpSync, mkdtempSync, openSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Brokers, type StoreKind } from './brokers.ts'
import { judge } from './checker/checker.ts'
import type { CoverageWanted } from './checker/coverage.ts'
import type { Fault } from './faults/fault.ts'
import { choose, faults, strikeUntil } from './faults.ts'
import { LeaderWatch } from './leader-watch.ts'
import { Random } from './random.ts'
import type { Recorder } from './recorder.ts'
import { compareReplicas } from './replicas.ts'
import { outcomeOfRun, type RunFacts, reportOf } from './report.ts'
import { type Make, Workload } from './workload.ts'

const topic = 'chaos'
const partitions = 6
const segmentBytes = 32 * 1024
const threads: readonly Make[] = ['own', 'own', 'own', 'own', 'plain', 'plain', 'plain', 'kafkajs', 'kafkajs']
const readsTimeoutMs = 240_000
/** Below this length a run cannot meet every class of fault: it says which ones it met. */
const fullMinutes = 12
const exitCodes = { valid: 0, invalid: 1, inconclusive: 2 } as const

interface RunOptions {
  readonly minutes: number
  readonly seed: number
  readonly brokers: number
  readonly store: StoreKind
  readonly thinkMs: number
  readonly only: readonly string[]
  readonly also: readonly string[]
  /** Also when it is valid. */
  readonly keepHistory: boolean
}

const bareCoverage: CoverageWanted = { okSendsMin: 10_000, faults: [] }

const usage = `Usage: npm run chaos -- [--minutes N] [--store sqlite|zookeeper] [--seed S] [--brokers N]
  [--only F9,F13] [--also NUMBER] [--think MS] [--keep-history]
Faults: ${faults.map(({ number }) => number).join(' ')}`

const options = optionsOf()
if (options === null) {
  console.error(usage)
  process.exit(64)
}
process.exit(await runOnce(options))

function optionsOf(): RunOptions | null {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '5' },
      seed: { type: 'string', default: '1' },
      brokers: { type: 'string', default: '3' },
      store: { type: 'string', default: 'sqlite' },
      think: { type: 'string', default: '20' },
      only: { type: 'string', default: '' },
      also: { type: 'string', default: '' },
      'keep-history': { type: 'boolean', default: false },
    },
  })
  const { store } = values
  const [minutes, seed, brokers, thinkMs] = [values.minutes, values.seed, values.brokers, values.think].map(
    Number,
  )
  const [only, also] = [values.only, values.also].map(list => list.split(',').filter(Boolean))
  const isKnown = [...only!, ...also!].every(number => faults.some(fault => fault.number === number))
  if (!(minutes! > 0) || !Number.isInteger(seed) || !(brokers! >= 1) || !(thinkMs! >= 0) || !isKnown)
    return null
  if (store !== 'sqlite' && store !== 'zookeeper') return null
  const numbers = { minutes: minutes!, seed: seed!, brokers: brokers!, thinkMs: thinkMs! }
  return { ...numbers, store, only: only!, also: also!, keepHistory: values['keep-history'] }
}

async function runOnce(options: RunOptions): Promise<number> {
  const { minutes, seed, store, thinkMs, only, also, keepHistory } = options
  console.log(`chaos: ${minutes} minutes on ${options.brokers} broker(s), metadata in ${store}, seed ${seed}`)
  const random = new Random(seed)
  await using brokers = await Brokers.start({ count: options.brokers, store, segmentBytes })
  closeOnSignals(brokers)
  const { possible, skipped } = choose(brokers, only, also)
  if (typeof brokers.network === 'string') console.log(brokers.network)
  await brokers.createTopic(topic, partitions)
  const { bootstrap } = brokers
  const workload = new Workload({ bootstrap, topic, partitions, threads, random: random.fork(), thinkMs })
  const { recorder, ledger } = workload
  const watch = new LeaderWatch(bootstrap, topic, ({ partition, leader, epoch }) =>
    recorder.leader(`${topic}/${partition}`, leader, epoch),
  )
  workload.start()
  const onAnomaly = (what: string) => recorder.anomalies.push(what)
  const say = (what: string) => console.log(`${elapsed()} ${what}`)
  const note = (fault: string, what: string) => {
    recorder.fault(fault, what)
    say(`${fault} ${what}`)
  }
  const endMs = performance.now() + minutes * 60_000
  const unread: string[] = []
  try {
    const scene = { brokers, watch, random, topic, onAnomaly }
    await strikeUntil(
      scene,
      possible,
      endMs,
      note,
      what => say(`  ${what}`),
      () => recorder.notInjected(),
    )
    await brokers.heal()
    say('peace')
  } catch (error) {
    // The history up to here is worth judging all the same.
    onAnomaly(`the run broke off: ${(error as Error).message}`)
  }
  unread.push(...(await workload.finish(readsTimeoutMs)))
  watch.close()
  await brokers.stop()
  const replicas = ledger.keys.map(key => compareReplicas(brokers.directories, key, ledger.highest(key) + 1))
  const wanted = only.length > 0 || minutes < fullMinutes ? bareCoverage : coverageOf(possible)
  // The plain client sends without a producer id, but only once: nothing may be there twice either.
  const verdict = judge(recorder.events, wanted, { idempotent: true, sendsAreBatches: true })
  const facts: RunFacts = {
    verdict,
    anomalies: recorder.anomalies,
    unread,
    replicas,
    skipped,
    remarks: brokers.deaths,
  }
  console.log(reportOf(facts))
  const outcome = outcomeOfRun(facts)
  if (outcome === 'invalid' || keepHistory) console.log(`kept: ${keep(recorder, brokers)}`)
  return exitCodes[outcome]
}

function coverageOf(possible: readonly Fault[]): CoverageWanted {
  return {
    okSendsMin: 10_000,
    faults: possible.filter(({ movesLeaders }) => movesLeaders).map(({ number }) => number),
    injected: possible.map(({ number }) => number),
  }
}

/** Members of an ensemble hang on no pipe. */
function closeOnSignals(brokers: Brokers): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      console.error(`ended by ${signal}`)
      void brokers[Symbol.asyncDispose]().finally(() => process.exit(exitCodes.inconclusive))
    })
  }
}

function keep(recorder: Recorder, brokers: Brokers): string {
  const directory = mkdtempSync(join(tmpdir(), 'tailrace-history-'))
  const file = openSync(join(directory, 'history.ndjson'), 'w')
  for (const event of recorder.events) writeSync(file, `${JSON.stringify(event)}\n`)
  closeSync(file)
  cpSync(brokers.directory, join(directory, 'brokers'), { recursive: true })
  return directory
}

function elapsed(): string {
  return `${Math.round(performance.now() / 1_000)} s`.padStart(6)
}
