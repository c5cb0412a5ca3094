// The world of one seed: who acts when, how everything comes to rest, and the verdict. Pure.
import { Aggregator, Store } from './aggregator.ts'
import { Broker, type Connection, type LogRecord } from './broker.ts'
import { type Climate, climateOf } from './climate.ts'
import { Hosts } from './hosts.ts'
import { judge, type Verdict } from './oracle.ts'
import { Producer } from './producer.ts'
import { hash, Random } from './random.ts'
import { Rebuild } from './rebuild.ts'
import type { Rules } from './rules.ts'
import type { Scene } from './scene.ts'

/** Who acts, how often, and what then happens. */
type Event = [who: string, weight: number, happens: () => void]

/** One seed's world: machines with files and agents, a broker, two aggregators, and somebody else's producer. */
export class World implements Scene {
  now = 0
  wallClock = 5
  readonly random: Random
  readonly rules: Rules
  readonly tell: (sentence: () => string) => void

  readonly #broker = new Broker()
  readonly #store = new Store()
  readonly #hosts: Hosts
  readonly #aggregators: Aggregator[]
  readonly #stranger: Producer<{ record: LogRecord }>
  readonly #climate: Climate
  #rebuild: Rebuild | null = null
  #asleep = ''
  #asleepUntil = 0
  readonly #events: Event[]
  readonly #weight: number

  constructor(seed: number, rules: Rules, tell: (sentence: () => string) => void) {
    this.random = new Random(seed)
    this.rules = rules
    this.tell = sentence => tell(() => `${String(this.now).padStart(3)} ${sentence()}`)
    this.#broker.grow(2)
    this.#climate = climateOf(seed, this.random)
    this.#aggregators = ['aggregator', 'zombie'].map(name => new Aggregator(name, this.#store, this.#broker))
    this.#broker.impatientPid = this.#broker.initProducerId()
    this.#stranger = new Producer('stranger', this.#broker, this.#broker.impatientPid)
    this.#hosts = new Hosts(this, this.#broker, this.#climate.quietAfter)
    this.#events = [...this.#happenings(), ...this.#agentsWork(), ...this.#serversWork()]
    this.#weight = this.#events.reduce((sum, [, weight]) => sum + weight, 0)
  }

  #happenings(): Event[] {
    const hosts = this.#hosts
    const climate = this.#climate
    return [
      ['app', 10, () => hosts.write()],
      ['app', climate.rotate, () => hosts.rotate()],
      ['app', climate.truncate, () => hosts.truncate()],
      ['app', climate.deleteOldest, () => hosts.deleteOldest()],
      ['', climate.losePower, () => hosts.losePower()],
      ['', climate.loseCheckpoint, () => hosts.loseCheckpoint()],
      ['', climate.fillDisk, () => hosts.fillDisk()],
      ['', climate.copy, () => hosts.copy()],
      ['', climate.scrap, () => hosts.scrap()],
      ['', climate.closeTopic, () => this.#closeTopic()],
      ['', climate.turnClockBack, () => this.#turnClockBack()],
      ['', climate.pause, () => this.#pause()],
    ]
  }

  #agentsWork(): Event[] {
    const hosts = this.#hosts
    const climate = this.#climate
    return [
      ['agents', 14, () => hosts.onAgent(agent => agent.look(this))],
      ['agents', 8, () => hosts.onAgent(agent => agent.save(this))],
      ['agents', 4, () => hosts.onAgent(agent => agent.ledger())],
      ['agents', 3, () => hosts.onAgent(agent => agent.announce(this))],
      ['agents', 3, () => hosts.onAgent(agent => agent.declare(this))],
      ['agents', 12, () => hosts.onAgent(agent => hosts.send(agent))],
      ['agents', 10, () => hosts.onAgent(agent => agent.receive(this))],
      ['agents', climate.agentTurn, () => hosts.onAgent(agent => hosts.work(agent))],
      ['agents', climate.reconnect, () => hosts.onAgent(agent => agent.reconnect(this))],
      ['', climate.crash, () => hosts.onAgent(agent => agent.crash(this))],
      ['', climate.reroute, () => hosts.onAgent(agent => hosts.reroute(agent))],
      ['starts', climate.start, () => hosts.startOne()],
    ]
  }

  #serversWork(): Event[] {
    const { random } = this
    const climate = this.#climate
    const few = (): number => 1 + random.below(8)
    const fold = (partition: number): void => this.#aggregator().fold(partition, few(), this)
    return [
      ['broker', 20, () => this.#serve()],
      ['broker', climate.brokerTurn, () => this.#serve(8)],
      ['broker', climate.retain, () => this.#retain()],
      ['stranger', 2, () => this.#stranger.enqueue(random.below(2), { record: this.#strangersLine() })],
      ['stranger', 4, () => this.#strangerSends()],
      ['stranger', 4, () => this.#stranger.receive(this)],
      ['stranger', climate.reconnect / 2, () => this.#stranger.reconnect(this)],
      ['aggregators', climate.fold, () => this.#onPartition(fold)],
      ['aggregators', climate.fold, () => this.#onPartition(p => this.#aggregator().commit(p, this))],
      ['aggregators', climate.aggregatorTurn, () => this.#pass()],
      ['aggregators', 3, () => this.#onPartition(p => this.#rebuild?.fold(p, few(), this))],
      ['aggregators', 1, () => this.#onPartition(p => this.#rebuild?.swap(p, this))],
      ['', climate.aggregatorCrash, () => this.#aggregator().crash(this)],
      ['', climate.rebuild, () => this.#startRebuild()],
      ['', 3, () => this.#store.maintain(this.#broker, this)],
    ]
  }

  step(): void {
    this.now += 1
    if (this.now % 16 === 0) this.wallClock += 1
    if (this.now % 8 === 0) this.#broker.age(this.now)
    this.#hosts.watchSilence()
    let ticket = (this.random.next() / 0x1_0000_0000) * this.#weight
    for (const [who, weight, happens] of this.#events) {
      ticket -= weight
      if (ticket >= 0) continue
      if (who !== this.#asleep || this.now > this.#asleepUntil) happens()
      return
    }
  }

  /** The faults stop, everybody comes back, and all that can be delivered is. Then the oracle speaks, twice. */
  judge(): Verdict {
    this.tell(() => 'the faults stop')
    this.#hosts.heal()
    this.#broker.topicDownUntil = 0
    if (!this.#settles()) return { violations: ['the world does not come to rest'], tally: new Map() }
    const verdict = judge(this.#hosts, this.#store, this.#broker)
    // Whatever a rebuild finds in the retained log must come to the same.
    this.#rebuild = new Rebuild(this.#store, this.#broker)
    for (const partition of this.#broker.partitions.keys()) this.#aggregate(partition)
    return verdict.violations.length > 0 ? verdict : judge(this.#hosts, this.#store, this.#broker)
  }

  #settles(): boolean {
    let before = ''
    for (let round = 0, quiet = 0; quiet < 3; round += 1) {
      if (round > 100) return false
      for (let turn = 0; turn < 40; turn += 1) this.#everybodyWorks()
      for (const partition of this.#broker.partitions.keys()) this.#aggregate(partition)
      this.#store.maintain(this.#broker, this)
      this.now += 1
      if (round % 8 === 0) this.#broker.age(this.now)
      const after = this.#progress()
      quiet = after === before ? quiet + 1 : 0
      before = after
    }
    return true
  }

  #everybodyWorks(): void {
    for (const agent of this.#hosts.agents) {
      agent.look(this)
      agent.ledger()
      agent.save(this)
      agent.announce(this)
      agent.declare(this)
      agent.send(this)
    }
    this.#strangerSends()
    for (const connection of [...this.#broker.connections]) this.#broker.serve(connection, this, 0)
    this.#stranger.receive(this)
    for (const agent of this.#hosts.agents) agent.receive(this)
  }

  #aggregate(partition: number): void {
    for (const aggregator of this.#aggregators) {
      aggregator.fold(partition, 50, this)
      aggregator.commit(partition, this)
      aggregator.commit(partition, this)
    }
    this.#rebuild?.fold(partition, 500, this)
    this.#rebuild?.swap(partition, this)
  }

  #progress(): string {
    const ends = this.#broker.partitions.map(partition => partition.records.length)
    const waiting = this.#broker.connections.map(connection => connection.requests.length)
    const { main } = this.#store
    return `${ends} ${waiting} ${main.next} ${this.#broker.declarations.length} ${this.#broker.ledger.length}`
  }

  #onPartition(act: (partition: number) => void): void {
    act(this.random.below(this.#broker.partitions.length))
  }

  #aggregator(): Aggregator {
    return this.random.pick(this.#aggregators)
  }

  /** An aggregator that nothing disturbs, over everything there is. */
  #pass(): void {
    const aggregator = this.#aggregator()
    for (const partition of this.#broker.partitions.keys()) {
      aggregator.fold(partition, 20, this)
      aggregator.commit(partition, this)
    }
    this.#store.maintain(this.#broker, this)
  }

  #serve(count = 1): void {
    const isReady = ({ requests, heldUntil }: Connection): boolean =>
      requests.length > 0 && heldUntil <= this.now
    const ready = this.#broker.connections.filter(isReady)
    if (ready.length === 0) return
    const connection = this.random.pick(ready)
    // What a dead client left in its socket arrives in order, in part or not at all.
    if (!connection.clientAlive && this.random.chance(0.1)) connection.requests.length = 0
    this.#broker.serve(connection, this, this.#climate.refusal)
    if (count > 1) this.#serve(count - 1)
  }

  /** One kind of actor stands still for a while: stopped, starved or cut off. */
  #pause(): void {
    this.#asleep = this.random.pick(['app', 'agents', 'starts', 'broker', 'aggregators'])
    this.#asleepUntil = this.now + 20 + this.random.below(120)
    this.tell(() => `${this.#asleep}: asleep until ${this.#asleepUntil}`)
  }

  #closeTopic(): void {
    this.#broker.topicDownUntil = this.now + 20 + this.random.below(60)
    this.tell(() => `broker: the agents' topic takes nothing until ${this.#broker.topicDownUntil}`)
  }

  #turnClockBack(): void {
    this.wallClock = Math.max(1, this.wallClock - this.random.below(6))
  }

  #startRebuild(): void {
    if (!this.#rebuild || this.#rebuild.finished) this.#rebuild = new Rebuild(this.#store, this.#broker)
  }

  #strangerSends(): void {
    if (this.#stranger.broken) this.#stranger.reconnect(this)
    this.#stranger.pump(this, () => true)
  }

  #strangersLine(): LogRecord {
    const { lines } = this.#hosts
    const id = lines.length
    lines.push({ id, text: '', header: false, continues: false, places: [] })
    return { src: null, pos: 0, lines: [id], bucket: hash(`${id}`) % 8 }
  }

  #retain(): void {
    const partition = this.random.below(this.#broker.partitions.length)
    const log = this.#broker.partitions[partition]!
    const read = this.#store.main.next[partition] ?? 0
    // Mostly the aggregators have passed what goes; with a small disk, not always.
    const limit = this.random.chance(0.05) ? log.records.length : read
    if (limit > log.start) log.start += 1 + this.random.below(limit - log.start)
    this.tell(() => `broker: p${partition} now begins at ${log.start}`)
  }
}
