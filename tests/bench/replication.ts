// What three replicas cost: the same load, offered at the same rate, to one broker and to three, in turn, A B A B;
// every broker flushes before it votes, by group commit. CPU of all brokers together per gigabyte produced, and the
// time from when a batch was due to its acknowledgement.
import { parseArgs } from 'node:util'
import type { Connection } from '../../broker/client/connection.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { BrokerCluster } from '../system/broker-cluster.ts'
import { batchOf, connect, inSync, partitionsSeenBy, topic, topicIdOf } from './replicated-topic.ts'
import { quantile, usageOfProcess } from './usage.ts'

const partitions = 6
const batchSizes = [16 * 1_024, 1_024 * 1_024]
const targets = { cpu: 3.5, p99: 2 }
const requestTimeoutMs = 30_000

interface Run {
  readonly cpuPerGigabyte: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly failures: number
}

/** `npm run bench -- replication --rate 16 --seconds 10 --rounds 3`, the rate in MB/s. */
export async function runReplication(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rate: { type: 'string', default: '16' },
      seconds: { type: 'string', default: '10' },
      rounds: { type: 'string', default: '3' },
    },
  })
  const [rate, seconds] = [Number(values.rate), Number(values.seconds)]
  for (const bytes of batchSizes) {
    const runs = { one: [] as Run[], three: [] as Run[] }
    for (let round = 0; round < Number(values.rounds); round++) {
      runs.one.push(await runOnce(1, bytes, rate, seconds))
      runs.three.push(await runOnce(3, bytes, rate, seconds))
    }
    report(`${bytes / 1_024} KiB`, rate, runs.one, runs.three)
  }
}

function report(what: string, rate: number, one: readonly Run[], three: readonly Run[]): void {
  const median = (runs: readonly Run[], of: (run: Run) => number) => Number(quantile(runs.map(of), 0.5))
  const cpu = [one, three].map(runs => median(runs, run => run.cpuPerGigabyte))
  const p99 = [one, three].map(runs => median(runs, run => run.p99Ms))
  const p50 = [one, three].map(runs => median(runs, run => run.p50Ms))
  const failures = [...one, ...three].reduce((sum, run) => sum + run.failures, 0)
  console.log(`batches of ${what}, ${rate} MB/s, medians of ${one.length} pairs, ${failures} failed`)
  const row = (name: string, [a, b]: readonly number[], unit: string, target: string) => {
    const ratio = (b! / a!).toFixed(2)
    const values = `RF 1 ${a!.toFixed(2)} ${unit}, RF 3 ${b!.toFixed(2)} ${unit}`
    console.log(`  ${name.padEnd(4)} ${values}: ${ratio} ×${target}`)
  }
  row('CPU', cpu, 'CPU-s per GB', ` (target ${targets.cpu})`)
  row('p50', p50, 'ms', '')
  row('p99', p99, 'ms', ` (target ${targets.p99})`)
}

async function runOnce(brokers: number, bytes: number, rate: number, seconds: number): Promise<Run> {
  await using cluster = await BrokerCluster.start(brokers, [{ name: topic, partitions }])
  await inSync(cluster, brokers)
  const connections = new Map<number, Connection>()
  for (const id of cluster.ids) connections.set(id, await connect(cluster.portOf(id)))
  const leaders = (await partitionsSeenBy(connections.get(1)!)).map(
    ({ leaderId }) => connections.get(leaderId)!,
  )
  const topicId = await topicIdOf(connections.get(1)!)
  const records = batchOf(bytes)
  const perSecond = (rate * 1e6) / records.length
  // What compilers need is nobody's share of a gigabyte.
  await offer(leaders, topicId, records, perSecond, Math.ceil(perSecond))
  const before = cpuOf(cluster)
  const total = Math.round(perSecond * seconds)
  const { latenciesMs, failures } = await offer(leaders, topicId, records, perSecond, total)
  const cpuPerGigabyte = (cpuOf(cluster) - before) / ((total * records.length) / 1e9)
  for (const connection of connections.values()) connection.close()
  const [p50Ms, p99Ms] = [Number(quantile(latenciesMs, 0.5)), Number(quantile(latenciesMs, 0.99))]
  return { cpuPerGigabyte, p50Ms, p99Ms, failures }
}

function cpuOf(cluster: BrokerCluster): number {
  return cluster.ids.reduce((sum, id) => sum + usageOfProcess(cluster.pidOf(id)).cpuSeconds, 0)
}

/** At its rate whatever the answers do; late senders count their lateness. */
function offer(
  leaders: readonly Connection[],
  topicId: string,
  records: Buffer,
  perSecond: number,
  total: number,
): Promise<{ latenciesMs: number[]; failures: number }> {
  const { promise, resolve } = Promise.withResolvers<{ latenciesMs: number[]; failures: number }>()
  const latenciesMs: number[] = []
  const startedAt = performance.now()
  let sent = 0
  let answered = 0
  let failures = 0
  const sendOne = (dueMs: number) => {
    const index = sent++ % leaders.length
    const topicData = [{ name: topic, topicId, partitionData: [{ index, records }] }]
    const body = { acks: -1, timeoutMs: requestTimeoutMs, topicData }
    leaders[index]!.send(apis.produce, body, requestTimeoutMs, (error, answer) => {
      if (error || answer?.responses[0]?.partitionResponses[0]?.errorCode !== 0) failures++
      latenciesMs.push(performance.now() - dueMs)
      if (++answered === total) resolve({ latenciesMs, failures })
    })
  }
  const tick = () => {
    const nowMs = performance.now()
    while (sent < total && startedAt + (sent / perSecond) * 1_000 <= nowMs)
      sendOne(startedAt + (sent / perSecond) * 1_000)
    if (sent < total) setTimeout(tick, 1)
  }
  tick()
  return promise
}
