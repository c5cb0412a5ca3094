// Every setting a topic can have: its name and type as in Kafka, its default, what it does here, and which values are
// taken. What Kafka has and this broker does not honour is not in the table, or takes the one value that is honoured.
export type ConfigType = 'boolean' | 'long' | 'int' | 'double' | 'list' | 'string'

export interface ConfigRow {
  readonly type: ConfigType
  readonly default: string
  readonly documentation: string
  /** Why the value is refused, or null. */
  readonly fault: (value: string) => string | null
}

export const longMax = '9223372036854775807'
const intMax = 2 ** 31 - 1

const whole = (type: 'int' | 'long', min: number) => (value: string) => {
  if (!/^-?\d{1,19}$/.test(value) || Number(value) < min) return `must be a whole number of at least ${min}`
  const max = type === 'int' ? BigInt(intMax) : BigInt(longMax)
  return BigInt(value) > max ? `must be no more than ${max}` : null
}
const oneOf =
  (...allowed: string[]) =>
  (value: string) =>
    allowed.includes(value) ? null : `only ${allowed.join(' or ')} is supported`

const int = (min: number, standard: string, documentation: string): ConfigRow => ({
  type: 'int',
  default: standard,
  documentation,
  fault: whole('int', min),
})
const long = (min: number, standard: string, documentation: string): ConfigRow => ({
  type: 'long',
  default: standard,
  documentation,
  fault: whole('long', min),
})

export const configRows: Readonly<Record<string, ConfigRow>> = {
  'cleanup.policy': {
    type: 'list',
    default: 'delete',
    documentation:
      'What happens to old segments: delete, compact (the last record of each key stays), or both.',
    fault: cleanupFault,
  },
  'compression.type': {
    type: 'string',
    default: 'producer',
    documentation: 'Batches are kept as their producer compressed them.',
    fault: oneOf('producer'),
  },
  'delete.retention.ms': long(0, '86400000', 'How long the mark of a deleted key stays after compaction.'),
  'file.delete.delay.ms': long(0, '60000', 'How long the file of a deleted segment stays for its readers.'),
  'flush.messages': {
    type: 'long',
    default: '1',
    documentation:
      '1: acknowledged means flushed to disk, by group commit. Long.MAX: in the page cache, safe by replication.',
    fault: value =>
      value === '1' || value === longMax
        ? null
        : `only 1 (acknowledged means on disk) or ${longMax} (in the page cache) is supported`,
  },
  'index.interval.bytes': int(0, '4096', 'How many bytes of a segment one entry of its index stands for.'),
  'max.compaction.lag.ms': long(
    1,
    longMax,
    'After this long a record is compacted, however little there is to gain.',
  ),
  'max.message.bytes': int(0, '1048588', 'The largest batch taken, as compressed.'),
  'message.timestamp.after.max.ms': long(
    0,
    longMax,
    'How far in the future a record may be. Unlimited: logs carry whatever their hosts believed.',
  ),
  'message.timestamp.before.max.ms': {
    type: 'long',
    default: longMax,
    documentation: 'How far in the past a record may be. Unlimited: old logs are welcome.',
    fault: oneOf(longMax),
  },
  'message.timestamp.type': {
    type: 'string',
    default: 'CreateTime',
    documentation:
      'CreateTime: records keep the time their producer gave them. LogAppendTime: they have that of their append.',
    fault: oneOf('CreateTime', 'LogAppendTime'),
  },
  'min.cleanable.dirty.ratio': {
    type: 'double',
    default: '0.5',
    documentation: 'The share of a compacted partition that must be new before it is compacted again.',
    fault: value =>
      /^\d(\.\d+)?$/.test(value) && Number(value) <= 1 ? null : 'must be a number from 0 to 1',
  },
  'min.compaction.lag.ms': long(0, '0', 'Younger records are not compacted.'),
  'min.insync.replicas': int(
    1,
    '1',
    'In-sync replicas that acks=all needs; counts no more than the topic has replicas.',
  ),
  'retention.bytes': long(-1, '-1', 'How much of a partition is kept. -1: no bound.'),
  'retention.ms': long(-1, '604800000', 'How long records are kept. -1: for ever.'),
  'segment.bytes': int(
    2 ** 20,
    '134217728',
    'Size at which a segment file is closed and the next one begun.',
  ),
  'segment.index.bytes': int(4, '10485760', 'Size at which a segment is closed because its index is full.'),
  'segment.ms': long(1, '604800000', 'Age at which a segment file is closed and the next one begun.'),
  'unclean.leader.election.enable': {
    type: 'boolean',
    default: 'false',
    documentation:
      'Whether a replica that may lack acknowledged records is better than none. Each use is an alarm.',
    fault: oneOf('true', 'false'),
  },
}

function cleanupFault(value: string): string | null {
  const policies = value.split(',')
  const isKnown = policies.every(policy => policy === 'delete' || policy === 'compact')
  return isKnown && new Set(policies).size === policies.length
    ? null
    : 'only delete, compact, or both with a comma between is supported'
}
