// How long nothing is acknowledged after the leader of a partition is killed with -9: from the signal to the next
// acknowledged record, over and over, each time with all replicas in sync again.
import { parseArgs } from 'node:util'
import type { Connection } from '../../broker/client/connection.ts'
import { BrokerCluster } from '../system/broker-cluster.ts'
import { batchOf, connect, inSync, partitionsSeenBy, produceOne, topic } from './replicated-topic.ts'
import { quantile } from './usage.ts'

const brokers = 3
const retryMs = 20
const batchBytes = 1_024
const targets = { p50Ms: 3_000, worstMs: 6_000 }

/** `npm run bench -- failover --times 50` */
export async function runFailover(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { times: { type: 'string', default: '50' }, store: { type: 'string', default: 'sqlite' } },
  })
  const { store } = values
  // Of ZooKeeper: where it runs; scripts/real/zookeeper.sh starts one.
  await using cluster = await BrokerCluster.start(
    brokers,
    [{ name: topic, partitions: 1 }],
    store === 'sqlite' ? null : store,
  )
  const batch = batchOf(batchBytes)
  const pauses: number[] = []
  for (let time = 0; time < Number(values.times); time++) {
    await inSync(cluster, brokers)
    const pause = await killLeader(cluster, batch)
    pauses.push(pause)
  }
  const worst = Math.max(...pauses)
  const quantiles = `p50 ${quantile(pauses, 0.5)} ms, p95 ${quantile(pauses, 0.95)} ms, worst ${worst} ms`
  const wished = `targets on SQLite: p50 ${targets.p50Ms}, worst ${targets.worstMs}`
  console.log(`failover ${store}, ${pauses.length} × kill -9: ${quantiles} (${wished})`)
}

async function killLeader(cluster: BrokerCluster, batch: Buffer): Promise<number> {
  const first = await connect(cluster.portOf(1))
  const leader = (await partitionsSeenBy(first))[0]!.leaderId
  first.close()
  const others = cluster.ids.filter(id => id !== leader)
  const connections = await Promise.all(others.map(id => connect(cluster.portOf(id))))
  const killedAt = performance.now()
  const gone = cluster.stopOne(leader, 'SIGKILL')
  await acknowledged(connections, batch)
  const pause = Math.round(performance.now() - killedAt)
  await gone
  for (const connection of connections) connection.close()
  await cluster.startOne(leader)
  return pause
}

/** Offers a record to both until one takes it, as a client does that asks again and again who leads. */
async function acknowledged(connections: readonly Connection[], batch: Buffer): Promise<void> {
  for (;;) {
    for (const connection of connections) {
      const isTaken = await produceOne(connection, 0, batch).then(
        () => true,
        () => false,
      )
      if (isTaken) return
    }
    await new Promise(resolve => setTimeout(resolve, retryMs))
  }
}
