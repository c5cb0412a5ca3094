// ElectLeaders, v0-2. Gives leadership back to preferred replicas, or, when told so, to a replica that may lack
// acknowledged records where no other is alive. The controller decides; another broker hands the request on.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { PartitionMeta, Topic } from '../controller/cluster-state.ts'
import type { Controller } from '../controller/controller.ts'
import { isUncleanChange, nextOf } from '../controller/decide.ts'
import { isForwarded } from '../forwarder.ts'
import type { LaterAnswer } from '../handler-row.ts'
import { apis } from '../protocol/apis.ts'
import { type ErrorName, errorCodes } from '../protocol/errors.ts'
import { type ElectLeadersRequest, electionTypes } from '../protocol/messages/43-elect-leaders.ts'

const texts: Partial<Record<ErrorName, string>> = {
  unknownTopicOrPartition: 'There is no such partition.',
  electionNotNeeded: 'The right replica leads already.',
  preferredLeaderNotAvailable: 'The preferred replica is not alive or not in sync.',
  eligibleLeadersNotAvailable: 'No replica of it is alive.',
  notController: 'Another broker has become the controller.',
}

export async function electLeaders(
  request: ElectLeadersRequest,
  call: Call,
  broker: Broker,
): LaterAnswer<typeof apis.electLeaders> {
  const { controller } = broker.parts.membership
  if (!isElectionType(request.electionType)) return unknownType(request)
  if (!controller) {
    const isHandedOn = isForwarded(call)
    const answer = isHandedOn ? null : await broker.parts.forwarder.forward(apis.electLeaders, request)
    return answer ?? { errorCode: errorCodes.notController }
  }
  const isUnclean = request.electionType === electionTypes.unclean
  const results = []
  for (const { topic, partitions } of request.topicPartitions ?? everything(broker)) {
    const partitionResult = []
    for (const partitionId of partitions) {
      const error = await electOne(broker, controller, topic, partitionId, isUnclean)
      // Of everything only what was moved, or could not be, is worth a word.
      if (error === 'electionNotNeeded' && request.topicPartitions === null) continue
      const errorMessage = texts[error] ?? null
      partitionResult.push({ partitionId, errorCode: errorCodes[error], errorMessage })
    }
    results.push({ topic, partitionResult })
  }
  await broker.apply()
  return { errorCode: errorCodes.none, replicaElectionResults: results }
}

function isElectionType(type: number): boolean {
  return type === electionTypes.preferred || type === electionTypes.unclean
}

/** As Kafka does, for the request and for each partition, so that clients of either habit see it. */
function unknownType({ electionType, topicPartitions }: ElectLeadersRequest) {
  const errorCode = errorCodes.invalidRequest
  const errorMessage = `There is no election of type ${electionType}.`
  const replicaElectionResults = (topicPartitions ?? []).map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions.map(partitionId => ({ partitionId, errorCode, errorMessage })),
  }))
  return { errorCode, replicaElectionResults }
}

function everything(broker: Broker) {
  return [...broker.topics.all()].map(({ name, topic }) => ({
    topic: name,
    partitions: [...topic.partitions.keys()],
  }))
}

async function electOne(
  broker: Broker,
  controller: Controller,
  name: string,
  index: number,
  isUnclean: boolean,
): Promise<ErrorName> {
  const topic = broker.topics.byName(name)?.topic
  if (!topic?.partitions[index]) return 'unknownTopicOrPartition'
  let error: ErrorName = 'none'
  const decideOn = (now: PartitionMeta) => {
    error = refusalOf(now, broker, isUnclean)
    return error === 'none' ? electedOf(now, topic, broker, controller, isUnclean) : null
  }
  try {
    await controller.change(topic, index, decideOn)
    return error
  } catch {
    return 'notController'
  }
}

function refusalOf({ leader, replicas, isr }: PartitionMeta, broker: Broker, isUnclean: boolean): ErrorName {
  const isAlive = (brokerId: number) => broker.endpointOf(brokerId) !== null
  if (isUnclean) {
    if (leader >= 0 && isAlive(leader)) return 'electionNotNeeded'
    return replicas.some(isAlive) ? 'none' : 'eligibleLeadersNotAvailable'
  }
  const preferred = replicas[0] ?? -1
  if (leader === preferred && isAlive(preferred)) return 'electionNotNeeded'
  return isAlive(preferred) && isr.includes(preferred) ? 'none' : 'preferredLeaderNotAvailable'
}

function electedOf(
  now: PartitionMeta,
  topic: Topic,
  broker: Broker,
  controller: Controller,
  isUnclean: boolean,
): PartitionMeta | null {
  const { membership, log } = broker.parts
  const rules = { ...membership.rulesOf(topic), mayBeUnclean: isUnclean }
  const options = { controllerEpoch: controller.epoch, preferred: !isUnclean }
  const next = nextOf(now, membership.image.brokers, rules, options)
  if (next && isUncleanChange(now, next)) {
    const fields = { topic: topic.meta.value.name, leader: next.leader }
    log.error('unclean election on request: acknowledged records may be lost', fields)
  }
  return next
}
