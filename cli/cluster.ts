// `tailrace cluster grow`: gives every topic as many copies as the brokers allow, up to three, and spreads leaders.
// Talks Kafka to the brokers, which move the data while traffic flows; waits until it is done.
import { Connection } from '../broker/client/connection.ts'
import { placeReplicas } from '../broker/controller/placement.ts'
import { apis } from '../broker/protocol/apis.ts'
import { errorName } from '../broker/protocol/errors.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'

const copiesMax = 3
const pollMs = 200

export interface Growth {
  readonly brokers: number
  readonly copies: number
  /** Partitions that had fewer. */
  readonly partitions: number
}

/** Resolves when all copies are in sync. Throws ExitError 69 when the brokers cannot be reached or refuse. */
export async function grow(host: string, port: number): Promise<Growth> {
  const connection = await Connection.open({ host, port, clientId: 'tailrace' }).catch((error: Error) => {
    throw new ExitError(exitCodes.unavailable, `Cannot reach a broker at ${host}:${port}: ${error.message}`)
  })
  try {
    return await growOver(connection)
  } finally {
    connection.close()
  }
}

async function growOver(connection: Connection): Promise<Growth> {
  const metadata = await connection.request(apis.metadata, { topics: null })
  const brokers = metadata.brokers.map(({ nodeId }) => nodeId)
  const copies = Math.min(copiesMax, brokers.length)
  const topics = metadata.topics.flatMap(({ name, partitions }, start) => {
    const isShort = partitions.some(({ replicaNodes }) => replicaNodes.length < copies)
    if (name === null || !isShort) return []
    const placed = placeReplicas(brokers, [], partitions.length, copies, start)
    return { name, partitions: placed.map((replicas, partitionIndex) => ({ partitionIndex, replicas })) }
  })
  const partitions = topics.reduce((sum, topic) => sum + topic.partitions.length, 0)
  if (partitions > 0) {
    const answer = await connection.request(apis.alterPartitionReassignments, { topics })
    const outcomes = [answer, ...answer.responses.flatMap(topic => topic.partitions)]
    const refused = outcomes.find(({ errorCode }) => errorCode !== 0)
    if (refused) {
      const why = `${errorName(refused.errorCode)} ${refused.errorMessage ?? ''}`
      throw new ExitError(exitCodes.unavailable, `The brokers refuse to add copies: ${why}`)
    }
  }
  // The broker that answers may hear a moment later of what was written: the copies themselves are asked for.
  while (!(await isWhole(connection, copies))) await new Promise(resolve => setTimeout(resolve, pollMs))
  return { brokers: brokers.length, copies, partitions }
}

async function isWhole(connection: Connection, copies: number): Promise<boolean> {
  const { topics } = await connection.request(apis.metadata, { topics: null })
  return topics.every(topic => topic.partitions.every(({ isrNodes }) => isrNodes.length >= copies))
}
