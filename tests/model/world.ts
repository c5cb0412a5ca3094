import { Agent } from './agent.ts'
import { Aggregator, Store } from './aggregator.ts'
import { Broker, type LogRecord } from './broker.ts'
import { Disk, type Line } from './disk.ts'
import type { Truth } from './oracle.ts'
import { Producer } from './producer.ts'
import { hash, Random } from './random.ts'
import { Rebuild } from './rebuild.ts'
import type { Rules } from './rules.ts'
import { idleSteps, type Scene } from './scene.ts'

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
  readonly #lines: Line[] = []
  readonly #agents: Agent[] = []
  readonly #aggregators: Aggregator[]
  readonly #stranger: Producer<{ record: LogRecord }>
  readonly #agentOfFile = new Map<number, string>()
  readonly #copied = new Set<string>()
  readonly #silent = new Set<string>()
  readonly #refusal: number
  /** Our broker refuses a second live instance of an agent id; Kafka does not. Neither may matter. */
  #refusesTwins: boolean
  #rebuild: Rebuild | null = null
  #scrapped = false
  #files = 0
  #routings = 0
  #asleep = ''
  #asleepUntil = 0
  readonly #events: Event[]
  #weight: number

  constructor(seed: number, rules: Rules, tell: (sentence: () => string) => void) {
    this.random = new Random(seed)
    this.rules = rules
    this.tell = sentence => tell(() => `${String(this.now).padStart(3)} ${sentence()}`)
    this.#broker.grow(2)
    this.#refusal = this.random.pick([0, 0.1, 0.3])
    this.#refusesTwins = this.random.chance(0.5)
    this.#aggregators = ['aggregator', 'zombie'].map(name => new Aggregator(name, this.#store, this.#broker))
    this.#broker.impatientPid = this.#broker.initProducerId()
    this.#stranger = new Producer('stranger', this.#broker, this.#broker.impatientPid)
    const disk = new Disk(this.#lines, () => this.#files++)
    this.#agents.push(new Agent('a1', 'agent', disk, this.#broker, this.#newRouting()))
    this.#events = this.#schedule()
    this.#weight = this.#events.reduce((sum, [, weight]) => sum + weight, 0)
  }

  get truth(): Truth {
    return {
      lines: this.#lines,
      agentOfFile: this.#agentOfFile,
      copied: this.#copied,
      silent: this.#silent,
    }
  }

  get store(): Store {
    return this.#store
  }

  get broker(): Broker {
    return this.#broker
  }

  /** Each seed draws its own mixture of faults: some worlds rotate all day, others only lose sockets. */
  #schedule(): Event[] {
    return [...this.#scheduleApp(), ...this.#scheduleAgents(), ...this.#scheduleRest()]
  }

  #rare(weight: number): number {
    return this.random.chance(0.4) ? weight * this.random.below(4) : 0
  }

  #scheduleApp(): Event[] {
    return [
      ['app', 10, () => this.#writeLines()],
      ['app', this.#rare(1), () => this.#rotate()],
      ['app', this.#rare(1), () => this.#truncate()],
      ['app', this.#rare(1), () => this.#deleteOldest()],
      ['', this.#rare(0.4), () => this.#losePower()],
      ['', this.#rare(0.2), () => this.#loseCheckpoint()],
      ['', this.#rare(0.3), () => this.#copyMachine()],
      ['', this.#rare(0.3), () => this.#scrapMachine()],
      ['', this.#rare(1), () => this.#turnClockBack()],
      ['', this.#rare(1.5), () => this.#pause()],
    ]
  }

  #scheduleAgents(): Event[] {
    const random = this.random
    return [
      ['agents', 14, () => this.#onAgent(agent => agent.look(this))],
      ['agents', 8, () => this.#onAgent(agent => agent.save(this))],
      ['agents', 4, () => this.#onAgent(agent => agent.ledger())],
      ['agents', 4, () => this.#onAgent(agent => agent.declare(this))],
      ['agents', 12, () => this.#onAgent(agent => this.#isRefused(agent) || agent.send(this))],
      ['agents', 10, () => this.#onAgent(agent => agent.receive(this))],
      ['agents', this.#rare(1), () => this.#onAgent(agent => agent.reconnect(this))],
      ['', this.#rare(1), () => this.#onAgent(agent => agent.crash(this))],
      ['', this.#rare(0.5), () => this.#onAgent(agent => this.#reroute(agent))],
      ['starts', random.pick([2, 2, 0.3]), () => this.#startAgent()],
      ['stranger', 2, () => this.#stranger.enqueue(random.below(2), { record: this.#strangersLine() })],
      ['stranger', 4, () => this.#strangerSends()],
      ['stranger', 4, () => this.#stranger.receive(this)],
      ['stranger', this.#rare(0.5), () => this.#stranger.reconnect(this)],
    ]
  }

  #scheduleRest(): Event[] {
    const { random } = this
    const few = (): number => 1 + random.below(8)
    return [
      ['broker', 20, () => this.#serve()],
      ['broker', this.#rare(1), () => this.#retain()],
      [
        'aggregators',
        random.pick([10, 10, 2]),
        () => this.#onPartition(p => this.#aggregator().fold(p, few(), this)),
      ],
      [
        'aggregators',
        random.pick([8, 8, 2]),
        () => this.#onPartition(p => this.#aggregator().commit(p, this)),
      ],
      ['', this.#rare(0.6), () => this.#aggregator().crash(this)],
      ['', 3, () => this.#store.maintain(this.#broker, this)],
      ['', this.#rare(0.3), () => this.#startRebuild()],
      ['aggregators', 3, () => this.#onPartition(p => this.#rebuild?.fold(p, few(), this))],
      ['aggregators', 1, () => this.#onPartition(p => this.#rebuild?.swap(p, this))],
    ]
  }

  step(): void {
    this.now += 1
    if (this.now % 16 === 0) this.wallClock += 1
    if (this.now % 8 === 0) this.#broker.age(this.now)
    for (const [agent, at] of this.#broker.heardAt) {
      if (this.now - at > idleSteps) this.#silent.add(agent)
    }
    let ticket = (this.random.next() / 0x1_0000_0000) * this.#weight
    for (const [who, weight, happens] of this.#events) {
      ticket -= weight
      if (ticket >= 0) continue
      if (who !== this.#asleep || this.now > this.#asleepUntil) happens()
      return
    }
  }

  /** The faults stop, everybody comes back, and all that can be delivered is. */
  settle(): void {
    this.tell(() => 'the faults stop')
    this.#refusesTwins = false
    for (const agent of this.#agents) if (!agent.alive) agent.start(this)
    let before = ''
    for (let round = 0, quiet = 0; quiet < 3; round += 1) {
      if (round > 400) throw new Error('the world does not come to rest')
      for (let turn = 0; turn < 40; turn += 1) for (const agent of this.#agents) this.#work(agent)
      for (let turn = 0; turn < 4; turn += 1) {
        this.#strangerSends()
        for (const connection of [...this.#broker.connections]) this.#broker.serve(connection, this, 0)
        this.#stranger.receive(this)
      }
      for (const partition of this.#broker.partitions.keys()) this.#aggregate(partition)
      this.#store.maintain(this.#broker, this)
      this.now += 1
      if (round % 8 === 0) this.#broker.age(this.now)
      const after = this.#progress()
      quiet = after === before ? quiet + 1 : 0
      before = after
    }
  }

  #work(agent: Agent): void {
    agent.look(this)
    agent.ledger()
    agent.save(this)
    agent.declare(this)
    agent.send(this)
    for (const connection of [...this.#broker.connections]) this.#broker.serve(connection, this, 0)
    agent.receive(this)
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

  #onAgent(act: (agent: Agent) => void): void {
    const alive = this.#agents.filter(agent => agent.alive)
    if (alive.length > 0) act(this.random.pick(alive))
  }

  #onPartition(act: (partition: number) => void): void {
    act(this.random.below(this.#broker.partitions.length))
  }

  #aggregator(): Aggregator {
    return this.random.pick(this.#aggregators)
  }

  /** The one that was there first is served; the other waits until it is gone. */
  #isRefused(agent: Agent): boolean {
    return this.#refusesTwins && this.#agents.find(other => other.alive && other.id === agent.id) !== agent
  }

  #serve(): void {
    const busy = this.#broker.connections.filter(connection => connection.requests.length > 0)
    if (busy.length === 0) return
    const connection = this.random.pick(busy)
    // What a dead client left in its socket arrives late, in order, in part or not at all.
    if (!connection.clientAlive && this.random.chance(0.5)) return
    if (!connection.clientAlive && this.random.chance(0.1)) connection.requests.length = 0
    this.#broker.serve(connection, this, this.#refusal)
  }

  #newRouting() {
    const partitions = this.#broker.partitions.length + (this.#routings > 0 ? this.random.below(2) : 0)
    this.#broker.grow(Math.min(partitions, 4))
    this.#routings += 1
    const routing = {
      id: this.#routings,
      partitions: this.#broker.partitions.length,
      seed: this.random.below(2),
      drops: this.random.chance(0.5) ? this.random.below(5) : -1,
    }
    this.tell(() => `routing ${routing.id}: ${routing.partitions} partitions, drops ${routing.drops}`)
    return routing
  }

  #disk(): Disk {
    return this.random.pick(this.#agents).disk
  }

  #writeLines(): void {
    const disk = this.#disk()
    if (!disk.linked.some(file => file.current)) this.#create(disk)
    const files = disk.linked
    const current = files.find(file => file.current)!
    // Now and then the application still holds the file that was just renamed.
    const file = this.random.chance(0.1) ? this.random.pick(files) : current
    for (let count = 1 + this.random.below(3); count > 0; count -= 1) disk.append(file)
    this.tell(() => `app: inode ${file.inode} now has ${file.lines.length} lines`)
  }

  #create(disk: Disk): void {
    const holder = this.#agents.find(agent => agent.disk === disk)!
    const file = disk.create(this.random.chance(0.5), candidate => holder.holdsOpen(candidate))
    this.#agentOfFile.set(file.uid, holder.id)
    this.tell(() => `app: creates inode ${file.inode}${file.lines.length > 0 ? ' with a header' : ''}`)
  }

  #rotate(): void {
    const disk = this.#disk()
    if (disk.linked.length < 4) this.#create(disk)
  }

  #truncate(): void {
    const disk = this.#disk()
    const current = disk.linked.find(file => file.current)
    if (!current) return
    disk.truncate(current, this.now)
    if (this.random.chance(0.5)) disk.append(current, 'H')
    // Often it has grown past the old size before anybody looks.
    for (let count = this.random.below(12); count > 0; count -= 1) disk.append(current)
    this.tell(() => `app: truncates inode ${current.inode}, which now has ${current.lines.length} lines`)
  }

  #deleteOldest(): void {
    const disk = this.#disk()
    const old = disk.linked.find(file => !file.current)
    if (!old) return
    disk.unlink(old, this.now)
    this.tell(() => `app: deletes inode ${old.inode}`)
  }

  #losePower(): void {
    const agent = this.random.pick(this.#agents)
    if (agent.alive) agent.crash(this)
    agent.disk.losePower(this)
    this.tell(() => `${agent.name}: its host lost power`)
  }

  /** One kind of actor stands still for a while: stopped, starved or cut off. */
  #pause(): void {
    this.#asleep = this.random.pick(['app', 'agents', 'starts', 'broker', 'aggregators'])
    this.#asleepUntil = this.now + 20 + this.random.below(120)
    this.tell(() => `${this.#asleep}: asleep until ${this.#asleepUntil}`)
  }

  #turnClockBack(): void {
    this.wallClock = Math.max(1, this.wallClock - this.random.below(6))
  }

  #reroute(agent: Agent): void {
    agent.routing = this.#newRouting()
  }

  #startRebuild(): void {
    if (!this.#rebuild || this.#rebuild.finished) this.#rebuild = new Rebuild(this.#store, this.#broker)
  }

  #startAgent(): void {
    const dead = this.#agents.filter(agent => !agent.alive)
    if (dead.length > 0) this.random.pick(dead).start(this)
  }

  #loseCheckpoint(): void {
    const agent = this.random.pick(this.#agents)
    if (agent.alive) agent.crash(this)
    agent.checkpoint = null
    for (const file of agent.disk.files) file.known.clear()
    this.tell(() => `${agent.name}: its checkpoint is deleted`)
  }

  /** A snapshot of the machine comes to life: beside the machine, or, once that is gone, in its place. */
  #copyMachine(): void {
    if (this.#agents.length > 1 || this.#scrapped) return
    const original = this.#agents[0]!
    const twin = original.twin('twin')
    this.#agents.push(twin)
    this.#copied.add(twin.id)
    for (const file of twin.disk.files) this.#agentOfFile.set(file.uid, twin.id)
    this.tell(() => 'the machine is copied, with its files and its checkpoint')
  }

  /** Of two copies one is gone for good: with the original it is a rollback, with the copy a rehearsal. */
  #scrapMachine(): void {
    if (this.#agents.length < 2) return
    const [agent] = this.#agents.splice(this.random.below(2), 1)
    if (agent!.alive) agent!.crash(this)
    const places = this.#lines.flatMap(line => line.places)
    for (const place of places) place.unwritten ||= agent!.disk.files.includes(place.file)
    this.#scrapped = true
    this.tell(() => `${agent!.name}: its machine is gone for good`)
  }

  #strangerSends(): void {
    if (this.#stranger.broken) this.#stranger.reconnect(this)
    this.#stranger.pump(this, () => true)
  }

  #strangersLine(): LogRecord {
    const line: Line = { id: this.#lines.length, text: '', header: false, places: [] }
    this.#lines.push(line)
    return { src: null, pos: 0, line: line.id, bucket: hash(`${line.id}`) % 8 }
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
