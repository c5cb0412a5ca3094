// Nobody is declared dead for being slow: while programs that do nothing but compute hold every core, no partition may
// change its leader. Counts leader epochs, which grow by one with each election.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { BrokerCluster } from '../system/broker-cluster.ts'
import { batchOf, connect, inSync, partitionsSeenBy, produceOne, topic } from './replicated-topic.ts'
import { quantile } from './usage.ts'

const brokers = 3
const produceEveryMs = 50
const batchBytes = 1_024

export interface BusyResult {
  readonly elections: number
  readonly leftInSync: boolean
  /** Of produce, acks=all. */
  readonly latenciesMs: readonly number[]
}

/** `npm run bench -- busy --seconds 60 --hogs 4` */
export async function runBusy(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '60' },
      hogs: { type: 'string', default: String(2 * availableParallelism()) },
    },
  })
  const result = await keepBusy(Number(values.seconds), Number(values.hogs))
  const { elections, latenciesMs } = result
  console.log(
    `busy ${values.hogs} hogs on ${availableParallelism()} cores for ${values.seconds} s: ` +
      `${elections} elections (target 0), ` +
      `${latenciesMs.length} produced, p50 ${quantile(latenciesMs, 0.5)} ms, p99 ${quantile(latenciesMs, 0.99)} ms`,
  )
  if (elections > 0) process.exitCode = 1
}

export async function keepBusy(seconds: number, hogCount: number): Promise<BusyResult> {
  await using cluster = await BrokerCluster.start(brokers, [{ name: topic, partitions: 6 }])
  await inSync(cluster, brokers)
  const connection = await connect(cluster.portOf(1))
  const before = await partitionsSeenBy(connection)
  const own = before.find(({ leaderId }) => leaderId === 1)!.partitionIndex
  const hogs = Array.from({ length: hogCount }, () =>
    spawn(process.execPath, ['-e', 'for (;;) {}'], { stdio: 'ignore' }),
  )
  const latenciesMs: number[] = []
  try {
    const until = performance.now() + seconds * 1_000
    while (performance.now() < until) {
      const startedAt = performance.now()
      await produceOne(connection, own, batchOf(batchBytes))
      latenciesMs.push(Math.round(performance.now() - startedAt))
      await new Promise(resolve => setTimeout(resolve, produceEveryMs))
    }
  } finally {
    await Promise.all(hogs.map(stop))
  }
  const after = await partitionsSeenBy(connection)
  connection.close()
  const elections = after.reduce((sum, { leaderEpoch, partitionIndex }) => {
    return sum + leaderEpoch - before.find(one => one.partitionIndex === partitionIndex)!.leaderEpoch
  }, 0)
  return { elections, latenciesMs, leftInSync: after.every(({ isrNodes }) => isrNodes.length === brokers) }
}

async function stop(hog: ChildProcess): Promise<void> {
  const exited = once(hog, 'exit')
  hog.kill('SIGKILL')
  await exited
}
