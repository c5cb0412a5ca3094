// One seed, one story: a cluster of real cores in a world that goes wrong in the ways the seed has drawn, looked at
// after every event; then the faults end, and what is left of the cluster must come to rest with nothing missing.
import {
  type BrokerRegistration,
  type ControllerRegistration,
  keys,
  type PartitionMeta,
} from '../../broker/controller/cluster-state.ts'
import { SimBroker, type SimWorld } from './broker.ts'
import { Checker, missingFrom } from './checker.ts'
import { SimConsumer, SimProducer } from './client.ts'
import { GroupChecker } from './group-checker.ts'
import { SimMember } from './group-member.ts'
import { Nemesis } from './nemesis.ts'
import { Network } from './network.ts'
import { SimProcess } from './process.ts'
import { drain, inVirtualTime, Scheduler } from './scheduler.ts'
import { StoreServer } from './store-server.ts'
import { drawSwarm } from './swarm.ts'

export interface Outcome {
  readonly seed: number
  readonly violations: readonly string[]
  readonly traceHash: number
  readonly events: number
  readonly virtualMs: number
  readonly tally: ReadonlyMap<string, number>
  /** What happened, if it was to be told. */
  readonly trace: readonly string[]
}

const safetyMs = 15_000
const livenessMs = 40_000

export function simulate(seed: number, isTold = false): Promise<Outcome> {
  const scheduler = new Scheduler(seed, isTold)
  const inName = (delayMs: number, run: () => void) => {
    const { current } = SimProcess
    if (current) current.after(delayMs, 'timer', run)
    else scheduler.after(delayMs, 'timer', run)
  }
  return inVirtualTime(scheduler, inName, () => new Simulation(seed, scheduler).run())
}

class Simulation {
  readonly #seed: number
  readonly #scheduler: Scheduler
  readonly #world: SimWorld
  readonly #nemesis: Nemesis
  readonly #producers: SimProducer[] = []
  readonly #consumers: SimConsumer[] = []
  readonly #members: SimMember[] = []

  constructor(seed: number, scheduler: Scheduler) {
    this.#seed = seed
    this.#scheduler = scheduler
    const swarm = drawSwarm(scheduler.random)
    scheduler.note(JSON.stringify(swarm))
    const brokers: SimBroker[] = []
    const network = new Network(scheduler, swarm)
    const server = new StoreServer()
    const checker = new Checker(swarm.partitions + 1, brokers, text => scheduler.note(text))
    // One partition more, for what groups commit.
    const groups = new GroupChecker(checker, swarm.partitions)
    this.#world = { scheduler, network, server, swarm, checker, groups, brokers, batches: 0, isCalm: true }
    for (let id = 1; id <= swarm.brokers; id++) brokers.push(new SimBroker(id, this.#world))
    const thinkMs = () => (this.#world.isCalm ? 5 : scheduler.between(1, 2 * swarm.thinkMs))
    for (let index = 0; index < swarm.producers; index++) {
      const partition = index % swarm.partitions
      this.#producers.push(new SimProducer(100 + index, partition, swarm, this.#world, thinkMs))
    }
    for (let index = 0; index < swarm.partitions; index++) {
      this.#consumers.push(new SimConsumer(200 + index, index, this.#world))
    }
    for (let index = 0; index < swarm.members; index++) {
      this.#members.push(new SimMember(300 + index, swarm.partitions, swarm.memberSleeps, this.#world))
    }
    this.#nemesis = new Nemesis(this.#world)
    server.onCommit((key, entry) =>
      this.#committed(key, entry && JSON.parse(Buffer.from(entry.value).toString())),
    )
  }

  async run(): Promise<Outcome> {
    const { brokers, checker, swarm, server } = this.#world
    const expire = () => {
      server.expire(this.#scheduler.nowMs)
      this.#scheduler.after(50, 'sessions', expire)
    }
    expire()
    for (const broker of brokers) broker.boot()
    const isReady = () => checker.truths.every(({ leaderOf }) => leaderOf.size > 0)
    await this.#until(20_000, isReady)
    if (!isReady()) checker.fail('liveness', 'the cluster did not begin')
    const clients = [...this.#producers, ...this.#consumers, ...this.#members]
    for (const each of clients) each.next(this.#scheduler.between(0, swarm.thinkMs))
    this.#world.isCalm = false
    this.#world.network.disturb()
    this.#nemesis.begin()
    await this.#until(safetyMs, () => false)
    const core = this.#nemesis.end()
    await this.#until(livenessMs, () => this.#unsettled(core) === null)
    const unsettled = this.#unsettled(core)
    if (unsettled !== null && checker.violations.length === 0) checker.fail('liveness', unsettled)
    return {
      seed: this.#seed,
      violations: checker.violations,
      traceHash: this.#scheduler.traceHash,
      events: this.#scheduler.executed,
      virtualMs: this.#scheduler.nowMs,
      tally: checker.tally,
      trace: this.#scheduler.trace ?? [],
    }
  }

  /** Until it is so, the time is over, or something is wrong. */
  async #until(durationMs: number, isSo: () => boolean): Promise<void> {
    const endMs = this.#scheduler.nowMs + durationMs
    let lookMs = 0
    while (this.#scheduler.nowMs < endMs && this.#world.checker.violations.length === 0) {
      SimProcess.current = null
      if (!this.#scheduler.runNext()) return
      await drain()
      if (this.#scheduler.nowMs < lookMs) continue
      lookMs = this.#scheduler.nowMs + 100
      if (isSo()) return
    }
  }

  #committed(key: string, value: unknown): void {
    const { checker, swarm, scheduler, brokers } = this.#world
    const [room, what, part, index] = key.split('/')
    if (room === 'topics' && part === 'p' && value) {
      const meta = value as PartitionMeta
      const { leader, leaderEpoch, partitionEpoch, controllerEpoch, isr, elr = [] } = meta
      const sets = `in sync ${isr}, eligible ${elr}, by ${controllerEpoch}`
      scheduler.note(`store: ${index} is led by ${leader} in epoch ${leaderEpoch}.${partitionEpoch}, ${sets}`)
      checker.stored(Number(index), meta, swarm.minIsr)
    }
    if (key === keys.controller) {
      const id = (value as ControllerRegistration | null)?.brokerId ?? 'nobody'
      scheduler.note(`store: the controller is ${id}`)
    }
    if (room === 'brokers' && what === 'ids') {
      const id = Number(part)
      scheduler.note(`store: broker ${id} is ${value ? 'registered' : 'gone'}`)
      // Of this disk, not what an earlier one had still on its way.
      const isPresent = (value as BrokerRegistration | null)?.directoryId === brokers[id - 1]!.directoryId
      if (!isPresent) return
      checker.registered(id)
      brokers[id - 1]!.isWiped = false
    }
  }

  /** What keeps the core from being at rest, or null. */
  #unsettled(core: readonly SimBroker[]): string | null {
    const { checker, server } = this.#world
    const writing = this.#producers.find(({ isDone }) => !isDone)
    if (writing) return `producer ${writing.id} has ${writing.acknowledged} acknowledged and waits`
    for (const { id } of core) if (!server.get(keys.broker(id))) return `broker ${id} is not registered`
    for (const [index, truth] of checker.truths.entries()) {
      const { stored, visible } = truth
      if (!stored || stored.leader < 0) return `nobody leads ${index}`
      const members = core.filter(({ id }) => stored.replicas.includes(id))
      for (const broker of members) {
        if (!stored.isr.includes(broker.id)) return `${broker.id} is not in sync with ${index}: ${stored.isr}`
        const log = broker.logs[index]!
        if (log.end !== visible.length || missingFrom(truth, log) >= 0) {
          return `${broker.id} has ${index} up to ${log.end}, ${visible.length} are visible`
        }
      }
      if (stored.isr.length !== members.length) return `${stored.isr} are in sync with ${index}, not the core`
    }
    const reading = this.#consumers.find(
      ({ index, position }) => position < checker.truths[index]!.visible.length,
    )
    if (reading) return `consumer ${reading.id} has read up to ${reading.position}`
    return this.#members.find(({ isSettled }) => !isSettled)?.standing ?? null
  }
}
