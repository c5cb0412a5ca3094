// Metadata, v0-13. Who serves what. A topic that is named, allowed and missing is created, and the answer waits
// until it takes records: a client that is told to ask again only asks again. Listing everything creates nothing, and
// what a client may not describe it is not told of.
import type { Broker, TopicOutcome } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Answer, LaterAnswer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { zeroUuid } from '../protocol/bytes.ts'
import { type ErrorName, errorCodes } from '../protocol/errors.ts'
import type { MetadataRequest } from '../protocol/messages/03-metadata.ts'
import { authorizedOperations, mayCluster } from '../security/access.ts'
import { clusterResource } from '../security/operations.ts'
import type { ServedTopic } from '../topic-table.ts'

const namelessFromVersion = 12

type TopicAnswer = ReturnType<typeof describe> | ReturnType<typeof missing>

/** Who asks whom for what. */
interface Asked {
  readonly request: MetadataRequest
  readonly call: Call
  readonly broker: Broker
}

export function metadata(request: MetadataRequest, call: Call, broker: Broker): Answer<typeof apis.metadata> {
  const asked = { request, call, broker }
  const wantsAll = request.topics === null || (call.apiVersion === 0 && request.topics.length === 0)
  if (wantsAll) {
    const visible = [...broker.topics.all()].filter(({ name }) => call.access.may('describe', 'topic', name))
    return answer(
      asked,
      visible.map(topic => describe(topic, asked)),
    )
  }
  const mayCreate = call.apiVersion < 4 || request.allowAutoTopicCreation
  const wishes = request.topics ?? []
  const known = wishes.map(({ name, topicId }) => findOne(asked, name, topicId, mayCreate))
  const toCreate = wishes.filter(({ name }, at) => mayCreate && name !== null && known[at] === null)
  if (toCreate.length > 0) return createThenAnswer(asked, known)
  return answer(
    asked,
    known.map((found, at) => found ?? missing('unknownTopicOrPartition', wishes[at]!.name, zeroUuid)),
  )
}

/** Null for a name that nothing bears and that could be created. */
function findOne(asked: Asked, name: string | null, topicId: string, mayCreate: boolean): TopicAnswer | null {
  const { call, broker } = asked
  if (name === null) {
    // The request has ids from v10 on, the answer can do without a name from v12 on only (MetadataRequest, AK).
    if (call.apiVersion < namelessFromVersion) return missing('invalidRequest', '', topicId)
    const served = broker.topics.byId(topicId)
    if (!served) return missing('unknownTopicId', null, topicId)
    const isVisible = call.access.may('describe', 'topic', served.name)
    return isVisible ? describe(served, asked) : missing('topicAuthorizationFailed', null, topicId)
  }
  // Whether it exists is not for everybody to know.
  if (!call.access.may('describe', 'topic', name)) return missing('topicAuthorizationFailed', name, zeroUuid)
  const served = broker.topics.byName(name)
  if (served) return describe(served, asked)
  const fault = broker.topicFault({ name, partitions: -1, configs: {} })
  if (fault?.error === 'invalidTopicException') return missing(fault.error, name, zeroUuid)
  const isAllowed = call.access.may('create', 'topic', name) || mayCluster(call.access, 'create')
  return mayCreate && !isAllowed ? missing('topicAuthorizationFailed', name, zeroUuid) : null
}

async function createThenAnswer(
  asked: Asked,
  known: readonly (TopicAnswer | null)[],
): LaterAnswer<typeof apis.metadata> {
  const { request, broker } = asked
  const wishes = request.topics ?? []
  const outcomes = await Promise.all(
    wishes.map(({ name }, at) => (known[at] === null && name !== null ? broker.findOrCreate(name) : null)),
  )
  const topics = wishes.map(({ name }, at) => {
    const outcome: TopicOutcome | null = outcomes[at] ?? null
    if (outcome?.topic) return describe(outcome.topic, asked)
    return known[at] ?? missing(outcome?.error ?? 'unknownTopicOrPartition', name, zeroUuid)
  })
  return answer(asked, topics)
}

function answer({ request, call, broker }: Asked, topics: TopicAnswer[]) {
  return {
    brokers: broker.endpoints(call.owner.listener),
    clusterId: broker.parts.clusterId,
    controllerId: broker.controllerId,
    topics,
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? authorizedOperations(call.access, 'cluster', clusterResource)
      : undefined,
  }
}

function describe(served: ServedTopic, { request, call, broker }: Asked) {
  const isDown = (brokerId: number) => broker.endpointOf(brokerId, call.owner.listener) === null
  return {
    errorCode: 0,
    name: served.name,
    topicId: served.id,
    isInternal: served.isInternal,
    topicAuthorizedOperations: request.includeTopicAuthorizedOperations
      ? authorizedOperations(call.access, 'topic', served.name)
      : undefined,
    partitions: served.topic.partitions.map(({ value }, partitionIndex) => {
      // A leader that is not among the brokers of this answer could not be reached by it.
      const isLed = value.leader >= 0 && !isDown(value.leader)
      return {
        errorCode: errorCodes[isLed ? 'none' : 'leaderNotAvailable'],
        partitionIndex,
        leaderId: isLed ? value.leader : -1,
        leaderEpoch: value.leaderEpoch,
        replicaNodes: value.replicas,
        isrNodes: value.isr,
        offlineReplicas: value.replicas.filter(isDown),
      }
    }),
  }
}

function missing(error: ErrorName, name: string | null, topicId: string) {
  return { errorCode: errorCodes[error], name, topicId }
}
