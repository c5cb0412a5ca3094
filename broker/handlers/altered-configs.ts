// What AlterConfigs and IncrementalAlterConfigs share: whose settings may be changed, by whom, and that the controller
// writes them. Settings of brokers are what they were started with; any change to them is refused with that.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Outcome } from '../controller/controller.ts'
import { configFault } from '../controller/topic-configs.ts'
import { isForwarded } from '../forwarder.ts'
import { errorCodes } from '../protocol/errors.ts'
import { configResourceTypes } from '../protocol/messages/32-describe-configs.ts'
import { configOperations } from '../protocol/messages/44-incremental-alter-configs.ts'
import { mayCluster } from '../security/access.ts'
import { throughController } from './through-controller.ts'

interface ConfigResource {
  readonly resourceType: number
  readonly resourceName: string
  readonly configs: readonly {
    readonly name: string
    readonly value: string | null
    readonly configOperation?: number
  }[]
}

interface ConfigAnswer {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly resourceType: number
  readonly resourceName: string
}

type Configs = Readonly<Record<string, string>>

const allIsWell: Outcome = { error: 'none', message: null }

/** The settings a topic is to have, or why that cannot be. */
export type ConfigDecision = (now: Configs) => { readonly configs: Configs } | Outcome

function answerOf({ resourceType, resourceName }: ConfigResource, { error, message }: Outcome): ConfigAnswer {
  return { errorCode: errorCodes[error], errorMessage: message, resourceType, resourceName }
}

interface Alteration<Resource extends ConfigResource> {
  readonly resources: readonly Resource[]
  readonly validateOnly: boolean
  /** Which settings of a resource may not be null as they are. */
  readonly mayBeNull: (config: Resource['configs'][number]) => boolean
  readonly decide: (resource: Resource) => ConfigDecision
  readonly forward: (resources: readonly Resource[]) => Promise<readonly ConfigAnswer[] | null>
}

/** Answers for each resource, in their order. */
export function alterEach<Resource extends ConfigResource>(
  { resources, validateOnly, mayBeNull, decide, forward }: Alteration<Resource>,
  call: Call,
  broker: Broker,
): Promise<ConfigAnswer[]> {
  const nullFault = ({ configs }: Resource): Outcome | null => {
    const nulled = configs.filter(config => config.value === null && !mayBeNull(config))
    if (nulled.length === 0) return null
    const names = nulled.map(({ name }) => name).join(', ')
    return { error: 'invalidRequest', message: `Null value not supported for : ${names}` }
  }
  return throughController(resources, {
    refusalOf: (resource: Resource) => resourceFault(resource, resources, call) ?? nullFault(resource),
    serve: async resource => {
      const isTopic = resource.resourceType === configResourceTypes.topic
      const outcome = isTopic ? await alterTopic(resource, decide(resource), validateOnly, broker) : allIsWell
      return answerOf(resource, outcome)
    },
    refuse: answerOf,
    forward,
    isController: broker.parts.membership.controller !== null,
    mayForward: !isForwarded(call),
  })
}

/** What is wrong with a resource whatever is to become of it, or null. */
function resourceFault(resource: ConfigResource, all: readonly ConfigResource[], call: Call): Outcome | null {
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
async function alterTopic(
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
    if ('error' in decided) return decided
    const fault = configFault(new Map(Object.entries(decided.configs)))
    return fault === null ? decided : { error: 'invalidConfig' as const, message: fault }
  }
  if (validateOnly) {
    const decided = decideOn(served.configs)
    return 'error' in decided ? decided : allIsWell
  }
  return broker.changeTopic(served, ({ configs }) => decideOn(configs))
}
