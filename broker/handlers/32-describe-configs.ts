// DescribeConfigs, v1-4. The settings of topics, with where each value comes from, and a few facts of the broker.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import {
  type ConfigType,
  configRow,
  type EffectiveConfig,
  effectiveConfig,
  topicConfigNames,
} from '../controller/topic-configs.ts'
import { offsetsRetentionMs } from '../groups/coordinator.ts'
import { defaultGroupSettings } from '../groups/group.ts'
import type { Answer } from '../handler-row.ts'
import { offsetsTopic } from '../offsets-topic.ts'
import type { apis } from '../protocol/apis.ts'
import { type ErrorName, errorCodes } from '../protocol/errors.ts'
import {
  configResourceTypes,
  configSources,
  configTypes,
  type DescribeConfigsRequest,
} from '../protocol/messages/32-describe-configs.ts'
import { mayCluster } from '../security/access.ts'
import type { ServedTopic } from '../topic-table.ts'

export const configSourceCodes: Readonly<Record<EffectiveConfig['source'], number>> = {
  topic: configSources.topic,
  broker: configSources.staticBroker,
  default: configSources.default,
}

type Resource = DescribeConfigsRequest['resources'][number]

export function describeConfigs(
  request: DescribeConfigsRequest,
  call: Call,
  broker: Broker,
): Answer<typeof apis.describeConfigs> {
  return { results: request.resources.map(resource => describe(resource, request, call, broker)) }
}

function describe(resource: Resource, request: DescribeConfigsRequest, call: Call, broker: Broker) {
  const { resourceType, resourceName } = resource
  if (resourceType === configResourceTypes.topic) {
    if (!call.access.may('describeConfigs', 'topic', resourceName)) {
      return refused(resource, 'topicAuthorizationFailed', 'Authorization failed.')
    }
    const served = broker.topics.byName(resourceName)
    if (!served)
      return refused(resource, 'unknownTopicOrPartition', `Topic "${resourceName}" does not exist.`)
    return { ...resource, errorCode: 0, configs: topicConfigs(served, resource, request, broker) }
  }
  if (resourceType === configResourceTypes.broker) {
    if (!mayCluster(call.access, 'describeConfigs')) {
      return refused(resource, 'clusterAuthorizationFailed', 'Authorization failed.')
    }
    if (resourceName !== '' && resourceName !== String(broker.brokerId)) {
      return refused(resource, 'invalidRequest', `Broker "${resourceName}" does not exist.`)
    }
    return { ...resource, errorCode: 0, configs: brokerConfigs(resource, broker) }
  }
  return refused(resource, 'invalidRequest', `Resources of type ${resourceType} are not described here.`)
}

function refused(resource: Resource, error: ErrorName, errorMessage: string) {
  return { ...resource, errorCode: errorCodes[error], errorMessage }
}

function topicConfigs(
  served: ServedTopic,
  resource: Resource,
  request: DescribeConfigsRequest,
  broker: Broker,
) {
  return topicConfigNames
    .filter(name => isWanted(name, resource))
    .map(name => {
      const row = configRow(name)!
      const { configDefaults } = broker.parts
      const { value, source } = effectiveConfig(name, served.configs, configDefaults)
      const synonyms = []
      if (request.includeSynonyms) {
        if (source === 'topic') synonyms.push({ name, value, source: configSources.topic })
        const standIn = configDefaults[name]
        if (standIn !== undefined) synonyms.push({ name, value: standIn, source: configSources.staticBroker })
        synonyms.push({ name, value: row.default, source: configSources.default })
      }
      return {
        name,
        value,
        configSource: configSourceCodes[source],
        synonyms,
        configType: configTypes[row.type satisfies ConfigType],
        documentation: request.includeDocumentation ? row.documentation : null,
      }
    })
}

function brokerConfigs(resource: Resource, broker: Broker) {
  const { config } = broker.parts
  const copies = String(broker.replicationFactorDefault)
  const facts: readonly (readonly [string, string])[] = [
    ['broker.id', String(config.brokerId)],
    ['auto.create.topics.enable', 'true'],
    ['num.partitions', String(config.defaultPartitions)],
    ['default.replication.factor', copies],
    ['min.insync.replicas', broker.parts.configDefaults['min.insync.replicas'] ?? '1'],
    ['offsets.topic.num.partitions', String(offsetsTopic.partitions)],
    ['offsets.topic.replication.factor', copies],
    ['offsets.retention.minutes', String(offsetsRetentionMs / 60_000)],
    ['group.initial.rebalance.delay.ms', String(defaultGroupSettings.initialRebalanceDelayMs)],
    ['group.min.session.timeout.ms', String(defaultGroupSettings.sessionTimeoutMinMs)],
    ['group.max.session.timeout.ms', String(defaultGroupSettings.sessionTimeoutMaxMs)],
    ['group.max.size', String(defaultGroupSettings.membersMax)],
    ['log.segment.bytes', String(config.segmentBytes)],
    ['log.retention.ms', String(config.retentionMs)],
    ['log.retention.bytes', String(config.retentionBytes)],
    ['log.flush.interval.messages', configRow('flush.messages')!.default],
    ['message.max.bytes', configRow('max.message.bytes')!.default],
    ['unclean.leader.election.enable', configRow('unclean.leader.election.enable')!.default],
  ]
  return facts
    .filter(([name]) => isWanted(name, resource))
    .map(([name, value]) => ({
      name,
      value,
      readOnly: true,
      configSource: configSources.staticBroker,
      configType: configTypes.string,
    }))
}

function isWanted(name: string, { configurationKeys }: Resource): boolean {
  return configurationKeys === null || configurationKeys.length === 0 || configurationKeys.includes(name)
}
