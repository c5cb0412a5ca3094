// The settings a topic can have: names and values as in Kafka, what we honour of them, and the refusal of what
// we do not. Pure data and parsing; who applies a setting reads it here.
import type { LogConfig } from '../log/log-config.ts'
import { type ConfigRow, configRows as rows } from './topic-config-rows.ts'

export type { ConfigType } from './topic-config-rows.ts'

export const topicConfigNames = Object.keys(rows)

export function configRow(name: string): ConfigRow | undefined {
  return Object.hasOwn(rows, name) ? rows[name] : undefined
}

/** The first thing wrong with these settings, in words, or null. */
export function configFault(configs: ReadonlyMap<string, string | null>): string | null {
  for (const [name, value] of configs) {
    const row = configRow(name)
    if (!row) return `Unknown topic config name: ${name}. Known are ${topicConfigNames.join(', ')}`
    if (value === null) return `Null value not allowed for topic config "${name}"`
    const fault = row.fault(value)
    if (fault !== null) return `Invalid value "${value}" for topic config "${name}": ${fault}`
  }
  return lagFault(configs)
}

function lagFault(configs: ReadonlyMap<string, string | null>): string | null {
  const [least, most] = ['min.compaction.lag.ms', 'max.compaction.lag.ms']
  const of = (name: string) => Number(configs.get(name) ?? rows[name]!.default)
  if (of(least!) <= of(most!)) return null
  return `Invalid value for topic config "${least}": it must be no more than ${most}, ${of(most!)}`
}

/** Settings of the broker that stand in where a topic has none of its own. */
export type ConfigDefaults = Readonly<Record<string, string>>

export interface EffectiveConfig {
  readonly value: string
  readonly source: 'topic' | 'broker' | 'default'
}

export function effectiveConfig(
  name: string,
  configs: Readonly<Record<string, string>>,
  defaults: ConfigDefaults,
): EffectiveConfig {
  const own = configs[name]
  if (own !== undefined) return { value: own, source: 'topic' }
  const standIn = defaults[name]
  if (standIn !== undefined) return { value: standIn, source: 'broker' }
  return { value: rows[name]!.default, source: 'default' }
}

/** What a partition's log and replica need to know of the settings. */
export interface PartitionSettings {
  readonly log: Partial<LogConfig>
  readonly countsFlushedBytes: boolean
  readonly minInsyncReplicas: number
  readonly mayBeUnclean: boolean
  readonly batchBytesMax: number
  /** How far in the future a record may be. */
  readonly futureMsMax: number
}

export function partitionSettings(
  configs: Readonly<Record<string, string>>,
  defaults: ConfigDefaults,
): PartitionSettings {
  const text = (name: string) => effectiveConfig(name, configs, defaults).value
  const number = (name: string) => Number(text(name))
  const policies = text('cleanup.policy').split(',')
  const usesLogAppendTime = text('message.timestamp.type') === 'LogAppendTime'
  return {
    log: {
      isRetained: policies.includes('delete'),
      isCompacted: policies.includes('compact'),
      usesLogAppendTime,
      minCompactionLagMs: number('min.compaction.lag.ms'),
      maxCompactionLagMs: number('max.compaction.lag.ms'),
      minCleanableDirtyRatio: number('min.cleanable.dirty.ratio'),
      deleteRetentionMs: number('delete.retention.ms'),
      segmentBytes: number('segment.bytes'),
      segmentMs: number('segment.ms'),
      retentionMs: number('retention.ms'),
      retentionBytes: number('retention.bytes'),
      indexIntervalBytes: number('index.interval.bytes'),
      indexBytesMax: number('segment.index.bytes'),
      fileDeleteDelayMs: number('file.delete.delay.ms'),
    },
    countsFlushedBytes: text('flush.messages') === '1',
    minInsyncReplicas: number('min.insync.replicas'),
    mayBeUnclean: text('unclean.leader.election.enable') === 'true',
    batchBytesMax: number('max.message.bytes'),
    // The producer's clock does not matter where ours is kept.
    futureMsMax: usesLogAppendTime ? Infinity : number('message.timestamp.after.max.ms'),
  }
}
