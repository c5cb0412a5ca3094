// Metadata, v0-13. Who serves what. A topic that is named, allowed and missing is created, and the answer waits
// until it takes records: a client that is told to ask again only asks again. Listing everything creates nothing.
import type { Broker, TopicOutcome } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Answer, LaterAnswer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { zeroUuid } from '../protocol/bytes.ts'
import { type ErrorName, errorCodes } from '../protocol/errors.ts'
import type { MetadataRequest } from '../protocol/messages/03-metadata.ts'
import { allowedOperations } from '../security/operations.ts'
import type { ServedTopic } from '../topic-table.ts'

type TopicAnswer = ReturnType<typeof describe> | ReturnType<typeof missing>

export function metadata(request: MetadataRequest, call: Call, broker: Broker): Answer<typeof apis.metadata> {
  const wantsAll = request.topics === null || (call.apiVersion === 0 && request.topics.length === 0)
  const withOperations = request.includeTopicAuthorizedOperations
  if (wantsAll)
    return answer(
      request,
      broker,
      [...broker.topics.all()].map(topic => describe(topic, broker, withOperations)),
    )
  const mayCreate = call.apiVersion < 4 || request.allowAutoTopicCreation
  const wishes = request.topics ?? []
  const known = wishes.map(({ name, topicId }) => findOne(broker, name, topicId, withOperations))
  const toCreate = wishes.filter(({ name }, at) => mayCreate && name !== null && known[at] === null)
  if (toCreate.length > 0) return createThenAnswer(request, broker, known)
  return answer(
    request,
    broker,
    known.map((found, at) => found ?? missing('unknownTopicOrPartition', wishes[at]!.name, zeroUuid)),
  )
}

/** Null for a name that nothing bears and that could be created. */
function findOne(
  broker: Broker,
  name: string | null,
  topicId: string,
  withOperations: boolean,
): TopicAnswer | null {
  if (name === null) {
    const served = broker.topics.byId(topicId)
    return served ? describe(served, broker, withOperations) : missing('unknownTopicId', null, topicId)
  }
  const served = broker.topics.byName(name)
  if (served) return describe(served, broker, withOperations)
  const fault = broker.topicFault({ name, partitions: -1, configs: {} })
  return fault?.error === 'invalidTopicException' ? missing(fault.error, name, zeroUuid) : null
}

async function createThenAnswer(
  request: MetadataRequest,
  broker: Broker,
  known: readonly (TopicAnswer | null)[],
): LaterAnswer<typeof apis.metadata> {
  const wishes = request.topics ?? []
  const outcomes = await Promise.all(
    wishes.map(({ name }, at) => (known[at] === null && name !== null ? broker.findOrCreate(name) : null)),
  )
  const topics = wishes.map(({ name }, at) => {
    const outcome: TopicOutcome | null = outcomes[at] ?? null
    if (outcome?.topic) return describe(outcome.topic, broker, request.includeTopicAuthorizedOperations)
    return known[at] ?? missing(outcome?.error ?? 'unknownTopicOrPartition', name, zeroUuid)
  })
  return answer(request, broker, topics)
}

function answer(request: MetadataRequest, broker: Broker, topics: TopicAnswer[]) {
  return {
    brokers: broker.endpoints(),
    clusterId: broker.parts.clusterId,
    controllerId: broker.controllerId,
    topics,
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? allowedOperations.cluster
      : undefined,
  }
}

function describe(served: ServedTopic, broker: Broker, withOperations: boolean) {
  const isDown = (brokerId: number) => broker.endpointOf(brokerId) === null
  return {
    errorCode: 0,
    name: served.name,
    topicId: served.id,
    isInternal: served.isInternal,
    topicAuthorizedOperations: withOperations ? allowedOperations.topic : undefined,
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
