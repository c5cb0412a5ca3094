// One topic on brokers of this machine, as benchmarks see it: who leads, who is in sync, and a produce to the leader.
import { Connection } from '../../broker/client/connection.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { errorName } from '../../broker/protocol/errors.ts'
import type { BrokerCluster } from '../system/broker-cluster.ts'

export const topic = 'logs'
const line =
  '203.0.113.7 - - [24/Nov/2026:08:00:00 +0000] "GET /products/42 HTTP/1.1" 200 5120 "-" "curl/8.14.1" 0.042'
const waitMs = 60_000
const produceTimeoutMs = 5_000

/** Of lines, uncompressed, as large as can be without being larger. */
export function batchOf(bytes: number): Buffer {
  const value = Buffer.from(line)
  const builder = new BatchBuilder()
  const recordBytes = value.length + 12
  for (let size = 100; size + recordBytes < bytes; size += recordBytes)
    builder.append(null, value, undefined, Date.now())
  return builder.build({ codec: 'none' })
}

export function connect(port: number): Promise<Connection> {
  return Connection.open({ host: '127.0.0.1', port, clientId: 'bench', connectTimeoutMs: 1_000 })
}

export async function partitionsSeenBy(connection: Connection) {
  const { topics } = await connection.request(
    apis.metadata,
    { topics: [{ name: topic }] },
    { timeoutMs: 1_000 },
  )
  return topics[0]?.partitions ?? []
}

/** Acknowledged by every replica in sync, or an error. */
export async function produceOne(connection: Connection, index: number, records: Buffer): Promise<void> {
  const topicData = [
    { name: topic, topicId: await topicIdOf(connection), partitionData: [{ index, records }] },
  ]
  const body = { acks: -1, timeoutMs: produceTimeoutMs, topicData }
  const { responses } = await connection.request(apis.produce, body, { timeoutMs: produceTimeoutMs })
  const { errorCode } = responses[0]!.partitionResponses[0]!
  if (errorCode !== 0) throw new Error(errorName(errorCode))
}

const topicIds = new WeakMap<Connection, string>()

export async function topicIdOf(connection: Connection): Promise<string> {
  const known = topicIds.get(connection)
  if (known !== undefined) return known
  const { topics } = await connection.request(apis.metadata, { topics: [{ name: topic }] })
  topicIds.set(connection, topics[0]!.topicId)
  return topics[0]!.topicId
}

/** Waits until every partition has a leader and as many replicas in sync. */
export async function inSync(cluster: BrokerCluster, members: number): Promise<void> {
  const deadline = performance.now() + waitMs
  const connection = await connect(cluster.portOf(1))
  try {
    for (;;) {
      const partitions = await partitionsSeenBy(connection).catch(() => [])
      const isReached = partitions.every(
        ({ isrNodes, leaderId }) => isrNodes.length === members && leaderId > 0,
      )
      if (partitions.length > 0 && isReached) return
      if (performance.now() > deadline) throw new Error(`Never had ${members} in sync`)
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  } finally {
    connection.close()
  }
}
