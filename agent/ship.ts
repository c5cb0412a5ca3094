// From lines to acknowledged records. Every record carries where it came from; a batch leaves only when a durable
// checkpoint knows the srcs and marks of what is in it; an acknowledgement moves the frontier, never a send. What is
// neither acknowledged nor ledgered is bounded: when it is too much, nothing more is read.
import type { Cluster } from '../broker/client/cluster.ts'
import type { Producer } from '../broker/client/producer.ts'
import type { ErrorName } from '../broker/protocol/errors.ts'
import { batchHeaderBytes } from '../broker/protocol/record-batch.ts'
import { type HeaderPair, PositionHeaders } from '../broker/protocol/record-headers.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import { BatchPool } from './batch-memory.ts'
import type { AgentConfig } from './config.ts'
import { recordFormatOf } from './emit.ts'
import { type LineFormat, topicOfFormat } from './formats/registry.ts'
import { fileIdOfSrc } from './identity.ts'
import { hashKeyOf } from './key.ts'
import { rulesOf } from './line-rules.ts'
import { halve, originOf, shiftTimestamps } from './refused-batch.ts'
import { hashKeyText, keyFieldOf, Router, type Routing, topicOf } from './routing.ts'
import { book, hasRoomFor, type Lane, newLane, type SealedBatch, seal } from './sealing.ts'
import type { TailSink } from './tail-options.ts'
import { acknowledge, type Loss, type Range, type Span } from './tracker.ts'

export interface ShipperOptions {
  readonly config: AgentConfig
  readonly agentId: string
  readonly cluster: Pick<Cluster, 'topic' | 'refresh'>
  readonly producer: Pick<Producer, 'send' | 'replace'>
  /** Keys the hash of visitors. */
  readonly keySeed: string
  readonly clock: Clock
  readonly log: Log
  /** The number of the snapshot that would be taken next, and of the last durable one. */
  readonly checkpoint: { readonly epoch: number; readonly durableEpoch: number; request(): void }
  /** Room again, or routing known at last. */
  onRoom(): void
  onLoss(loss: Loss): void
  /** A batch leaves. */
  onSend?(batch: SealedBatch): void
  /** A record that no broker takes: kept aside, since its file may be gone tomorrow. */
  onRejected(batch: Buffer): void
}

/** What a range needs to be sent; made when its first line comes. */
interface Outlet {
  readonly router: Router
  readonly headers: PositionHeaders
  readonly lanes: (Lane | undefined)[]
}

const decisionsLoggedMax = 200
/** Routings kept; a format may hold the columns of a file, of which there are many. */
const routingsMax = 1_000
/** For all that was read and is not acknowledged, whatever the number of files, topics, partitions and requests. */
const memoryBytesMax = 12_582_912
/** When so much is held nothing more is read: the rest is for batches that grow, into memory that lies ready. */
const heldBytesMax = (memoryBytesMax * 2) / 3
/** How far our clock may be ahead of a broker's that refuses our timestamps; the last resort is a year. */
const shiftsMs: readonly number[] = [7_200_000, 90_000_000, 31_536_000_000]

export class Shipper implements TailSink {
  readonly agentId: string
  readonly #options: ShipperOptions
  readonly #lingerMs: number
  readonly #hashKey: string
  readonly #lanes = new Map<string, Lane>()
  readonly #routings = new Map<string, Routing>()
  readonly #topics = new Set<string>()
  /** Sealed, but their spans are not in a durable checkpoint yet. */
  #held: SealedBatch[] = []
  readonly #memory = new BatchPool(memoryBytesMax)
  /** Of open batches the memory they lie in, of those under way their lines, or their memory where it is more. */
  #heldBytes = 0
  /** Of lines, before compression. */
  #unacknowledgedBytes = 0
  #blocked = false
  #asking = false
  #timer: NodeJS.Timeout | null = null
  #timerAtMs = Number.POSITIVE_INFINITY
  #shift = 0
  #closed = false
  #decisions = 0
  linesRead = 0
  linesAcknowledged = 0
  /** By filters and sampling. */
  linesLeftOut = 0

  constructor(options: ShipperOptions) {
    this.#options = options
    this.agentId = options.agentId
    this.#lingerMs = options.config.lingerMs ?? 100
    this.#hashKey = hashKeyText(hashKeyOf(options.keySeed))
  }

  hasRoom(): boolean {
    this.#blocked = this.#heldBytes >= heldBytesMax
    return !this.#blocked
  }

  get isIdle(): boolean {
    return this.#unacknowledgedBytes === 0
  }

  /** Of memory for batches, in use and spare. */
  get memoryBytes(): number {
    return this.#memory.takenBytes + this.#memory.spareBytes
  }

  get unacknowledgedBytes(): number {
    return this.#unacknowledgedBytes
  }

  /** Topics that lines wait for, and why. */
  get waiting(): string[] {
    return [...this.#topics].flatMap(name => {
      const topic = this.#options.cluster.topic(name)
      if (!topic || topic.partitions.length > 0) return []
      const isForbidden = topic.error === 'topicAuthorizationFailed'
      const why = isForbidden ? 'this agent may not send to it' : 'the broker does not have it'
      return `lines wait for the topic ${name}: ${why} (${topic.error})`
    })
  }

  formatOf(input: number): string {
    return this.#options.config.inputs[input]!.format
  }

  encodingOf(input: number): string | undefined {
    return this.#options.config.inputs[input]!.encoding
  }

  decided(path: string, format: LineFormat): void {
    // Of more files than anybody would read about, the status says it.
    if (++this.#decisions > decisionsLoggedMax) return
    this.#options.log.info('decided what the lines of a file are', { path, format })
  }

  routingOf(input: number, format: LineFormat, encoding: string | null = null): Routing | null {
    const configured = this.#options.config.inputs[input]!
    const topic = topicOf(format, configured.topic)
    const partitions = this.#options.cluster.topic(topic)?.partitions.length ?? 0
    if (partitions === 0) {
      this.#ask(topic)
      return null
    }
    const key = `${input}/${encoding ?? ''}/${format}`
    const known = this.#routings.get(key)
    if (known?.partitions === partitions) return known
    const keyField = keyFieldOf(format, configured.keyField)
    const rules = rulesOf(configured, this.#options.config.host)
    const routing: Routing = {
      ...{ topic, partitions, format, keyField, hashKey: this.#hashKey },
      ...(encoding !== null && { encoding }),
      ...(rules !== null && { rules }),
    }
    if (this.#routings.size >= routingsMax) this.#routings.clear()
    this.#routings.set(key, routing)
    return routing
  }

  isRoutable(routing: Routing): boolean | null {
    const partitions = this.#options.cluster.topic(routing.topic)?.partitions.length ?? 0
    if (partitions === 0) this.#ask(routing.topic)
    return partitions === 0 ? null : partitions >= routing.partitions
  }

  append(span: Span, bytes: Buffer, start: number, end: number, position: number): void {
    const range = span.range
    const outlet = (range.outlet ?? this.#openOutlet(range)) as Outlet
    const partition = outlet.router.route(bytes, start, end, position)
    const lane = outlet.lanes[partition] ?? this.#laneOf(outlet, range.routing.topic, partition)
    if (!hasRoomFor(lane, end - start)) this.#seal(lane)
    const nowMs = this.#options.clock.wallMs()
    if (lane.builder.recordCount === 0) {
      lane.deadlineMs = this.#options.clock.monotonicMs() + this.#lingerMs
      this.#sealAt(lane.deadlineMs)
    }
    const { sizeInBytes, heldBytes } = lane.builder
    const headers = outlet.headers.at(position)
    lane.builder.append(outlet.router.key, bytes, headers, nowMs - this.#shift, start, end)
    lane.epoch = this.#options.checkpoint.epoch
    book(lane, span)
    this.#unacknowledgedBytes += lane.builder.sizeInBytes - sizeInBytes
    this.#heldBytes += lane.builder.heldBytes - heldBytes
    this.linesRead++
  }

  leftOut(records: number): void {
    this.linesLeftOut += records
  }

  lose(loss: Loss): void {
    this.#options.onLoss(loss)
  }

  /** A checkpoint is durable: what it covers may leave. */
  release(): void {
    const { durableEpoch } = this.#options.checkpoint
    const held = this.#held
    this.#held = []
    for (const batch of held) {
      if (batch.epoch <= durableEpoch) this.#send(batch)
      else this.#held.push(batch)
    }
    if (this.#held.length > 0) this.#options.checkpoint.request()
  }

  /** Seals everything: no lingering any more. */
  flush(): void {
    for (const lane of this.#lanes.values()) if (lane.builder.recordCount > 0) this.#seal(lane)
  }

  /** Looks for topics that have appeared or grown. */
  async refreshTopics(): Promise<void> {
    if (this.#topics.size === 0 || this.#asking) return
    this.#asking = true
    await this.#options.cluster.refresh([...this.#topics]).catch(() => undefined)
    this.#asking = false
    if (!this.#closed) this.#options.onRoom()
  }

  close(): void {
    this.#closed = true
    if (this.#timer) clearTimeout(this.#timer)
  }

  #ask(topic: string): void {
    this.#topics.add(topic)
    if (this.#asking || this.#closed) return
    this.#asking = true
    const { cluster, onRoom } = this.#options
    const again = (delayMs: number) => {
      setTimeout(() => {
        this.#asking = false
        if (!this.#closed) onRoom()
      }, delayMs).unref()
    }
    cluster.refresh([...this.#topics]).then(
      () => again((cluster.topic(topic)?.partitions.length ?? 0) > 0 ? 0 : 200),
      () => again(500),
    )
  }

  #openOutlet(range: Range): Outlet {
    const { src, routing } = range
    const fields = Object.entries(routing.rules?.fields ?? {})
    const constants: HeaderPair[] = [['format', recordFormatOf(routing)], ...fields]
    const isHostless =
      topicOfFormat(routing.format) === 'metrics' && routing.rules?.fields?.['host'] === undefined
    if (isHostless) constants.push(['host', this.#options.config.host])
    const outlet: Outlet = {
      router: new Router(routing, fileIdOfSrc(src)),
      headers: new PositionHeaders([['src', src]], 'pos', constants),
      lanes: [],
    }
    range.outlet = outlet
    return outlet
  }

  #laneOf(outlet: Outlet, topic: string, partition: number): Lane {
    const key = `${topic}/${partition}`
    let lane = this.#lanes.get(key)
    if (!lane) {
      lane = newLane(topic, partition, this.#memory)
      this.#lanes.set(key, lane)
    }
    outlet.lanes[partition] = lane
    return lane
  }

  #sealAt(atMs: number): void {
    if (atMs >= this.#timerAtMs || this.#closed) return
    if (this.#timer) clearTimeout(this.#timer)
    this.#timerAtMs = atMs
    const delayMs = Math.max(0, atMs - this.#options.clock.monotonicMs())
    this.#timer = setTimeout(() => this.#sealDue(), delayMs)
  }

  /** Lanes that are nearly due go along: one checkpoint and one request for all of them. */
  #sealDue(): void {
    this.#timer = null
    this.#timerAtMs = Number.POSITIVE_INFINITY
    const due = this.#options.clock.monotonicMs() + this.#lingerMs / 4
    let next = Number.POSITIVE_INFINITY
    for (const lane of this.#lanes.values()) {
      if (lane.builder.recordCount === 0) continue
      if (lane.deadlineMs <= due) this.#seal(lane)
      else next = Math.min(next, lane.deadlineMs)
    }
    if (next < Number.POSITIVE_INFINITY) this.#sealAt(next)
  }

  #seal(lane: Lane): void {
    const { heldBytes } = lane.builder
    const batch = seal(lane, this.#options.config.codec ?? 'zstd')
    this.#heldBytes += batch.heldBytes - heldBytes
    if (batch.epoch <= this.#options.checkpoint.durableEpoch) this.#send(batch)
    else {
      this.#held.push(batch)
      this.#options.checkpoint.request()
    }
  }

  #send(batch: SealedBatch): void {
    this.#options.onSend?.(batch)
    this.#options.producer.send(batch.topic, batch.partition, batch.bytes, error => {
      if (error) this.#refused(batch, batch.bytes, batch.recordCount, error, () => this.#acknowledged(batch))
      else this.#acknowledged(batch)
    })
  }

  #acknowledged(batch: SealedBatch): void {
    for (let index = 0; index < batch.spans.length; index++) {
      acknowledge(batch.spans[index]!, batch.counts[index]!)
    }
    this.#unacknowledgedBytes -= batch.rawBytes - batchHeaderBytes
    this.#heldBytes -= batch.heldBytes
    this.#memory.give(batch.bytes)
    this.linesAcknowledged += batch.recordCount
    if (this.#blocked && this.#heldBytes < heldBytesMax / 2) this.#options.onRoom()
  }

  /** `done` is called when each of its records is either acknowledged or owed to the ledger. */
  #refused(batch: SealedBatch, bytes: Buffer, count: number, error: ErrorName, done: () => void): void {
    const { topic, partition } = batch
    const shift = error === 'invalidTimestamp' ? shiftsMs.find(one => one > this.#shift) : undefined
    if (shift !== undefined) {
      this.#options.log.warn('the broker refuses our timestamps, stamping earlier', { topic, shiftMs: shift })
      const earlier = shiftTimestamps(bytes, shift - this.#shift)
      this.#shift = shift
      this.#replace(batch, [[earlier, count]], done)
    } else if (count > 1) {
      const [first, second] = halve(bytes, count)
      const counts: [Buffer, number][] = [
        [first, count >> 1],
        [second, count - (count >> 1)],
      ]
      this.#replace(batch, counts, done)
    } else {
      const { src, position } = originOf(bytes)
      this.#options.onRejected(bytes)
      this.lose({
        source: src,
        from: position,
        to: null,
        reason: 'record-rejected',
        lines: 1,
        detail: `the broker refuses this record in ${topic}/${partition}: ${error}`,
      })
      done()
    }
  }

  #replace(batch: SealedBatch, parts: readonly (readonly [Buffer, number])[], done: () => void): void {
    let left = parts.length
    const one = () => {
      left--
      if (left === 0) done()
    }
    const replacements = parts.map(([bytes, count]) => ({
      bytes,
      callback: (error: ErrorName | null) => {
        if (error) this.#refused(batch, bytes, count, error, one)
        else one()
      },
    }))
    this.#options.producer.replace(batch.topic, batch.partition, replacements)
  }
}
