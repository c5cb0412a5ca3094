// A Kafka user that may produce and nothing else, made and taken away by Kafka's own admin calls over the connection
// that analytics has. The password is salted here: it does not cross the wire.
import { randomBytes } from 'node:crypto'
import type { Cluster } from '../../broker/client/cluster.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { errorName } from '../../broker/protocol/errors.ts'
import {
  iterationsMax,
  type ScramMechanism,
  saltPassword,
  scramMechanisms,
} from '../../broker/protocol/scram.ts'

export const agentMechanism: ScramMechanism = 'SCRAM-SHA-512'

/** As Kafka numbers them. */
const topicResource = 2
const literalPattern = 3
const prefixedPattern = 4
const allow = 3
const operations = { write: 4, describe: 8 } as const
const everyRule = { resourceTypeFilter: 1, patternTypeFilter: 1, operation: 1, permissionType: 1 }

/** Rules first: a user who can log in and do nothing looks like a fault. */
export async function addProducingUser(
  cluster: Cluster,
  name: string,
  password: string,
  topics: readonly string[],
): Promise<void> {
  const creations = topics.flatMap(topic => {
    const isPrefix = topic.length > 1 && topic.endsWith('*')
    return Object.values(operations).map(operation => ({
      resourceType: topicResource,
      resourceName: isPrefix ? topic.slice(0, -1) : topic,
      resourcePatternType: isPrefix ? prefixedPattern : literalPattern,
      principal: `User:${name}`,
      host: '*',
      operation,
      permissionType: allow,
    }))
  })
  const connection = await cluster.anyConnection()
  const rules = await connection.request(apis.createAcls, { creations })
  for (const { errorCode, errorMessage } of rules.results) refuseError(errorCode, errorMessage)
  const { code, hash } = scramMechanisms[agentMechanism]
  const salt = randomBytes(16)
  const saltedPassword = await saltPassword(hash, password, salt, iterationsMax)
  const upsertions = [{ name, mechanism: code, iterations: iterationsMax, salt, saltedPassword }]
  const users = await connection.request(apis.alterUserScramCredentials, { upsertions })
  for (const { errorCode, errorMessage } of users.results) refuseError(errorCode, errorMessage)
}

/** The password first: connections that were made with it end, and none is made any more. */
export async function removeProducingUser(cluster: Cluster, name: string): Promise<void> {
  const connection = await cluster.anyConnection()
  const deletions = [{ name, mechanism: scramMechanisms[agentMechanism].code }]
  const users = await connection.request(apis.alterUserScramCredentials, { deletions })
  for (const { errorCode, errorMessage } of users.results) {
    if (errorName(errorCode) !== 'resourceNotFound') refuseError(errorCode, errorMessage)
  }
  const filter = { ...everyRule, principalFilter: `User:${name}` }
  const { filterResults } = await connection.request(apis.deleteAcls, { filters: [filter] })
  for (const { errorCode, errorMessage } of filterResults) refuseError(errorCode, errorMessage)
}

function refuseError(errorCode: number, message: string | null): void {
  if (errorCode !== 0) throw new Error(`the broker refuses: ${message ?? errorName(errorCode)}`)
}
