// The idempotent producer of the model: lanes of batches, retried in order. Pure.
import type { Broker, Connection, LogRecord } from './broker.ts'
import { producerExpirySteps, requestLifeSteps, type Scene } from './scene.ts'

interface Batch<R> {
  sequence: number
  readonly items: R[]
  flying: boolean
  firstSentAt: number
}

interface Lane<R> {
  readonly queue: R[]
  readonly batches: Batch<R>[]
  nextSequence: number
  /**
   * When the youngest acknowledged batch was first sent: the broker knew this producer id at least then. Not
   * when it was acknowledged, and not when it was sent last, for answering a retry renews nothing.
   */
  knownAt: number | null
}

/** What waits to be sent: the record, and whatever its owner must know again when it is acknowledged. */
interface Item {
  readonly record: LogRecord
}

const inFlightMax = 5

/** The idempotent producer: per partition a lane of batches, at most five in flight, always in order. */
export class Producer<R extends Item> {
  readonly name: string
  readonly #broker: Broker
  #pid: number
  #connection: Connection
  readonly #lanes = new Map<number, Lane<R>>()

  constructor(name: string, broker: Broker, pid: number) {
    this.name = name
    this.#broker = broker
    this.#pid = pid
    this.#connection = broker.connect(`${name} pid ${pid}`)
  }

  get idle(): boolean {
    return [...this.#lanes.values()].every(lane => lane.queue.length === 0 && lane.batches.length === 0)
  }

  enqueue(partition: number, item: R): void {
    this.#lane(partition).queue.push(item)
  }

  /** Sends what may go. `mayLeave` is the agent's question whether its checkpoint already covers a record. */
  pump(scene: Scene, mayLeave: (item: R) => boolean): void {
    for (const [partition, lane] of this.#lanes) {
      const count = lane.queue.findIndex(item => !mayLeave(item))
      const ready = Math.min(count < 0 ? lane.queue.length : count, 1 + scene.random.below(3))
      if (ready > 0 && lane.batches.length < inFlightMax) {
        const items = lane.queue.splice(0, ready)
        lane.batches.push({ sequence: lane.nextSequence, items, flying: false, firstSentAt: 0 })
        lane.nextSequence += ready
      }
      this.#fly(partition, lane, scene)
    }
  }

  /** Takes one answer; gives back the items that are now acknowledged. */
  receive(scene: Scene): R[] {
    const answer = this.#connection.responses.shift()
    if (!answer) return []
    const { request, outcome } = answer
    const lane = this.#lane(request.partition)
    const index = lane.batches.findIndex(b => request.pid === this.#pid && b.sequence === request.sequence)
    const batch = lane.batches[index]
    if (!batch) return []
    if (outcome === 'appended') {
      lane.batches.splice(index, 1)
      lane.knownAt = Math.max(lane.knownAt ?? 0, batch.firstSentAt)
      return batch.items
    }
    batch.flying = false
    // Answers come in order, so a gap before the lowest batch means that the broker's state is not ours.
    if (outcome === 'outOfOrder' && index === 0) this.#startOver(scene)
    return []
  }

  /** Gives up on the connection. What it holds may still arrive; everything unacknowledged goes again, in order. */
  reconnect(scene: Scene): void {
    this.die(scene)
    this.#connection = this.#broker.connect(`${this.name} pid ${this.#pid}`)
    for (const lane of this.#lanes.values()) {
      for (const batch of lane.batches) batch.flying = false
    }
    scene.tell(() => `${this.name}: reconnects, what is in flight may still land`)
  }

  get pid(): number {
    return this.#pid
  }

  get broken(): boolean {
    return this.#connection.broken
  }

  /** The process is gone; its socket may not be. */
  die({ now, random }: Scene): void {
    this.#connection.clientAlive = false
    if (random.chance(0.5)) this.#connection.heldUntil = now + random.below(requestLifeSteps)
  }

  #startOver(scene: Scene): void {
    this.#pid = this.#broker.initProducerId()
    for (const lane of this.#lanes.values()) {
      lane.nextSequence = 0
      lane.knownAt = null
      for (const batch of lane.batches) {
        batch.sequence = lane.nextSequence
        batch.firstSentAt = 0
        lane.nextSequence += batch.items.length
      }
    }
    scene.tell(() => `${this.name}: takes producer id ${this.#pid} and sends everything unacknowledged again`)
    this.reconnect(scene)
  }

  #fly(partition: number, lane: Lane<R>, scene: Scene): void {
    const { rules, now } = scene
    // Only while an acknowledgement is recent can the broker not have forgotten this producer id meanwhile.
    const known = lane.knownAt !== null && now - lane.knownAt < producerExpirySteps - requestLifeSteps
    const limit = known || !rules.firstFliesAlone ? inFlightMax : 1
    for (const batch of lane.batches.slice(0, limit)) {
      if (batch.flying) continue
      batch.flying = true
      batch.firstSentAt ||= now
      const records = batch.items.map(item => item.record)
      const request = { partition, pid: this.#pid, sequence: batch.sequence, records, sentAt: now }
      if (!this.#connection.broken) this.#connection.requests.push(request)
      scene.tell(() => `${this.name}: sends ${records.map(describe).join(', ')} to p${partition}`)
    }
  }

  #lane(partition: number): Lane<R> {
    let lane = this.#lanes.get(partition)
    if (!lane) {
      lane = { queue: [], batches: [], nextSequence: 0, knownAt: null }
      this.#lanes.set(partition, lane)
    }
    return lane
  }
}

export function describe(record: LogRecord): string {
  const lines = record.lines.length === 1 ? `line ${record.lines[0]}` : `lines ${record.lines.join(', ')}`
  return record.src === null ? lines : `${record.src}@${record.pos} (${lines})`
}
