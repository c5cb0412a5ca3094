// How often what happens in the world of one seed. Pure; draws from the seed.
import type { Random } from './random.ts'

/** How often what happens in one world: the weight of each event against all others. */
export interface Climate {
  readonly quietAfter: number
  readonly refusal: number
  readonly rotate: number
  readonly truncate: number
  readonly deleteOldest: number
  readonly losePower: number
  readonly loseCheckpoint: number
  readonly fillDisk: number
  readonly copy: number
  readonly scrap: number
  readonly closeTopic: number
  readonly turnClockBack: number
  readonly pause: number
  readonly crash: number
  readonly start: number
  readonly reconnect: number
  readonly reroute: number
  readonly retain: number
  readonly rebuild: number
  readonly fold: number
  readonly aggregatorCrash: number
  /** Whole turns at once, for actors that nothing disturbs. */
  readonly agentTurn: number
  readonly brokerTurn: number
  readonly aggregatorTurn: number
}

/**
 * Most seeds draw a mixture of every fault: some worlds rotate all day, others only lose sockets. But what
 * takes long, such as rows that retire and copies that come to life late, hardly ever happens in a storm
 * before the story ends. So every fourth world is quiet but for restarts, or but for copies.
 */
export type Weather = 'storm' | 'copies' | 'restarts'

export function weatherOf(seed: number): Weather {
  if (seed % 8 === 0) return 'copies'
  return seed % 8 === 4 ? 'restarts' : 'storm'
}

export function climateOf(seed: number, random: Random): Climate {
  const stormy = storm(random)
  switch (weatherOf(seed)) {
    case 'storm':
      return stormy
    case 'copies':
      return { ...stormy, ...calm(random), ...copies(random) }
    case 'restarts':
      return { ...stormy, ...calm(random), ...restarts(random) }
  }
}

function storm(random: Random): Climate {
  const rare = (weight: number): number => (random.chance(0.4) ? weight * random.below(4) : 0)
  return {
    quietAfter: Number.POSITIVE_INFINITY,
    refusal: random.pick([0, 0.1, 0.3]),
    rotate: rare(1),
    truncate: rare(1),
    deleteOldest: rare(1),
    losePower: rare(0.4),
    loseCheckpoint: rare(0.2),
    fillDisk: rare(0.4),
    copy: rare(0.4),
    scrap: rare(0.4),
    closeTopic: rare(0.4),
    turnClockBack: rare(1),
    pause: rare(1.5),
    crash: rare(1),
    start: random.pick([2, 2, 0.3]),
    reconnect: rare(1),
    reroute: rare(0.5),
    retain: rare(1.5),
    rebuild: rare(0.6),
    fold: random.pick([10, 10, 2]),
    aggregatorCrash: rare(0.6),
    agentTurn: random.pick([0, 0, 16]),
    brokerTurn: random.pick([0, 0, 8]),
    aggregatorTurn: random.pick([0, 0, 8]),
  }
}

function calm(random: Random): Partial<Climate> {
  const quietAfter = 60 + random.below(120)
  return { quietAfter, truncate: 0, losePower: 0, loseCheckpoint: 0, fillDisk: 0, agentTurn: 16 }
}

/** Machines are copied and scrapped; hardly anything restarts that would give it away. */
function copies(random: Random): Partial<Climate> {
  const crash = random.pick([0, 0, 1])
  return { copy: 0.8, scrap: 0.6, crash, start: 1, reroute: 0.6, rotate: 1, deleteOldest: 1 }
}

/** Agents are killed with much in flight, and stay away for a while; the aggregators are slow. */
function restarts(random: Random): Partial<Climate> {
  // Either everybody but the network is quick, or the aggregators are late.
  const isPrompt = random.chance(0.5)
  const base = { copy: 0, scrap: 0, crash: 1.5, brokerTurn: 0 }
  if (isPrompt)
    return { ...base, start: 8, refusal: 0, aggregatorTurn: 12, pause: 0, reroute: 0, closeTopic: 0 }
  return { ...base, start: random.pick([1, 4]), aggregatorTurn: random.pick([0, 2]), pause: 3 }
}
