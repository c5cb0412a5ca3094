// What can go wrong in one seed's world, and how often: every rate is drawn anew, often as zero, so that faults also
// come alone and in combinations that nobody would have chosen. Pure.
import type { Random } from '../model/random.ts'

export interface Swarm {
  readonly brokers: number
  readonly partitions: number
  readonly replicationFactor: number
  readonly minIsr: number
  readonly countsFlushedBytes: boolean
  readonly producers: number
  readonly valuesEach: number
  /** How many records one batch may have. */
  readonly batchMax: number
  readonly lagTimeMaxMs: number
  readonly thinkMs: number
  /** How many records one fetch may carry. */
  readonly fetchRecords: number
  readonly oneWayDelayMs: number
  readonly loss: number
  readonly duplication: number
  readonly storeLoss: number
  readonly watchLoss: number
  readonly flushMs: number
  readonly slowFlush: number
  readonly failedFlush: number
  /** How often something is done to the cluster, and with which weights. */
  readonly faultEveryMs: number
  readonly weights: Readonly<Record<Fault, number>>
  readonly downMs: number
  /** Of one consumer group. */
  readonly members: number
  /** How often a member oversleeps its session. */
  readonly memberSleeps: number
}

export const faults = [
  'kill',
  'powerCut',
  'powerCutOfAll',
  'wipe',
  'cleanStop',
  'pause',
  'isolate',
  'oneWay',
  'split',
  'cutFromStore',
  'heal',
  'clog',
  'preferred',
] as const
export type Fault = (typeof faults)[number]

export function drawSwarm(random: Random): Swarm {
  const rate = (highest: number) => (random.chance(0.4) ? 0 : (highest * random.below(1_000)) / 1_000)
  const brokers = random.chance(0.8) ? 3 : 4 + random.below(2)
  const replicationFactor = random.chance(0.85) ? 3 : 2
  const weights = {} as Record<Fault, number>
  for (const fault of faults) weights[fault] = random.chance(0.5) ? 0 : 1 + random.below(10)
  weights.heal = 3 + random.below(10)
  const batchMax = random.chance(0.5) ? 1 : 2 + random.below(4)
  return {
    brokers,
    partitions: 1 + random.below(2),
    replicationFactor,
    minIsr: 2,
    countsFlushedBytes: true,
    producers: 1 + random.below(3),
    valuesEach: 40 * batchMax,
    batchMax,
    lagTimeMaxMs: 300 + random.below(1_500),
    thinkMs: 20 + random.below(300),
    fetchRecords: 1 + random.below(8),
    oneWayDelayMs: 1 + random.below(random.chance(0.3) ? 100 : 12),
    loss: rate(0.15),
    duplication: rate(0.2),
    storeLoss: rate(0.15),
    watchLoss: rate(0.5),
    flushMs: 1 + random.below(10),
    slowFlush: rate(0.1),
    failedFlush: rate(0.004),
    faultEveryMs: 100 + random.below(900),
    weights,
    downMs: 200 + random.below(3_000),
    members: 1 + random.below(3),
    memberSleeps: rate(0.1),
  }
}

export function drawFault(weights: Swarm['weights'], random: Random): Fault {
  let left = random.below(faults.reduce((sum, fault) => sum + weights[fault], 0))
  return faults.find(fault => (left -= weights[fault]) < 0) ?? 'heal'
}
