// What AlterConfigs and IncrementalAlterConfigs share: whose settings may be changed, by whom, and that the controller
// writes them. Settings of brokers are what they were started with; any change to them is refused with that.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Outcome } from '../controller/controller.ts'
import { configFault } from '../controller/topic-configs.ts'
import { errorCodes } from '../protocol/errors.ts'
import { configResourceTypes } from '../protocol/messages/32-describe-configs.ts'
import { configOperations } from '../protocol/messages/44-incremental-alter-configs.ts'
import { mayCluster } from '../security/access.ts'

export interface ConfigResource {
  readonly resourceType: number
  readonly resourceName: string
  readonly configs: readonly {
    readonly name: string
    readonly value: string | null
    readonly configOperation?: number
  }[]
}

type Configs = Readonly<Record<string, string>>

export const allIsWell: Outcome = { error: 'none', message: null }

/** The settings a topic is to have, or why that cannot be. */
export type ConfigDecision = (now: Configs) => Configs | Outcome

export function answerOf(
  { resourceType, resourceName }: ConfigResource,
  { error, message }: Outcome,
): {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly resourceType: number
  readonly resourceName: string
} {
  return { errorCode: errorCodes[error], errorMessage: message, resourceType, resourceName }
}

/** What is wrong with a resource whatever is to become of it, or null. */
export function resourceFault(
  resource: ConfigResource,
  all: readonly ConfigResource[],
  call: Call,
): Outcome | null {
  const { resourceType, resourceName, configs } = resource
  const isSame = (other: ConfigResource) =>
    other.resourceType === resourceType && other.resourceName === resourceName
  if (all.filter(isSame).length > 1) {
    return { error: 'invalidRequest', message: 'Each resource must appear at most once.' }
  }
  const isTopic = resourceType === configResourceTypes.topic
  const isBroker = resourceType === configResourceTypes.broker
  if (!isTopic && !isBroker) {
    return { error: 'invalidRequest', message: `Resources of type ${resourceType} have no settings here.` }
  }
  const isAllowed = isTopic
    ? call.access.may('alterConfigs', 'topic', resourceName)
    : mayCluster(call.access, 'alterConfigs')
  if (!isAllowed) {
    const error = isTopic ? 'topicAuthorizationFailed' : 'clusterAuthorizationFailed'
    return { error, message: 'Authorization failed.' }
  }
  if (new Set(configs.map(({ name }) => name)).size < configs.length) {
    return { error: 'invalidRequest', message: 'Error due to duplicate config keys' }
  }
  // Nothing was ever set, so what is removed is gone already: Kafka's tools clear throttles after each reassignment.
  const changed = configs.filter(({ configOperation }) => configOperation !== configOperations.delete)
  if (isTopic || changed.length === 0) return null
  const names = changed.map(({ name }) => name).join(', ')
  const message = `Brokers take their settings when they start: cannot update ${names} dynamically.`
  return { error: 'invalidRequest', message }
}

/** On the controller: decides anew if somebody else changed the topic meanwhile. */
export async function alterTopic(
  resource: ConfigResource,
  decide: ConfigDecision,
  validateOnly: boolean,
  broker: Broker,
): Promise<Outcome> {
  const { resourceName } = resource
  const served = broker.topics.byName(resourceName)
  if (!served)
    return { error: 'unknownTopicOrPartition', message: `The topic '${resourceName}' does not exist.` }
  const decideOn = (now: Configs) => {
    const decided = decide(now)
    if (isOutcome(decided)) return decided
    const fault = configFault(new Map(Object.entries(decided)))
    return fault === null ? { configs: decided } : { error: 'invalidConfig' as const, message: fault }
  }
  if (validateOnly) {
    const decided = decideOn(served.configs)
    return 'error' in decided ? decided : allIsWell
  }
  return broker.changeTopic(served, ({ configs }) => decideOn(configs))
}

function isOutcome(decided: Configs | Outcome): decided is Outcome {
  return typeof decided['message'] === 'string' && 'error' in decided
}
