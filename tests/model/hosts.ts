// Machines: their files, the application that writes them, their agents, and what befalls them. Pure.
import { Agent } from './agent.ts'
import type { Broker } from './broker.ts'
import type { Routing } from './checkpoint.ts'
import { Disk, type Line } from './disk.ts'
import { idleSteps, type Scene } from './scene.ts'

/** The machines: their files, the application that writes them, their agents, and what befalls them. */
export class Hosts {
  readonly agents: Agent[] = []
  /** Everything that was ever written, by anybody. A line's id is its place in it. */
  readonly lines: Line[] = []
  /** What the oracle may know: whose file is whose, which agent ids were copied, and which fell silent. */
  readonly agentOfFile = new Map<number, string>()
  readonly copied = new Set<string>()
  readonly silent = new Set<string>()
  readonly #scene: Scene
  readonly #broker: Broker
  /** Our broker refuses a second live instance of an agent id; Kafka does not. Neither may matter. */
  #refusesTwins: boolean
  readonly #quietAfter: number
  #isScrapped = false
  /** A snapshot that nobody boots before the end. */
  #shelved: Agent | null = null
  #files = 0
  #routings = 0

  /** Once the application is quiet, what is under way comes to its end. */
  constructor(scene: Scene, broker: Broker, quietAfter: number) {
    this.#scene = scene
    this.#broker = broker
    this.#refusesTwins = scene.random.chance(0.5)
    this.#quietAfter = quietAfter
    const disk = new Disk(this.lines, () => this.#files++)
    this.agents.push(new Agent('a1', 'agent', disk, broker, this.#newRouting()))
  }

  onAgent(act: (agent: Agent) => void): void {
    const alive = this.agents.filter(agent => agent.alive)
    if (alive.length > 0) act(this.#scene.random.pick(alive))
  }

  /** One turn of an agent that nothing disturbs. */
  work(agent: Agent): void {
    const scene = this.#scene
    for (let count = 0; count < 4; count += 1) agent.look(scene)
    agent.ledger()
    agent.save(scene)
    if (scene.random.chance(0.6)) agent.announce(scene)
    this.send(agent)
    for (let count = 0; count < 4; count += 1) agent.receive(scene)
    agent.declare(scene)
  }

  send(agent: Agent): void {
    // The one that was there first is served; the other waits until it is gone.
    const first = this.agents.find(other => other.alive && other.id === agent.id)
    if (!this.#refusesTwins || first === agent) agent.send(this.#scene)
  }

  watchSilence(): void {
    for (const [agent, at] of this.#broker.heardAt) {
      if (this.#scene.now - at > idleSteps) this.silent.add(agent)
    }
  }

  /** Everybody comes back, and nobody is refused any more. */
  heal(): void {
    this.#refusesTwins = false
    for (const { disk } of this.agents) disk.fullUntil = 0
    for (const agent of this.agents) if (!agent.alive) agent.start(this.#scene)
  }

  write(): void {
    const { random } = this.#scene
    const disk = this.#disk()
    if (this.#scene.now > this.#quietAfter) return
    if (!disk.linked.some(file => file.current)) this.#create(disk)
    const files = disk.linked
    const current = files.find(file => file.current)!
    // Now and then the application still holds the file that was just renamed.
    const file = random.chance(0.1) ? random.pick(files) : current
    for (let count = 1 + random.below(3); count > 0; count -= 1) {
      disk.append(file, undefined, random.chance(0.25))
    }
    this.#scene.tell(() => `app: inode ${file.inode} now has ${file.lines.length} lines`)
  }

  rotate(): void {
    const disk = this.#disk()
    if (disk.linked.length < 4) this.#create(disk)
  }

  truncate(): void {
    const { random, now } = this.#scene
    const disk = this.#disk()
    const file = disk.linked.find(candidate => candidate.current)
    if (!file || now > this.#quietAfter) return
    disk.truncate(file, now)
    if (random.chance(0.5)) disk.append(file, 'H')
    // Often it has grown past the old size before anybody looks.
    for (let count = random.below(12); count > 0; count -= 1) disk.append(file)
    this.#scene.tell(() => `app: truncates inode ${file.inode}, which now has ${file.lines.length} lines`)
  }

  deleteOldest(): void {
    const disk = this.#disk()
    const old = disk.linked.find(file => !file.current)
    if (!old) return
    disk.unlink(old, this.#scene.now)
    this.#scene.tell(() => `app: deletes inode ${old.inode}`)
  }

  fillDisk(): void {
    const agent = this.#scene.random.pick(this.agents)
    agent.disk.fullUntil = this.#scene.now + 20 + this.#scene.random.below(60)
    this.#scene.tell(() => `${agent.name}: its disk is full until ${agent.disk.fullUntil}`)
  }

  losePower(): void {
    const agent = this.#killOne()
    agent.disk.losePower(this.#scene)
    this.#scene.tell(() => `${agent.name}: its host lost power`)
  }

  loseCheckpoint(): void {
    const agent = this.#killOne()
    agent.checkpoint = null
    for (const file of agent.disk.files) file.known.clear()
    this.#scene.tell(() => `${agent.name}: its checkpoint is deleted`)
  }

  startOne(): void {
    const dead = this.agents.filter(agent => !agent.alive && agent !== this.#shelved)
    if (dead.length > 0) this.#scene.random.pick(dead).start(this.#scene)
  }

  reroute(agent: Agent): void {
    agent.routing = this.#newRouting()
  }

  /** A snapshot of the machine comes to life: beside the machine, or, once that is gone, in its place. */
  copy(): void {
    if (this.agents.length > 1 || this.#isScrapped) return
    const twin = this.agents[0]!.twin('twin')
    this.agents.push(twin)
    this.copied.add(twin.id)
    if (this.#scene.random.chance(0.5)) this.#shelved = twin
    for (const file of twin.disk.files) this.agentOfFile.set(file.uid, twin.id)
    this.#scene.tell(() => 'the machine is copied, with its files and its checkpoint')
  }

  /** Of two copies one is gone for good: with the original it is a rollback, with the copy a rehearsal. */
  scrap(): void {
    if (this.agents.length < 2) return
    const agent = this.agents.splice(this.#scene.random.below(2), 1)[0]!
    if (agent.alive) agent.crash(this.#scene)
    const places = this.lines.flatMap(line => line.places)
    for (const place of places) place.unwritten ||= agent.disk.files.includes(place.file)
    this.#isScrapped = true
    this.#scene.tell(() => `${agent.name}: its machine is gone for good`)
  }

  #killOne(): Agent {
    const agent = this.#scene.random.pick(this.agents)
    if (agent.alive) agent.crash(this.#scene)
    return agent
  }

  #disk(): Disk {
    return this.#scene.random.pick(this.agents).disk
  }

  #create(disk: Disk): void {
    const holder = this.agents.find(agent => agent.disk === disk)!
    const header = this.#scene.random.chance(0.5)
    const file = disk.create(header, this.#scene.now, candidate => holder.holdsOpen(candidate))
    this.agentOfFile.set(file.uid, holder.id)
    this.#scene.tell(() => `app: creates inode ${file.inode}${header ? ' with a header' : ''}`)
  }

  #newRouting(): Routing {
    const { random } = this.#scene
    const growth = this.#routings > 0 ? random.below(2) : 0
    this.#broker.grow(Math.min(this.#broker.partitions.length + growth, 4))
    this.#routings += 1
    const partitions = this.#broker.partitions.length
    const drops = random.chance(0.5) ? random.below(5) : -1
    const routing = { id: this.#routings, partitions, seed: random.below(2), drops }
    this.#scene.tell(() => `routing ${routing.id}: ${partitions} partitions, drops ${drops}`)
    return routing
  }
}
