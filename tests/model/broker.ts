// The brokers of the model: partitions, producer state, connections that may outlive their clients, the agents'
// topic and the ledger. Pure.
import type { LogFile } from './disk.ts'
import { producerExpirySteps, requestLifeSteps, type Scene } from './scene.ts'

/** A record: `src` and `pos` are its headers. A record of somebody else's producer has no `src`. */
export interface LogRecord {
  readonly src: string | null
  readonly pos: number
  readonly lines: readonly number[]
  /** The bucket its event time falls into. Lines without a time of their own take it from the reading. */
  readonly bucket: number
}

export interface ProduceRequest {
  readonly partition: number
  readonly pid: number
  readonly sequence: number
  readonly records: readonly LogRecord[]
  readonly sentAt: number
}

export type Outcome = 'appended' | 'outOfOrder' | 'notEnoughReplicas'

/** Requests are answered in order. A connection whose client is dead may still deliver what it holds. */
export interface Connection {
  readonly name: string
  readonly requests: ProduceRequest[]
  readonly responses: { request: ProduceRequest; outcome: Outcome }[]
  clientAlive: boolean
  /** Until then the network sits on what the dead client had sent. */
  heldUntil: number
  /** It broke: nothing passes any more, and the client notices when it next sends. */
  broken: boolean
}

/** An entry of the loss ledger. The fields beside the reason say, for the oracle, what it excuses. */
export interface LedgerEntry {
  readonly reason:
    | 'truncated-before-read'
    | 'deleted-before-read'
    | 'retention-gap'
    | 'checkpoint-lost'
    | 'possibly-twice: rewritten'
    | 'possibly-twice: resumed'
    | 'possibly-twice: forked'
  readonly at: number
  readonly agent?: string
  readonly lost?: { file: LogFile; epoch: number; from: number }
  readonly twice?: { file: LogFile; from: number }
  readonly lines?: readonly number[]
}

export interface AgentStart {
  readonly agent: string
  readonly start: string
  readonly parent: string | null
  readonly minted: number
  /** Where the srcs end that it takes over from the checkpoint: it goes on under others. */
  readonly ends: readonly { src: string; end: number }[]
  readonly isLost: boolean
}

interface ProducerState {
  next: number
  last: { sequence: number; count: number }[]
  appendedAt: number
}

export interface Partition {
  readonly records: LogRecord[]
  start: number
  readonly producers: Map<number, ProducerState>
}

/** Everything the brokers keep. It does not lose what it has acknowledged: clause D1 is proven elsewhere. */
export class Broker {
  readonly partitions: Partition[] = []
  readonly connections: Connection[] = []
  readonly ledger: LedgerEntry[] = []
  /** Until then the agents' topic takes nothing. */
  topicDownUntil = 0
  /** The stream of starts in the agents' topic: who began, from whose checkpoint, and what that had minted. */
  readonly starts: AgentStart[] = []
  /** The stream of `finished` declarations in the agents' topic. */
  readonly declarations: { src: string; end: number }[] = []
  readonly heardAt = new Map<string, number>()
  /** A producer that gives up on a batch long before its id would be forgotten, as other people's do. */
  impatientPid = 0
  #nextPid = 1

  grow(count: number): void {
    while (this.partitions.length < count) {
      this.partitions.push({ records: [], start: 0, producers: new Map() })
    }
  }

  initProducerId(): number {
    return this.#nextPid++
  }

  connect(name: string): Connection {
    const connection: Connection = {
      name,
      requests: [],
      responses: [],
      clientAlive: true,
      heldUntil: 0,
      broken: false,
    }
    this.connections.push(connection)
    return connection
  }

  /** Takes the next request of one connection, which may be the late one of a dead client. */
  serve(connection: Connection, scene: Scene, refusal: number): void {
    const request = connection.requests.shift()
    if (!request) return
    if (scene.now - request.sentAt > requestLifeSteps) {
      connection.broken = true
      connection.requests.length = 0
      return
    }
    const outcome = scene.random.chance(refusal) ? 'notEnoughReplicas' : this.#append(request, scene)
    if (connection.clientAlive) connection.responses.push({ request, outcome })
    scene.tell(() => {
      const late = connection.clientAlive ? '' : ' (late, its client is gone)'
      return `broker: ${connection.name} batch ${request.sequence} to p${request.partition}${late}: ${outcome}`
    })
  }

  #append(request: ProduceRequest, scene: Scene): Outcome {
    const partition = this.partitions[request.partition]!
    const { pid, sequence, records } = request
    const state = partition.producers.get(pid) ?? { next: sequence, last: [], appendedAt: scene.now }
    if (
      scene.rules.retryKnown &&
      state.last.some(b => b.sequence === sequence && b.count === records.length)
    ) {
      return 'appended'
    }
    // As Kafka does it: a producer id that the broker does not know, or has forgotten, may start anywhere.
    if (scene.rules.sequenceGap && sequence !== state.next) return 'outOfOrder'

    partition.records.push(...records)
    state.next = sequence + records.length
    state.last.push({ sequence, count: records.length })
    if (state.last.length > 5) state.last.shift()
    state.appendedAt = scene.now
    partition.producers.set(pid, state)
    return 'appended'
  }

  /** Requests have a bounded life, and producer ids are forgotten long after that. */
  age(now: number): void {
    for (let index = this.connections.length - 1; index >= 0; index -= 1) {
      const connection = this.connections[index]!
      const { requests } = connection
      if (requests[0] && now - requests[0].sentAt > requestLifeSteps) connection.broken = true
      if (connection.broken) requests.length = 0
      if (!connection.clientAlive && requests.length === 0) this.connections.splice(index, 1)
    }
    for (const partition of this.partitions) {
      for (const [pid, state] of partition.producers) {
        const forgotten = now - state.appendedAt > producerExpirySteps
        if (forgotten && pid !== this.impatientPid) partition.producers.delete(pid)
      }
    }
  }
}
