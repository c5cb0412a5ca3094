// The faults of the catalogue that need signals alone, by their number in it, and the windows they come in: every few
// seconds another one, a quarter of the windows calm, each healed before the next. Touches the brokers it is given.
import type { Brokers, LeaderWatch } from './brokers.ts'
import type { Random } from './random.ts'

export interface Scene {
  readonly brokers: Brokers
  readonly watch: LeaderWatch
  readonly random: Random
}

export interface Fault {
  readonly number: string
  readonly title: string
  /** How many brokers there must be for it to be another fault than those before it. */
  readonly brokersMin: number
  /** Whether leadership has to move, or at least begin a new epoch. */
  readonly movesLeaders: boolean
  /** Injects it and heals it. Returns in words what was done. */
  readonly strike: (scene: Scene) => Promise<string>
}

/** Of a broker at the store. */
const sessionMs = 2_000

export const faults: readonly Fault[] = [
  {
    number: 'F1',
    title: 'kill -9 of the busiest leader, again and again',
    brokersMin: 1,
    movesLeaders: true,
    async strike(scene) {
      const times = 1 + scene.random.below(3)
      const killed: number[] = []
      for (let time = 0; time < times; time++) {
        const id = busiestLeader(scene)
        killed.push(id)
        await scene.brokers.killAndAwait([id])
        await rest(scene.random.between(200, 1_500))
      }
      return `killed ${killed.join(', ')}`
    },
  },
  {
    number: 'F2',
    title: 'kill -9 of the controller',
    brokersMin: 2,
    movesLeaders: true,
    async strike(scene) {
      const id = controller(scene)
      await scene.brokers.killAndAwait([id])
      return `killed ${id}`
    },
  },
  {
    number: 'F3',
    title: 'kill -9 of everything at once',
    brokersMin: 1,
    movesLeaders: true,
    async strike({ brokers }) {
      await brokers.killAndAwait(brokers.ids)
      return `killed ${brokers.ids.join(', ')}`
    },
  },
  {
    number: 'F4',
    title: 'a clean restart of each in turn',
    brokersMin: 1,
    movesLeaders: true,
    async strike({ brokers }) {
      for (const id of brokers.ids) {
        await brokers.killAndAwait([id], 'SIGTERM')
        await rest(500)
      }
      return `restarted ${brokers.ids.join(', ')}`
    },
  },
  {
    number: 'F5',
    title: 'a leader stopped for longer than its session',
    brokersMin: 1,
    movesLeaders: true,
    async strike(scene) {
      const id = busiestLeader(scene)
      const forMs = scene.random.between(1.5, 3) * sessionMs
      await scene.brokers.pause(id, forMs)
      return `stopped ${id} for ${Math.round(forMs)} ms`
    },
  },
  {
    number: 'F6',
    title: 'the controller stopped for longer than its session',
    brokersMin: 2,
    movesLeaders: true,
    async strike(scene) {
      const id = controller(scene)
      const forMs = scene.random.between(1.5, 3) * sessionMs
      await scene.brokers.pause(id, forMs)
      return `stopped ${id} for ${Math.round(forMs)} ms`
    },
  },
  {
    number: 'F5+F32',
    title: 'all stalled but the busiest leader, which is stopped past its session as they go on',
    brokersMin: 2,
    movesLeaders: true,
    async strike({ brokers, watch, random }) {
      const id = busiestLeader({ brokers, watch, random })
      const others = brokers.ids.filter(other => other !== id)
      for (const other of others) brokers.signal(other, 'SIGSTOP')
      // What it acknowledges now nobody else has, and it is not there when they elect another. A kill would not do:
      // it would be back, with all it has, before they had.
      await rest(random.between(0.2, 0.4) * sessionMs)
      const paused = brokers.pause(id, 2 * sessionMs)
      for (const other of others) brokers.signal(other, 'SIGCONT')
      await paused
      return `stalled ${others.join(', ')}, stopped ${id}`
    },
  },
  {
    number: 'F32',
    title: 'stalls within the session',
    brokersMin: 1,
    movesLeaders: false,
    async strike({ brokers, random }) {
      const id = random.pick(brokers.ids)
      const forMs = random.between(100, 0.5 * sessionMs)
      await brokers.pause(id, forMs)
      return `stopped ${id} for ${Math.round(forMs)} ms`
    },
  },
]

/** In the catalogue, and in need of more than signals: a visible hole, not a pass. */
export const notInjected = 'F7-F31, F33-F42 (network, disk, clock, memory: not by signals)'

const windowMs = { least: 5_000, most: 20_000 }
const calmShare = 0.25

/** Window after window until time is up. Every class comes once before any comes again, so that short runs see most. */
export async function strikeUntil(
  scene: Scene,
  endMs: number,
  note: (fault: string, what: string) => void,
): Promise<void> {
  const { brokers, random } = scene
  const possible = faults.filter(fault => fault.brokersMin <= brokers.ids.length)
  let waiting: Fault[] = []
  while (performance.now() < endMs) {
    const startedMs = performance.now()
    const lengthMs = random.between(windowMs.least, windowMs.most)
    if (random.fraction() < calmShare) note('calm', `${Math.round(lengthMs)} ms`)
    else {
      if (waiting.length === 0) waiting = [...possible]
      const [fault] = waiting.splice(random.below(waiting.length), 1)
      note(fault!.number, fault!.title)
      await fault!.strike(scene)
      await brokers.heal()
    }
    await rest(Math.min(startedMs + lengthMs, endMs) - performance.now())
  }
}

/** Who leads most of the topic. */
function busiestLeader({ brokers, watch }: Scene): number {
  const led = new Map<number, number>(brokers.ids.map(id => [id, 0]))
  for (const { leader } of watch.leaders()) led.set(leader, (led.get(leader) ?? 0) + 1)
  return [...led].sort(([, one], [, other]) => other - one)[0]![0]
}

function controller({ brokers, watch }: Scene): number {
  return brokers.ids.includes(watch.controllerId) ? watch.controllerId : brokers.ids[0]!
}

function rest(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, Math.max(0, ms)))
}
