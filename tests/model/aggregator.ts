// The count of the model: one store whose every method is one transaction, and aggregators that fold into it, each
// believing that it is the only one. Pure.
import type { AgentStart, Broker, LedgerEntry, LogRecord } from './broker.ts'
import { idleSteps, requestLifeSteps, type Scene } from './scene.ts'

export interface Bucket {
  readonly lines: number[]
  /** The lowest offset that ever counted here: a rebuild may replace the bucket only if it is still retained. */
  firstOffset: number
}

/** One job's state: what it has counted, how far it has read, what it has seen. */
export class Job {
  readonly next: number[] = []
  readonly buckets: Map<number, Bucket>[] = []
  /** Per partition, the last position folded of each src. */
  readonly dedup: Map<string, number>[] = []
  /** Offsets that were dropped as seen, per partition. */
  readonly dropped: Set<number>[] = []

  at(partition: number, start = 0): void {
    while (this.next.length <= partition) {
      this.next.push(0)
      this.buckets.push(new Map())
      this.dedup.push(new Map())
      this.dropped.push(new Set())
    }
    this.next[partition] = Math.max(this.next[partition]!, start)
  }

  add(partition: number, { bucket, lines }: LogRecord, offset: number): void {
    const row = this.buckets[partition]!.get(bucket)
    if (row) {
      row.lines.push(...lines)
      row.firstOffset = Math.min(row.firstOffset, offset)
    } else {
      this.buckets[partition]!.set(bucket, { lines: [...lines], firstOffset: offset })
    }
  }
}

interface Finished {
  readonly at: number
  /** Per partition the log's end once no late request can arrive any more; null until then. */
  drained: number[] | null
}

/** The one SQLite file. Every method of it is one transaction. */
export class Store {
  readonly main = new Job()
  readonly finished = new Map<string, Finished>()
  /** Where a src ends, as far as anybody has said. */
  readonly #ends = new Map<string, number>()
  readonly tombstones: Set<string>[] = []
  readonly ledger: LedgerEntry[] = []
  readonly #childOf = new Map<string, string>()
  /** How many srcs a start had minted when another start went on from its checkpoint. */
  readonly #mintedBy = new Map<string, number>()
  #imported = 0
  #importedStarts = 0

  /** Reads new declarations, then drops the dedup rows that nobody can need any more. */
  maintain(broker: Broker, scene: Scene): void {
    for (const { src, end } of broker.declarations.slice(this.#imported)) this.#finish(src, end, scene)
    this.#imported = broker.declarations.length
    for (const start of broker.starts.slice(this.#importedStarts)) this.#follow(start, scene)
    this.#importedStarts = broker.starts.length
    for (const [src, finished] of this.finished) this.#retire(src, finished, broker, scene)
    for (const [agent, at] of broker.heardAt) {
      if (scene.now - at > idleSteps) this.#dropAgent(agent, scene)
    }
    if (!scene.rules.retireFinished) this.#dropUnretained(broker)
  }

  #finish(src: string, end: number, scene: Scene): void {
    this.#close(src, end, scene)
    if (!this.finished.has(src)) this.finished.set(src, { at: scene.now, drained: null })
  }

  /** A src has one end. Who sends beyond it, or names another, is somebody else. */
  #close(src: string, end: number, scene: Scene): void {
    if (!scene.rules.forkByEnd) return
    const known = this.#ends.get(src) ?? end
    const beyond = this.main.dedup.some(rows => (rows.get(src) ?? -1) >= end)
    if (beyond || known !== end) this.#forked(agentOf(src), scene)
    this.#ends.set(src, Math.min(known, end))
  }

  /** Every start follows another, and nobody follows twice: two that do are two machines. */
  #follow({ agent, start, parent, minted, ends, isLost }: AgentStart, scene: Scene): void {
    if (isLost) return
    for (const { src, end } of ends) this.#close(src, end, scene)
    const key = parent ?? agent
    const sibling = this.#childOf.get(key)
    if (sibling !== undefined && sibling !== start && scene.rules.forkByStart) this.#forked(agent, scene)
    this.#childOf.set(key, start)
    if (parent === null || !scene.rules.forkByMint) return
    this.#mintedBy.set(parent, Math.min(minted, this.#mintedBy.get(parent) ?? minted))
    const seen = [...this.finished.keys(), ...this.main.dedup.flatMap(rows => [...rows.keys()])]
    if (seen.some(src => this.#isBeyond(src))) this.#forked(agent, scene)
  }

  #isBeyond(src: string): boolean {
    const [start, count] = src.slice(src.lastIndexOf('/') + 1).split('.')
    return Number(count) >= (this.#mintedBy.get(start!) ?? Number.POSITIVE_INFINITY)
  }

  #retire(src: string, finished: Finished, broker: Broker, scene: Scene): void {
    const { rules, now } = scene
    if (!finished.drained) {
      if (rules.retireAfterSockets && now - finished.at <= requestLifeSteps) return
      finished.drained = broker.partitions.map(partition => partition.records.length)
    }
    for (const [partition, rows] of this.main.dedup.entries()) {
      const read = this.main.next[partition]! >= (finished.drained[partition] ?? 0)
      if ((read || !rules.retireAfterReading) && rows.delete(src)) {
        scene.tell(() => `store: the row of ${src} in p${partition} goes`)
      }
    }
  }

  #dropAgent(agent: string, scene: Scene): void {
    for (const [partition, rows] of this.main.dedup.entries()) {
      for (const src of [...rows.keys()].filter(key => agentOf(key) === agent)) {
        rows.delete(src)
        this.tombstones[partition] ??= new Set()
        this.tombstones[partition].add(agent)
        scene.tell(() => `store: ${agent} is silent, the row of ${src} in p${partition} goes`)
      }
    }
  }

  /** What the rule `retireFinished` forbids: to go by the log's retention alone. */
  #dropUnretained(broker: Broker): void {
    for (const [partition, { records, start }] of broker.partitions.entries()) {
      const rows = this.main.dedup[partition]
      const retained = new Set(records.slice(start).map(record => record.src))
      for (const src of rows?.keys() ?? []) if (!retained.has(src)) rows!.delete(src)
    }
  }

  /** Asked in the transaction that folds a record: does anything make it doubtful that it is the first? */
  doubt(partition: number, offset: number, { src, pos }: LogRecord, scene: Scene): void {
    if (src === null) return
    const finished = this.finished.get(src)
    const agent = agentOf(src)
    if (pos >= (this.#ends.get(src) ?? Number.POSITIVE_INFINITY)) this.#forked(agent, scene)
    if (this.#isBeyond(src)) this.#forked(agent, scene)
    const drained = finished?.drained
    if (drained && scene.rules.knowFinished && offset >= (drained[partition] ?? 0)) this.#forked(agent, scene)
    if (scene.rules.idleTombstone && this.tombstones[partition]?.delete(agent)) {
      this.ledger.push({ reason: 'possibly-twice: resumed', at: scene.now, agent })
    }
  }

  #forked(agent: string, scene: Scene): void {
    if (this.ledger.some(entry => entry.reason === 'possibly-twice: forked' && entry.agent === agent)) return
    this.ledger.push({ reason: 'possibly-twice: forked', at: scene.now, agent })
    scene.tell(() => `store: there are two of ${agent}, ledgered`)
  }
}

interface Fold {
  readonly record: LogRecord
  readonly offset: number
}

/** What an aggregator has folded and not yet committed, and what it believes it has seen. */
interface Pending {
  start: number
  end: number
  folds: Fold[]
  dropped: number[]
  gap: number[]
  /** Only with `oneTransaction` off: the statistics are in, the offset is not. */
  halfway: boolean
  readonly seen: Map<string, number>
}

export class Aggregator {
  readonly name: string
  readonly #store: Store
  readonly #broker: Broker
  #pending: (Pending | undefined)[] = []

  constructor(name: string, store: Store, broker: Broker) {
    this.name = name
    this.#store = store
    this.#broker = broker
  }

  crash(scene: Scene): void {
    this.#pending = []
    scene.tell(() => `${this.name}: killed`)
  }

  fold(partition: number, count: number, scene: Scene): void {
    const { rules } = scene
    const { main } = this.#store
    main.at(partition)
    const { records, start } = this.#broker.partitions[partition]!
    const pending = this.#pendingOf(partition)
    if (pending.halfway) return
    if (pending.end < start) {
      for (; pending.end < start; pending.end += 1) pending.gap.push(...records[pending.end]!.lines)
      scene.tell(() => `${this.name}: retention has overtaken p${partition}, goes on at ${start}`)
    }
    const until = Math.min(records.length, pending.end + count)
    for (; pending.end < until; pending.end += 1) {
      const record = records[pending.end]!
      const last = record.src === null ? undefined : this.#last(partition, record.src, pending, scene)
      if (rules.dropSeen && last !== undefined && record.pos <= last) {
        pending.dropped.push(pending.end)
        scene.tell(
          () => `${this.name}: drops ${record.src}@${record.pos} at p${partition}:${pending.end}, seen`,
        )
        continue
      }
      if (record.src !== null) pending.seen.set(record.src, record.pos)
      pending.folds.push({ record, offset: pending.end })
    }
  }

  #last(partition: number, src: string, pending: Pending, { rules }: Scene): number | undefined {
    const own = pending.seen.get(src) ?? this.#store.main.dedup[partition]!.get(src)
    if (rules.dedupPerPartition) return own
    const others = this.#pending.map(p => p?.seen.get(src) ?? -1)
    return Math.max(own ?? -1, ...others, ...this.#store.main.dedup.map(rows => rows.get(src) ?? -1))
  }

  /** One transaction: statistics, dedup rows, ledger and next offset, if the offset is still the one we began at. */
  commit(partition: number, scene: Scene): void {
    const { rules } = scene
    const { main } = this.#store
    const pending = this.#pending[partition]
    if (!pending || pending.end === pending.start) return
    if (rules.compareOffset && main.next[partition] !== pending.start) {
      scene.tell(() => `${this.name}: fenced on p${partition}`)
      if (rules.discardWhenFenced) this.#pending[partition] = undefined
      else pending.start = main.next[partition]!
      return
    }
    if (!pending.halfway) this.#apply(partition, pending, scene)
    if (!rules.oneTransaction && !pending.halfway) {
      pending.halfway = true
      return
    }
    for (const { record } of pending.folds) {
      if (record.src !== null) main.dedup[partition]!.set(record.src, record.pos)
    }
    for (const offset of pending.dropped) main.dropped[partition]!.add(offset)
    main.next[partition] = pending.end
    const { end, seen } = pending
    this.#pending[partition] = { start: end, end, folds: [], dropped: [], gap: [], halfway: false, seen }
    scene.tell(() => `${this.name}: commits p${partition} up to ${end}`)
  }

  #apply(partition: number, pending: Pending, scene: Scene): void {
    for (const { record, offset } of pending.folds) {
      this.#store.doubt(partition, offset, record, scene)
      this.#store.main.add(partition, record, offset)
    }
    if (pending.gap.length > 0 && scene.rules.gapLedgered) {
      this.#store.ledger.push({ reason: 'retention-gap', at: scene.now, lines: pending.gap })
    }
  }

  #pendingOf(partition: number): Pending {
    let pending = this.#pending[partition]
    if (!pending) {
      const start = this.#store.main.next[partition]!
      pending = { start, end: start, folds: [], dropped: [], gap: [], halfway: false, seen: new Map() }
      this.#pending[partition] = pending
    }
    return pending
  }
}

export function agentOf(src: string): string {
  return src.slice(0, src.indexOf('/'))
}
