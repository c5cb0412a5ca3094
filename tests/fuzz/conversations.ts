// What is said on one connection, from a seed: frames by the grammar, most of them damaged after that, sent without
// waiting; or a sequence that makes sense (a group, a producer that counts, a topic's life, a login) with damage in
// the middle of it, each frame after the answer to the one before. Pure: the same seed gives the same frames, except
// for the values that only the broker can give.
import { type AnyApi, type ApiName, apis } from '../../broker/protocol/apis.ts'
import { Writer } from '../../broker/protocol/bytes.ts'
import { encodeRequest, lengthPrefixBytes } from '../../broker/protocol/frame.ts'
import { Random } from '../chaos/random.ts'
import { soundBatch } from './batches.ts'
import { type Known, someBody } from './grammar.ts'
import { mutate, withUnknownTags } from './mutations.ts'

export interface Step {
  readonly api: AnyApi
  readonly version: number
  /** The whole frame, its length in front. */
  build(known: Known): Buffer
}

export interface Conversation {
  readonly steps: readonly Step[]
  /** The next frame is sent when the answer to the last has come. */
  readonly isInTurn: boolean
}

export const apiRows: readonly AnyApi[] = Object.values(apis)
/** Length, API key, version, correlation id. */
const headerBytes = 12
/** Never whole: their effect lasts, and what is compared in the end must not be changed by a request that is right. */
const withoutNames: ReadonlySet<number> = new Set([apis.unregisterBroker.key])

export function conversation(seed: number, correlationId: number): Conversation {
  const dice = new Random(seed)
  if (dice.below(4) > 0) {
    const count = 1 + dice.below(10)
    const steps = Array.from({ length: count }, (_, index) => damagedStep(dice, correlationId + index))
    return { steps, isInTurn: dice.below(4) > 0 }
  }
  const sequence = dice.pick(sequences)
  const steps = sequence.flatMap((name, index) => {
    if (dice.below(8) === 0) return [damagedStep(dice, correlationId + index)]
    const step = sensibleStep(name, dice, correlationId + index)
    return dice.below(10) === 0 ? [step, step] : [step]
  })
  return { steps, isInTurn: true }
}

const sequences: readonly (readonly ApiName[])[] = [
  [
    'findCoordinator',
    'joinGroup',
    'joinGroup',
    'syncGroup',
    'heartbeat',
    'offsetCommit',
    'offsetFetch',
    'leaveGroup',
  ],
  ['joinGroup', 'joinGroup', 'heartbeat', 'joinGroup', 'syncGroup', 'describeGroups', 'listGroups'],
  ['initProducerId', 'produce', 'produce', 'initProducerId', 'produce', 'listOffsets', 'fetch'],
  ['createTopics', 'metadata', 'produce', 'fetch', 'deleteTopics', 'fetch', 'produce'],
  ['apiVersions', 'saslHandshake', 'saslAuthenticate', 'saslAuthenticate', 'metadata'],
  ['createAcls', 'describeAcls', 'deleteAcls', 'alterUserScramCredentials', 'describeUserScramCredentials'],
  ['metadata', 'produce', 'offsetForLeaderEpoch', 'fetch', 'describeConfigs', 'describeLogDirs'],
  ['electLeaders', 'alterPartitionReassignments', 'listPartitionReassignments', 'describeCluster'],
]

function damagedStep(dice: Random, correlationId: number): Step {
  const api = dice.pick(apiRows)
  const version = someVersion(api, dice)
  const stepSeed = dice.below(2 ** 32)
  const build = (known: Known): Buffer => {
    const own = new Random(stepSeed)
    const frame = encoded(api, version, correlationId, someBody(api.request, version, own, known))
    return damaged(frame, own, withoutNames.has(api.key))
  }
  return { api, version, build }
}

function someVersion({ accepted: [low, high] }: AnyApi, dice: Random): number {
  return low + dice.below(high - low + 1)
}

function encoded(api: AnyApi, version: number, correlationId: number, body: object): Buffer {
  const writer = new Writer()
  encodeRequest(writer, api, version, correlationId, 'fuzz', body)
  return Buffer.from(writer.view())
}

function damaged(frame: Buffer, dice: Random, always: boolean): Buffer {
  const what = dice.below(24)
  if (what < 10 && !always) return frame
  if (what < 17) return reframed(mutate(frame, dice, headerBytes))
  switch (what) {
    case 17:
      return reframed(mutate(frame, dice, lengthPrefixBytes))
    case 18:
      frame.writeInt16BE(dice.pick([dice.below(100), -1, 0x7fff, 999]), 4)
      return frame
    case 19:
      frame.writeInt16BE(dice.pick([dice.below(20), -1, 0x7fff, 99]), 6)
      return frame
    case 20:
      return reframed(withUnknownTags(frame, dice))
    case 21:
      return dice.below(3) === 0 ? lyingLength(frame, dice) : reframed(mutate(frame, dice, headerBytes))
    case 22:
      return reframed(Buffer.concat([frame, Buffer.alloc(dice.below(200))]))
    default:
      return reframed(Buffer.from(Array.from({ length: 4 + dice.below(60) }, () => dice.below(256))))
  }
}

/** With a length that is right again. */
function reframed(frame: Buffer): Buffer {
  const whole = frame.length < lengthPrefixBytes ? Buffer.alloc(lengthPrefixBytes) : frame
  whole.writeInt32BE(whole.length - lengthPrefixBytes, 0)
  return whole
}

function lyingLength(frame: Buffer, dice: Random): Buffer {
  frame.writeInt32BE(
    dice.pick([-1, 0, 1, 3, 0x7fff_ffff, frame.length + 1_000, 100 * 2 ** 20, -0x8000_0000]),
    0,
  )
  return frame
}

/** What a well-behaved client would say at this point. */
function sensibleStep(name: ApiName, dice: Random, correlationId: number): Step {
  const api: AnyApi = apis[name]
  const version = someVersion(api, dice)
  const stepSeed = dice.below(2 ** 32)
  const topic = dice.pick(['fuzz-a', 'fuzz-a', 'fuzz-b', 'fuzz-c'])
  const build = (known: Known): Buffer => {
    const own = new Random(stepSeed)
    const meant = sensibleBody(name, topic, own, known)
    const body = meant ?? someBody(api.request, version, own, known)
    return encoded(api, version, correlationId, body)
  }
  return { api, version, build }
}

function sensibleBody(name: ApiName, topic: string, dice: Random, known: Known): object | null {
  const { memberId, generationId } = known
  const groupId = dice.pick(['group-a', 'group-b'])
  const topicId = known.topicIds[0]
  const member = { groupId, memberId, generationId, protocolType: 'consumer', protocolName: 'range' }
  switch (name) {
    case 'joinGroup': {
      const timeouts = { sessionTimeoutMs: 6_000, rebalanceTimeoutMs: dice.pick([1, 20]) }
      return { ...member, ...timeouts, protocols: [{ name: 'range', metadata: Buffer.alloc(8) }] }
    }
    case 'syncGroup':
      return { ...member, assignments: [{ memberId, assignment: Buffer.alloc(dice.below(30)) }] }
    case 'heartbeat':
      return member
    case 'leaveGroup':
      return { ...member, members: [{ memberId }] }
    case 'findCoordinator':
      return { key: groupId, coordinatorKeys: [groupId] }
    case 'initProducerId':
      return { transactionalId: null, producerId: -1, producerEpoch: -1 }
    case 'produce': {
      const records = soundBatch(dice, dice.below(2) === 0 ? known : undefined)
      const topicData = [{ name: topic, topicId, partitionData: [{ index: 0, records }] }]
      return { transactionalId: null, acks: -1, timeoutMs: 1_000, topicData }
    }
    case 'fetch': {
      const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 4_096 }]
      return { maxWaitMs: dice.pick([0, 5]), minBytes: 1, topics: [{ topic, topicId, partitions }] }
    }
    case 'createTopics':
      return { topics: [{ name: topic, numPartitions: 1, replicationFactor: 1 }], timeoutMs: 1_000 }
    case 'deleteTopics':
      return topic === 'fuzz-a' ? null : { topicNames: [topic], topics: [{ name: topic }], timeoutMs: 1_000 }
    default:
      return null
  }
}
