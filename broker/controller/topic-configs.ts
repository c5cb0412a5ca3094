// The settings a topic can have: names and values as in Kafka, what we honour of them, and the refusal of what
// we do not. Pure data and parsing; who applies a setting reads it here.
import type { LogConfig } from '../log/log-config.ts'

export type ConfigType = 'boolean' | 'long' | 'int' | 'list' | 'string'

interface ConfigRow {
  readonly type: ConfigType
  readonly default: string
  readonly documentation: string
  /** Why the value is refused, or null. */
  readonly fault: (value: string) => string | null
}

const longMax = '9223372036854775807'

const integer = (min: number) => (value: string) =>
  /^-?\d{1,19}$/.test(value) && Number(value) >= min ? null : `must be a whole number of at least ${min}`
const oneOf =
  (...allowed: string[]) =>
  (value: string) =>
    allowed.includes(value) ? null : `only ${allowed.join(' or ')} is supported`

const rows: Readonly<Record<string, ConfigRow>> = {
  'cleanup.policy': {
    type: 'list',
    default: 'delete',
    documentation: 'What happens to old segments. Compaction is not there yet.',
    fault: oneOf('delete'),
  },
  'compression.type': {
    type: 'string',
    default: 'producer',
    documentation: 'Batches are kept as their producer compressed them.',
    fault: oneOf('producer'),
  },
  'flush.messages': {
    type: 'long',
    default: '1',
    documentation:
      '1: acknowledged means flushed to disk, by group commit. Long.MAX: in the page cache, safe by replication.',
    fault: oneOf('1', longMax),
  },
  'max.message.bytes': {
    type: 'int',
    default: '1048588',
    documentation: 'The largest batch taken, as compressed.',
    fault: integer(0),
  },
  'message.timestamp.after.max.ms': {
    type: 'long',
    default: longMax,
    documentation:
      'How far in the future a record may be. Unlimited: logs carry whatever their hosts believed.',
    fault: oneOf(longMax),
  },
  'message.timestamp.type': {
    type: 'string',
    default: 'CreateTime',
    documentation: 'Records keep the time their producer gave them.',
    fault: oneOf('CreateTime'),
  },
  'min.insync.replicas': {
    type: 'int',
    default: '1',
    documentation: 'In-sync replicas that acks=all needs; counts no more than the topic has replicas.',
    fault: integer(1),
  },
  'retention.bytes': {
    type: 'long',
    default: '-1',
    documentation: 'How much of a partition is kept. -1: no bound.',
    fault: integer(-1),
  },
  'retention.ms': {
    type: 'long',
    default: '604800000',
    documentation: 'How long records are kept. -1: for ever.',
    fault: integer(-1),
  },
  'segment.bytes': {
    type: 'int',
    default: '134217728',
    documentation: 'Size at which a segment file is closed and the next one begun.',
    fault: integer(2 ** 20),
  },
  'segment.ms': {
    type: 'long',
    default: '604800000',
    documentation: 'Age at which a segment file is closed and the next one begun.',
    fault: integer(1),
  },
  'unclean.leader.election.enable': {
    type: 'boolean',
    default: 'false',
    documentation:
      'Whether a replica that may lack acknowledged records is better than none. Each use is an alarm.',
    fault: oneOf('true', 'false'),
  },
}

export const topicConfigNames = Object.keys(rows)

export function configRow(name: string): ConfigRow | undefined {
  return rows[name]
}

/** The first thing wrong with these settings, in words, or null. */
export function configFault(configs: ReadonlyMap<string, string | null>): string | null {
  for (const [name, value] of configs) {
    const row = rows[name]
    if (!row) return `Unknown topic config "${name}"; known are ${topicConfigNames.join(', ')}`
    if (value === null) return `Null value not allowed for topic config "${name}"`
    const fault = row.fault(value)
    if (fault !== null) return `Invalid value "${value}" for topic config "${name}": ${fault}`
  }
  return null
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
}

export function partitionSettings(
  configs: Readonly<Record<string, string>>,
  defaults: ConfigDefaults,
): PartitionSettings {
  const text = (name: string) => effectiveConfig(name, configs, defaults).value
  const number = (name: string) => Number(text(name))
  return {
    log: {
      segmentBytes: number('segment.bytes'),
      segmentMs: number('segment.ms'),
      retentionMs: number('retention.ms'),
      retentionBytes: number('retention.bytes'),
    },
    countsFlushedBytes: text('flush.messages') === '1',
    minInsyncReplicas: number('min.insync.replicas'),
    mayBeUnclean: text('unclean.leader.election.enable') === 'true',
    batchBytesMax: number('max.message.bytes'),
  }
}
