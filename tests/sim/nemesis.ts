// Does to a simulated cluster what its seed has drawn, and in the end heals what is to be healed. Wiping disks is
// bounded: never one while another broker has not caught up since it lost its own, for two lost disks may lose data.
import type { SimBroker, SimWorld } from './broker.ts'
import { storeNode } from './network.ts'
import { drawFault, type Fault } from './swarm.ts'

export class Nemesis {
  readonly #world: SimWorld
  #isOver = false

  constructor(world: SimWorld) {
    this.#world = world
  }

  begin(): void {
    const { scheduler, swarm } = this.#world
    scheduler.after(scheduler.between(swarm.faultEveryMs / 2, 2 * swarm.faultEveryMs), 'a fault', () => {
      if (this.#isOver) return
      this.#strike(drawFault(swarm.weights, scheduler.random))
      this.begin()
    })
  }

  /** No more faults, and everything in the core is well; what is not in the core is away for good. */
  end(): readonly SimBroker[] {
    const { network, brokers, scheduler } = this.#world
    this.#isOver = true
    this.#world.isCalm = true
    network.heal()
    network.calm()
    const spare = scheduler.random.pick(brokers)
    const isSpared = !this.#isNeeded(spare)
    const core = brokers.filter(broker => broker !== spare || !isSpared)
    scheduler.note(`faults are over, the core is ${core.map(({ id }) => id)}`)
    if (isSpared) {
      spare.crash(false)
      spare.isRetired = true
    }
    for (const broker of core) broker.process.resume()
    this.#watchOver(core)
    return core
  }

  /** As a supervisor. */
  #watchOver(core: readonly SimBroker[]): void {
    for (const broker of core) broker.boot()
    this.#world.scheduler.after(500, 'the supervisor looks', () => this.#watchOver(core))
  }

  /** Without it some partition could not be led, or not be written. */
  #isNeeded({ id }: SimBroker): boolean {
    const { checker, swarm, brokers } = this.#world
    if (swarm.replicationFactor < 3 || brokers.some(({ isWiped }) => isWiped)) return true
    return checker.truths.some(({ stored }) => {
      if (!stored) return true
      const others = [...stored.isr, ...(stored.elr ?? [])].filter(other => other !== id)
      return others.length === 0
    })
  }

  #strike(fault: Fault): void {
    const { scheduler, brokers, checker, swarm } = this.#world
    const broker = this.#target()
    const { id } = broker
    checker.count(fault)
    switch (fault) {
      case 'kill':
      case 'powerCut':
        broker.crash(fault === 'powerCut')
        this.#later(broker)
        break
      case 'powerCutOfAll':
        for (const each of brokers) {
          each.crash(true)
          this.#later(each)
        }
        break
      case 'wipe':
        if (this.#mayWipe(broker)) {
          broker.wipe()
          this.#later(broker)
        }
        break
      case 'cleanStop':
        broker.stopCleanly()
        scheduler.after(1_500 + scheduler.between(0, swarm.downMs), `${id} is started`, () =>
          this.#restart(broker),
        )
        break
      case 'pause':
        scheduler.note(`broker ${id} is stopped`)
        broker.process.pause()
        scheduler.after(scheduler.between(100, 6_000), `${id} is resumed`, () => {
          scheduler.note(`broker ${id} is resumed`)
          broker.process.resume()
        })
        break
      default:
        this.#disturb(fault, broker)
    }
  }

  #disturb(fault: Fault, { id }: SimBroker): void {
    const { network, brokers, scheduler } = this.#world
    scheduler.note(`${fault} ${id}`)
    const others = brokers.filter(broker => broker.id !== id)
    const clients = [100, 101, 102, 200, 201, 300, 301, 302]
    if (fault === 'heal') network.heal()
    else if (fault === 'preferred') for (const broker of brokers) broker.prefer()
    else if (fault === 'isolate')
      for (const other of [storeNode, ...others.map(each => each.id), ...clients]) this.#cut(id, other)
    else if (fault === 'cutFromStore') this.#cut(id, storeNode)
    else if (fault === 'oneWay')
      network.cut(id, scheduler.random.chance(0.3) ? storeNode : scheduler.random.pick(others).id)
    else if (fault === 'split') {
      const side = brokers.filter(() => scheduler.random.chance(0.5))
      for (const one of side)
        for (const other of brokers) if (!side.includes(other)) this.#cut(one.id, other.id)
    } else if (fault === 'clog') {
      network.clog(id, scheduler.random.pick(others).id, scheduler.nowMs + scheduler.between(50, 5_000))
    }
  }

  #cut(one: number, other: number): void {
    this.#world.network.cut(one, other)
    this.#world.network.cut(other, one)
  }

  /** Leaders are where it hurts. */
  #target(): SimBroker {
    const { scheduler, brokers, checker } = this.#world
    const leader = scheduler.random.pick(checker.truths).stored?.leader ?? -1
    return leader > 0 && scheduler.random.chance(0.5) ? brokers[leader - 1]! : scheduler.random.pick(brokers)
  }

  #mayWipe(broker: SimBroker): boolean {
    const { checker, brokers, swarm } = this.#world
    if (swarm.replicationFactor < 3) return false
    return (
      checker.truths.every(({ stored }) => {
        if (!stored) return false
        const holders = [...new Set([...stored.isr, ...(stored.elr ?? [])])]
        return holders.filter(id => id !== broker.id && !brokers[id - 1]!.isWiped).length > 0
      }) && brokers.every(each => !each.isWiped)
    )
  }

  #later(broker: SimBroker): void {
    const { scheduler, swarm } = this.#world
    scheduler.after(scheduler.between(50, swarm.downMs), `${broker.id} is started`, () =>
      this.#restart(broker),
    )
  }

  #restart(broker: SimBroker): void {
    if (!this.#isOver) broker.boot()
  }
}
