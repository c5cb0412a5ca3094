// The agent of the model: finds files, reads them under its ranges, saves, sends, and recovers from whatever was
// durable. Pure: files, broker and dice are objects of the model.
import type { AgentStart, Broker, LedgerEntry, LogRecord } from './broker.ts'
import { type Checkpoint, copyCheckpoint, type Routing } from './checkpoint.ts'
import { type Disk, type Line, type LogFile, originOf, placeIn } from './disk.ts'
import { Producer } from './producer.ts'
import { hash } from './random.ts'
import * as reader from './reader.ts'
import type { Scene } from './scene.ts'

interface Cut {
  readonly record: LogRecord
  readonly range: reader.Range
}

/** One agent: a durable state directory, and while it lives a memory and a producer. */
export class Agent {
  readonly id: string
  readonly name: string
  readonly disk: Disk
  readonly #broker: Broker
  routing: Routing
  checkpoint: Checkpoint | null = null
  #started = false
  #life = 0
  /** The random name of this start. */
  #start = ''
  #minted = 0
  /** The step of the last look at the directory. */
  #looked = Number.NEGATIVE_INFINITY
  /** Starts the agents' topic may not know yet: this one, and earlier ones that died too soon. */
  #unannounced: AgentStart[] = []
  #producer: Producer<Cut> | null = null
  #entries: reader.Entry[] = []
  /** Ledger entries that the broker has not acknowledged yet. */
  #toLedger: LedgerEntry[] = []

  constructor(id: string, name: string, disk: Disk, broker: Broker, routing: Routing) {
    this.id = id
    this.name = name
    this.disk = disk
    this.routing = routing
    this.#broker = broker
  }

  get alive(): boolean {
    return this.#producer !== null
  }

  holdsOpen(file: LogFile): boolean {
    return this.#entries.some(entry => entry.file === file)
  }

  /** A copy of the machine, as its disk is at this instant. */
  twin(name: string): Agent {
    const { disk, twins } = this.disk.copy()
    const twin = new Agent(this.id, name, disk, this.#broker, this.routing)
    twin.#started = this.#started
    if (this.checkpoint) twin.checkpoint = copyCheckpoint(this.checkpoint, twins)
    return twin
  }

  start(scene: Scene): void {
    const { rules } = scene
    const saved = this.checkpoint
    const pid = saved && !rules.freshProducerId ? saved.pid : this.#broker.initProducerId()
    this.#life += 1
    this.#start = scene.random.next().toString(36)
    const isLost = !saved && this.#started
    const { start: parent = null, minted = 0, unannounced = [] } = saved ?? {}
    const taken = saved?.entries.flatMap(entry => entry.ranges) ?? []
    const ends = taken.map(({ src, mark }) => ({ src, end: mark }))
    const begun = { agent: this.id, start: this.#start, parent, minted, ends, isLost }
    this.#unannounced = [...unannounced, begun]
    this.#minted = 0
    this.#looked = saved?.looked ?? Number.NEGATIVE_INFINITY
    this.#producer = new Producer(`${this.name}.${this.#life}`, this.#broker, pid)
    scene.tell(
      () => `${this.name}: starts, ${saved ? `knows ${saved.entries.length} files` : 'no checkpoint'}`,
    )
    if (isLost && rules.ledgerLostCheckpoint) {
      this.#owe(scene, { reason: 'checkpoint-lost', at: scene.now, agent: this.id })
    }
    this.#started = true
    for (const entry of saved?.entries ?? []) {
      const file = this.disk.linked.find(candidate => candidate.inode === entry.inode) ?? null
      this.#recover(reader.restoreEntry(entry, file), scene)
    }
  }

  crash(scene: Scene): void {
    this.#producer?.die(scene)
    this.#producer = null
    this.#entries = []
    this.#toLedger = []
    scene.tell(() => `${this.name}: killed`)
  }

  /** Everything the checkpoint says, checked against what the disk holds now. */
  #recover(entry: reader.Entry, scene: Scene): void {
    this.#entries.push(entry)
    for (const range of entry.ranges) {
      if (range.orphan && range.read < range.mark && scene.rules.ledgerTruncated) {
        const lost = { ...range.origin, from: range.read }
        this.#owe(scene, { reason: 'truncated-before-read', at: scene.now, lost })
      }
    }
    if (!entry.file) {
      const lost = { ...entry.origin, from: reader.base(entry, scene.rules) }
      if (scene.rules.ledgerVanished) {
        this.#owe(scene, { reason: 'deleted-before-read', at: scene.now, lost })
      }
      for (const range of entry.ranges) range.orphan = true
    } else if (!reader.holds(entry, entry.end, scene.rules)) {
      this.#rewritten(entry, entry.file, scene)
    } else if (!scene.rules.srcPerStart) {
      const last = entry.ranges.at(-1)
      if (last && !last.orphan) last.open = true
    }
  }

  /** One look at one file, or at the directory. */
  look(scene: Scene): void {
    if (scene.random.chance(0.4)) {
      const known = (file: LogFile): boolean => this.#entries.some(entry => entry.inode === file.inode)
      // A rotated file has no name that a glob knows: it is looked for only while it may be unknown.
      const isSought = (file: LogFile): boolean =>
        file.current || (scene.rules.readMissed && file.born >= this.#looked)
      const found = this.disk.linked.filter(file => !known(file) && isSought(file))
      // An inode that came back is taken for the file that had it until that one is forgotten.
      const isMasked = (file: LogFile): boolean =>
        this.#entries.some(entry => entry.inode === file.inode && entry.file !== file)
      if (!this.disk.linked.some(isMasked)) this.#looked = scene.now
      for (const file of found) scene.tell(() => `${this.name}: discovers inode ${file.inode}`)
      this.#entries.push(...found.map(reader.newEntry))
    }
    if (this.#entries.length === 0) return
    const entry = scene.random.pick(this.#entries)
    if (entry.file) this.#examine(entry, entry.file, scene)
  }

  #examine(entry: reader.Entry, file: LogFile, scene: Scene): void {
    const { rules } = scene
    const range = entry.ranges.find(reader.isRereading) ?? entry.ranges.find(candidate => candidate.open)
    // The guard is asked in the same breath as the read; with the rule off, a whole step lies between them.
    const mustAsk = rules.guardAfterRead || !entry.looked
    entry.looked = mustAsk && !rules.guardAfterRead
    if (mustAsk) {
      const expected = range ? [range.read, Math.max(range.mark, range.read)] : [entry.end]
      const isSame = expected.every(position => reader.holds(entry, position, rules))
      if (!isSame) this.#rewritten(entry, file, scene)
      if (!isSame || entry.looked) return
    }
    if (!file.current && !rules.drainRenamed) return
    if (range) this.#read(entry, file, range, scene)
    else this.#begin(entry, file, scene)
  }

  #read(entry: reader.Entry, file: LogFile, range: reader.Range, scene: Scene): void {
    const isAtMark = range.read >= range.mark
    if (range.open && range.routing.id !== this.routing.id && isAtMark) range.open = false
    else if (range.open && range.read >= file.lines.length) this.#drained(entry, file, range, scene)
    else {
      const limit = Math.min(range.open ? Number.POSITIVE_INFINITY : range.mark, file.lines.length)
      for (let count = 1 + scene.random.below(4); count > 0 && range.read < limit; count -= 1) {
        const end = reader.recordEnd(range, file.lines, limit)
        if (range.open && end === limit) {
          // Nobody knows yet whether the record is complete. After a while a clock decides.
          if (scene.random.chance(0.5)) return
          range.cuts.add(end)
        }
        this.#cut(entry, range, file.lines.slice(range.read, end), scene)
      }
    }
  }

  #begin(entry: reader.Entry, file: LogFile, scene: Scene): void {
    if (file.lines.length <= entry.end) return
    entry.head ??= file.lines[0]!.text
    const { rules, wallClock } = scene
    // As first designed: 0 for content not known before, else the clock. Neither is never used twice.
    const counted = entry.minted ? wallClock : 0
    const generation = rules.randomGeneration ? `${this.#start}.${this.#minted++}` : `${counted}`
    const fileId = hash(`${this.id} ${entry.inode} ${entry.head}`).toString(36)
    const src = `${this.id}/${fileId}/${generation}`
    entry.minted = true
    entry.ranges.push(reader.newRange(src, this.routing, entry.end, entry.origin))
    scene.tell(() => `${this.name}: inode ${entry.inode} from ${entry.end} on is ${src}`)
  }

  #cut(entry: reader.Entry, range: reader.Range, lines: readonly Line[], scene: Scene): void {
    const pos = range.read
    const first = lines[0]!
    const routing = scene.rules.routingPerSrc ? range.routing : this.routing
    for (const [index, line] of lines.entries()) entry.texts.set(pos + index, line.text)
    // The head is what was read, not what stood there when the file was discovered.
    if (pos === 0) entry.head = first.text
    if (pos <= 1) {
      // So early no guard can tell: whatever stands there now is what we read. Only the oracle cares.
      entry.origin = originOf(entry.file!)
      range.origin = entry.origin
      entry.epochs.clear()
    }
    range.read = pos + lines.length
    if (range.open) range.mark = Math.max(range.mark, range.read)
    entry.end = Math.max(entry.end, range.mark)
    const isFiltered = first.id % 5 === routing.drops
    for (const line of lines) {
      const place = placeIn(line, entry.file!)
      place.pass = isFiltered ? 'filtered' : 'sent'
      entry.epochs.add(place.epoch)
    }
    if (isFiltered) return
    range.unacknowledged.add(pos)
    // Every third line has no time of its own and takes that of the reading.
    const bucket = first.id % 3 === 0 ? (scene.now / 32) | 0 : first.id >> 3
    const record = { src: range.src, pos, lines: lines.map(line => line.id), bucket }
    this.#producer!.enqueue(hash(`${routing.seed} ${first.text}`) % routing.partitions, { record, range })
  }

  /** Nothing more to read. A file that is gone is closed; one that exists keeps its entry. */
  #drained(entry: reader.Entry, file: LogFile, range: reader.Range, scene: Scene): void {
    if (!file.linked || (!file.current && !scene.rules.keepEntry)) {
      range.open = false
      scene.tell(() => `${this.name}: inode ${entry.inode} is read to its end and closed`)
    }
  }

  /**
   * The bytes before our position are not the ones we read: a truncation, another file under the same inode,
   * or a tail lost with the power. What was not read is lost; what stands there now is read under a new src.
   */
  #rewritten(entry: reader.Entry, file: LogFile, scene: Scene): void {
    const { rules, now } = scene
    const from = entry.ranges.find(reader.isRereading)?.read ?? entry.end
    const acknowledged = reader.base(entry, rules)
    if (rules.ledgerTruncated) {
      const lost = { ...entry.origin, from }
      this.#owe(scene, { reason: 'truncated-before-read', at: now, lost })
    }
    // A guard that covers one line could be the header that every file has; then only byte 0 is certain.
    const tailOnly = acknowledged > 1 && reader.holds(entry, acknowledged, rules)
    const begin = tailOnly ? acknowledged : 0
    if ((tailOnly || file.lines[0]?.text === entry.head) && rules.ledgerRewritten) {
      const twice = { file, from: begin }
      this.#owe(scene, { reason: 'possibly-twice: rewritten', at: now, twice })
    }
    for (const range of entry.ranges) {
      range.open = false
      range.orphan = true
    }
    if (!tailOnly) {
      entry.texts = new Map()
      entry.epochs.clear()
      for (const line of file.lines) file.known.delete(placeIn(line, file).epoch)
    }
    entry.end = begin
    entry.head = file.lines[0]?.text ?? null
    entry.origin = tailOnly ? { ...entry.origin, file } : originOf(file)
    scene.tell(() => `${this.name}: inode ${entry.inode} was rewritten, reads on from ${begin}`)
  }

  save(scene: Scene): void {
    // The loss first, then the checkpoint that passes it: a crash in between only says the loss again.
    if (scene.rules.ledgerFirst && this.#toLedger.length > 0) return
    if (scene.now < this.disk.fullUntil) return
    for (const entry of this.#entries) {
      if (entry.end > 1) for (const epoch of entry.epochs) entry.origin.file.known.add(epoch)
      for (const range of entry.ranges) {
        range.durable = true
        range.sendable = range.mark
        range.doneDurably = reader.isDone(range)
      }
    }
    const entries = this.#entries.map(entry => reader.saveEntry(entry, scene.rules))
    const pid = this.#producer!.pid
    const unannounced = [...this.#unannounced]
    const { start, minted, looked } = { start: this.#start, minted: this.#minted, looked: this.#looked }
    this.checkpoint = { start, minted, unannounced, pid, looked, entries }
    scene.tell(() => `${this.name}: checkpoint ${entries.flatMap(e => e.ranges.map(summary)).join(', ')}`)
  }

  ledger(): void {
    this.#broker.ledger.push(...this.#toLedger.splice(0))
  }

  /** Says who begins, and where it takes over: as soon as the checkpoint knows it, and before anything leaves. */
  announce(scene: Scene): void {
    if (this.checkpoint?.start !== this.#start || scene.now < this.#broker.topicDownUntil) return
    for (const start of this.#unannounced) {
      scene.tell(() => `${this.name}: announces start ${start.start} after ${start.parent}`)
    }
    this.#broker.starts.push(...this.#unannounced.splice(0))
  }

  /** Says which srcs will never be sent again, and forgets files that are gone and done. */
  declare(scene: Scene): void {
    if (scene.now < this.#broker.topicDownUntil) return
    for (const entry of this.#entries) {
      for (const range of entry.ranges.filter(reader.isDone)) {
        if (scene.rules.declareDurable && !range.doneDurably) continue
        entry.ranges.splice(entry.ranges.indexOf(range), 1)
        this.#broker.declarations.push({ src: range.src, end: range.mark })
        scene.tell(() => `${this.name}: declares ${range.src} finished at ${range.mark}`)
      }
    }
    this.#entries = this.#entries.filter(entry => entry.ranges.length > 0 || this.#watches(entry, scene))
  }

  #watches({ file, end }: reader.Entry, scene: Scene): boolean {
    if (!file) return false
    const over = !file.linked || (!file.current && !scene.rules.keepEntry)
    return !over || end < file.lines.length
  }

  send(scene: Scene): void {
    const { rules } = scene
    this.#broker.heardAt.set(this.id, scene.now)
    if (this.#producer!.broken) this.#producer!.reconnect(scene)
    this.#producer!.pump(scene, ({ range, record }) => {
      if (rules.startAnnounced && this.#unannounced.length > 0) return false
      if (!range.durable) return !rules.srcBeforeRecord
      return !rules.markBeforeRecord || record.pos < range.sendable
    })
  }

  receive(scene: Scene): void {
    for (const { range, record } of this.#producer!.receive(scene)) {
      range.unacknowledged.delete(record.pos)
      range.acknowledgedMax = Math.max(range.acknowledgedMax, record.pos + record.lines.length - 1)
    }
  }

  reconnect(scene: Scene): void {
    this.#producer!.reconnect(scene)
  }

  #owe(scene: Scene, entry: LedgerEntry): void {
    this.#toLedger.push(entry)
    scene.tell(() => `${this.name}: owes the ledger ${entry.reason}`)
  }
}

function summary(range: { src: string; frontier: number; mark: number }): string {
  return `${range.src} ${range.frontier}..${range.mark}`
}
