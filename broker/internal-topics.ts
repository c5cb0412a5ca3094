// The settings of the appliance's own topics: compacted, never expired. New ones are created with them; those of an
// earlier version, which were not compacted, get them from the controller at its next start. Touches topic entries.
import type { Broker } from './broker.ts'
import { lossesTopic } from './loss-report.ts'
import { offsetsTopic } from './offsets-topic.ts'

export const agentsTopic = '__tailrace_agents'

type Configs = Readonly<Record<string, string>>

/** The last word on every key is kept for ever; small segments, since only a sealed one can be compacted. */
const kept = {
  'cleanup.policy': 'compact',
  'retention.ms': '-1',
  'retention.bytes': '-1',
  'segment.bytes': String(4 * 1024 * 1024),
}

export const configsOfInternalTopic: Readonly<Record<string, Configs>> = {
  [offsetsTopic.name]: offsetsTopic.configs,
  [lossesTopic]: kept,
  [agentsTopic]: kept,
}

/** Topics that are here and not compacted yet become so; everything else that was set stays. */
export async function compactInternalTopics(broker: Broker): Promise<void> {
  for (const [name, configs] of Object.entries(configsOfInternalTopic)) {
    const served = broker.topics.byName(name)
    if (!served || served.configs['cleanup.policy'] !== undefined) continue
    const { error, message } = await broker.changeTopic(served, meta => ({
      configs: { ...configs, ...meta.configs },
    }))
    const { log } = broker.parts
    if (error === 'none') log.info('an internal topic is compacted from now on', { topic: name })
    else log.warn('an internal topic is not compacted yet', { topic: name, reason: message ?? error })
  }
}
