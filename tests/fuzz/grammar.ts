// Request bodies by the wire's own schema: every field present in a version gets a value that means something here
// more often than not, else one at a border of its kind. Pure: the same dice and facts give the same body.
import { type AnyField, type AnyMessage, isWithin, type Shape } from '../../broker/protocol/fields.ts'
import type { Random } from '../chaos/random.ts'
import { someRecords } from './batches.ts'

/** What only the broker can tell: asked for again, it would say something else. */
export interface Known {
  topicIds: readonly string[]
  memberId: string
  generationId: number
  producerId: number
  producerEpoch: number
}

export function nothingKnown(): Known {
  return { topicIds: [], memberId: '', generationId: -1, producerId: 0, producerEpoch: 0 }
}

/** Topics that are there at the start. What is produced and read for comparison is in another one. */
export const fuzzTopics = ['fuzz-a', 'fuzz-compacted'] as const
const topicNames = [
  ...fuzzTopics,
  ...fuzzTopics,
  'fuzz-b',
  'fuzz-c',
  'fuzz-d',
  '__consumer_offsets',
  '',
  '..',
]
const groupNames = ['group-a', 'group-a', 'group-b', 'group-c', '']
const int8s = [0, 1, 2, 3, 5, -1, 127, -128]
const int16s = [0, 1, -1, 0x7fff, -0x8000, 36]
const int32s = [0, 1, -1, 2, 0x7fff_ffff, -0x8000_0000, 1_000, 65_536]
const int64s = [0, 1, -1, 5, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 32, -2, -3, -4, -5]
const texts = [
  '',
  'a',
  'ünïcødé ✓ 🜁',
  'a'.repeat(250),
  '__proto__',
  'constructor',
  '\u0000\u001b[31m',
  '../x',
  '*',
]
const authBytes = [
  'n,,n=alice,r=nonce',
  'c=biws,r=nonce,p=AAAA',
  'n,,n=,r=',
  'y,,n=a=2Cb,r=x',
  '\u0000alice\u0000pw',
  ',,,',
  `n,,n=${'a'.repeat(5_000)},r=x`,
]

type Choice = (dice: Random, known: Known) => unknown
const oneOf =
  (...values: readonly unknown[]): Choice =>
  dice =>
    dice.pick(values)
const topicName = oneOf(...topicNames)
const partition = oneOf(0, 0, 0, 1, 2, -1, 0x7fff_ffff)
const waitMs = oneOf(0, 0, 0, 1, 5, -1)
const memberId: Choice = (dice, known) => dice.pick([known.memberId, known.memberId, '', 'nobody'])
const epoch = oneOf(-1, -1, 0, 0, 1, 0x7fff_ffff, -2)
const scram = oneOf('SCRAM-SHA-256', 'SCRAM-SHA-512', 'PLAIN', 'GSSAPI', '')

/** By the name of the field, in whatever message. */
const choices: Readonly<Record<string, Choice>> = {
  topic: topicName,
  topicNames: topicName,
  topicId: (dice, { topicIds }) => dice.pick(topicIds),
  groupId: oneOf(...groupNames),
  groups: oneOf(...groupNames),
  groupsNames: oneOf(...groupNames),
  key: oneOf(...groupNames),
  coordinatorKeys: oneOf(...groupNames),
  memberId,
  leader: memberId,
  groupInstanceId: oneOf(null, null, 'static-1', 'static-2', ''),
  generationId: (dice, known) => dice.pick([known.generationId, known.generationId, -1, 0, 1]),
  generationIdOrMemberEpoch: (dice, known) => dice.pick([known.generationId, -1, -1, 0]),
  protocolType: oneOf('consumer', 'consumer', 'connect', ''),
  protocolName: oneOf('range', 'range', 'roundrobin', ''),
  sessionTimeoutMs: oneOf(6_000, 6_000, 10_000, 1, -1, 0x7fff_ffff),
  rebalanceTimeoutMs: oneOf(1, 10, 50, -1, 0x7fff_ffff),
  partition,
  partitionIndex: partition,
  partitionIndexes: partition,
  partitions: partition,
  index: partition,
  partitionId: partition,
  replicaId: oneOf(-1, -1, -1, 1, 2),
  brokerId: oneOf(7, -1, 0x7fff_ffff),
  fetchOffset: oneOf(0, 0, 1, 7, -1, 1_000, Number.MAX_SAFE_INTEGER),
  maxWaitMs: waitMs,
  timeoutMs: oneOf(0, 1, 10, 1_000, -1),
  minBytes: oneOf(0, 1, 1, 0x7fff_ffff, -1),
  maxBytes: oneOf(0, 1, 1_000, 0x7fff_ffff, -1),
  partitionMaxBytes: oneOf(0, 1, 1_000, 0x7fff_ffff, -1),
  sessionEpoch: oneOf(-1, -1, 0, 1),
  currentLeaderEpoch: epoch,
  lastFetchedEpoch: epoch,
  leaderEpoch: epoch,
  acks: oneOf(-1, -1, -1, 1, 0, 5),
  transactionalId: oneOf(null, null, null, 'tx', ''),
  producerId: (dice, known) => dice.pick([known.producerId, -1, 0, 1, Number.MAX_SAFE_INTEGER]),
  producerEpoch: (dice, known) => dice.pick([known.producerEpoch, -1, 0, 0x7fff]),
  records: (dice, known) => someRecords(dice, known),
  mechanism: scram,
  authBytes: dice => Buffer.from(dice.pick(authBytes)),
  auth: dice => Buffer.from(dice.pick(authBytes)),
  numPartitions: oneOf(1, 1, 2, -1, 0, 2_001, 0x7fff_ffff),
  replicationFactor: oneOf(1, 1, -1, 0, 3, 0x7fff),
  isolationLevel: oneOf(0, 1, 2),
  timestamp: oneOf(-1, -2, -3, -4, -5, 0, 1_700_000_000_000, Number.MAX_SAFE_INTEGER),
  committedOffset: oneOf(0, 1, 5, -1, Number.MAX_SAFE_INTEGER),
  clientSoftwareName: oneOf('fuzz', '', '-x', 'a b'),
  clientSoftwareVersion: oneOf('1.0', '', '.'),
  resourceType: oneOf(2, 2, 3, 4, 0, 8),
  resourceName: oneOf(...topicNames, '1', 'kafka-cluster'),
  principal: oneOf('User:alice', 'User:*', 'alice', '', 'User:'),
  host: oneOf('*', '127.0.0.1', ''),
  iterations: oneOf(4_096, 16_384, 0, -1, 0x7fff_ffff),
  configName: oneOf('retention.ms', 'cleanup.policy', '__proto__'),
  /** Nothing that exists for the comparison is deleted or changed: see fuzz.ts. */
  validateOnly: oneOf(false, false, true),
}

/** A body of `message` at `version`. */
export function someBody(message: AnyMessage, version: number, dice: Random, known: Known): object {
  return someStruct(message.fields, version, dice, known)
}

function someStruct(shape: Shape, version: number, dice: Random, known: Known): object {
  const body: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(shape)) {
    const isPresent = isWithin(field.versions, version) && !(field.tag >= 0 && dice.below(2) === 0)
    if (isPresent) body[name] = someValue(name, field, version, dice, known)
  }
  return body
}

function someValue(name: string, field: AnyField, version: number, dice: Random, known: Known): unknown {
  if (field.kind === 'struct') {
    if (isWithin(field.nullable, version) && dice.below(4) === 0) return null
    return someStruct(field.fields!, version, dice, known)
  }
  if (field.kind === 'array') {
    if (isWithin(field.nullable, version) && dice.below(8) === 0) return null
    const of = field.of!
    const length = dice.pick([1, 1, 1, 1, 2, 3, 0, dice.below(60) === 0 ? 300 : 1])
    return Array.from({ length }, () => someValue(name, of, version, dice, known))
  }
  const chosen = dice.below(4) > 0 ? meant(name, field, dice, known) : undefined
  const value = chosen === undefined ? atBorder(field, dice) : chosen
  return value === null && !isWithin(field.nullable, version) ? field.fallback() : value
}

/** What the name of the field says it means, if it is of that kind. */
function meant(name: string, field: AnyField, dice: Random, known: Known): unknown {
  const choice = name === 'name' && field.kind === 'string' ? topicName : choices[name]
  const value = choice?.(dice, known)
  if (value === null || value === undefined) return value
  switch (field.kind) {
    case 'string':
      return typeof value === 'string' ? value : undefined
    case 'uuid':
      return typeof value === 'string' && value.length === 22 ? value : undefined
    case 'bytes':
    case 'records':
      return Buffer.isBuffer(value) ? value : undefined
    case 'bool':
      return typeof value === 'boolean' ? value : undefined
    case 'int8':
      return typeof value === 'number' && value >= -128 && value <= 127 ? value : undefined
    case 'int16':
      return typeof value === 'number' && value >= -0x8000 && value <= 0x7fff ? value : undefined
    case 'int32':
      return typeof value === 'number' && value === (value | 0) ? value : undefined
    case 'int64':
      return typeof value === 'number' ? value : undefined
    default:
      return undefined
  }
}

function atBorder(field: AnyField, dice: Random): unknown {
  switch (field.kind) {
    case 'int8':
      return dice.pick(int8s)
    case 'int16':
      return dice.pick(int16s)
    case 'uint16':
      return dice.pick([0, 1, 0xffff])
    case 'int32':
      return dice.pick(int32s)
    case 'int64':
      return dice.pick(int64s)
    case 'exactInt64':
      return dice.pick([0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)])
    case 'float64':
      return dice.pick([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e308])
    case 'bool':
      return dice.below(2) === 0
    case 'uuid':
      return dice.pick(['AAAAAAAAAAAAAAAAAAAAAA', 'AAAAAAAAAAAAAAAAAAAAAQ', '_____________________w'])
    case 'string':
      return dice.pick(texts)
    default:
      return Buffer.from(Array.from({ length: dice.below(100) }, () => dice.below(256)))
  }
}
