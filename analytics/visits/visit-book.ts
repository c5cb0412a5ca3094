// The visitors of the partitions this process counts: loaded when an event of theirs comes, changed in memory, written
// in the transaction that counts them. What is in memory beyond a commit is worth nothing once a transaction fails.
import type { FoldState, PartitionFold } from '../fold/fold-state.ts'
import type { Rollup } from '../store/rollup.ts'
import type { Connection } from '../store/schema.ts'
import type { Run } from '../store/series-directory.ts'
import { LocalCalendar } from '../windows/local-calendar.ts'
import type { ZoneDays } from '../windows/zone-days.ts'
import { type Condition, conditionsMax, conditionText, type VisitSettings } from './conditions.ts'
import { DistinctVisitors } from './distinct-visitors.ts'
import { NameBook } from './name-book.ts'
import { VisitNoter, type Watched } from './noter.ts'
import type { VisitNotes } from './notes.ts'
import { Tally } from './tally.ts'
import { visitorAgeDays, visitorsMax } from './visit-rules.ts'
import { addStep, newVisitor, settle, type Visitor } from './visitor.ts'
import { visitorBytes, visitorOf } from './visitor-bytes.ts'
import { type SourceState, VisitorRows } from './visitor-rows.ts'

interface Kept {
  readonly sourceId: number
  readonly key: string
  readonly visitor: Visitor
  /** 0 for behaviour events, 1 for requests. */
  source: number
  isTouched: boolean
  /** The minute in which the visitor was last put among the distinct ones. */
  distinctMs: number
  /** Steps as they were counted at the last save. */
  stepsHeld: number
  /** The day that its row has; null without one. */
  storedDay: number | null
}

const untouched = { source: -1, isTouched: false, distinctMs: -1, stepsHeld: 0 }

/** Visitors in memory between flushes, and their steps, of about 80 bytes. */
const cacheMax = 20_000
const cacheStepsMax = 400_000
/** Visitor fields of a topic that are watched for coming under several keys. */
const sampleMax = 2000
const minuteMs = 60_000

export class VisitBook {
  readonly #rows: VisitorRows
  readonly #names: NameBook
  readonly #calendar: LocalCalendar
  readonly #settings: VisitSettings
  /** By partition, by key; within a partition what was not used for long comes first. */
  readonly #cache = new Map<number, Map<string, Kept>>()
  #cached = 0
  readonly #sources = new Map<number, SourceState>()
  readonly #samples = new Map<string, Map<number, string>>()
  #stepsHeld = 0
  #touched: Kept[] = []
  /** Of one flush, so that a line costs no text: visitors by number of their key, names and origins of one day. */
  #keptByKey: Kept[] = []
  #whats: number[] = []
  #touches: number[] = []
  #idsDay = Number.NaN
  #watched: readonly Watched[] | null = null
  #areConditionsSaved = false

  constructor(connection: Connection, run: Run, days: ZoneDays, settings: VisitSettings) {
    this.#rows = new VisitorRows(connection, run)
    this.#names = new NameBook(this.#rows)
    this.#calendar = new LocalCalendar(days)
    this.#settings = settings
  }

  /** For one state of the fold. */
  noter(state: FoldState): VisitNoter {
    return new VisitNoter(state, this.watched())
  }

  /** What the fold looks for in every event: goals, and steps of funnels that ask for properties. */
  watched(): readonly Watched[] {
    this.#watched ??= bitsOf(
      wantedConditions(this.#settings),
      this.#rows.conditions().map(({ bit, text }) => [text, bit]),
    )
    return this.#watched
  }

  /** Inside the transaction, before the rollup is written. `noter` made the notes. */
  apply(notes: VisitNotes, noter: VisitNoter, values: { text(id: number): string }, rollup: Rollup): void {
    if (notes.size === 0 && notes.keyless.size === 0) return
    const tally = new Tally()
    this.#keptByKey = []
    this.#idsDay = Number.NaN
    this.#saveConditions(notes)
    const changed = new Set<number>()
    for (const [partition, lines] of notes.keyless) {
      this.#source(partition).keyless += lines
      changed.add(partition.id)
    }
    const distinct = new DistinctVisitors()
    for (let at = 0; at < notes.size; at++) {
      const partition = notes.partitions[at]!
      const source = this.#source(partition)
      changed.add(partition.id)
      this.#pruneAtDay(partition.id, source, notes.watermarksMs[at]!, tally)
      const kept = this.#visitorOf(notes, at, source)
      source.events++
      if (source.kind < 0) source.kind = notes.sources[at]!
      if (!kept) {
        source.untracked++
        continue
      }
      this.#checkKey(kept, source, notes.anonymous[at]!, notes.users[at]!)
      if (!this.#add(kept, notes, at, noter, values, tally)) source.late++
      this.#noteDistinct(kept, notes, at, distinct, tally)
    }
    this.#saveAll(this.#touched, tally)
    this.#touched = []
    for (const id of changed) this.#rows.saveSource(id, this.#sources.get(id)!)
    tally.into(rollup, this.#names)
    distinct.into(rollup)
    this.#keptByKey = []
    this.#evict()
  }

  /** Drops what a commit did not confirm. */
  forget(): void {
    this.#rows.forget()
    this.#cache.clear()
    this.#cached = 0
    this.#stepsHeld = 0
    this.#sources.clear()
    this.#samples.clear()
    this.#names.forget()
    this.#touched = []
    this.#watched = null
    this.#areConditionsSaved = false
  }

  #add(
    kept: Kept,
    notes: VisitNotes,
    at: number,
    noter: VisitNoter,
    values: { text(id: number): string },
    tally: Tally,
  ): boolean {
    const timeMs = notes.timesMs[at]!
    const day = this.#calendar.dayOf(timeMs)
    if (day !== this.#idsDay) {
      this.#idsDay = day
      this.#whats = []
      this.#touches = []
    }
    const [name, touch] = [notes.names[at]!, notes.touches[at]!]
    const step = {
      timeMs,
      name: (this.#whats[name] ??= this.#names.whatId(values.text(name), day)),
      touch: (this.#touches[touch] ??= this.#names.touchId(noter.touch(touch), day)),
      flags: notes.flags[at]!,
      goals: notes.goals[at]!,
      isFresh: true,
    }
    const source = notes.sources[at]!
    // A partition with both is no topic of ours; the first to come decides.
    if (kept.source < 0) kept.source = source
    if (!kept.isTouched) {
      kept.isTouched = true
      this.#touched.push(kept)
    }
    return addStep(kept.visitor, step, notes.watermarksMs[at]!, kept.source, this.#calendar, tally)
  }

  /** Distinct visitors and converters, by minute; conversions are counted as they come. */
  #noteDistinct(kept: Kept, notes: VisitNotes, at: number, distinct: DistinctVisitors, tally: Tally): void {
    const source = notes.sources[at]!
    const timeMs = notes.timesMs[at]!
    const atMs = Math.floor(timeMs / minuteMs) * minuteMs
    // What is in memory is committed, or of this flush: once a minute is enough.
    if (kept.distinctMs !== atMs) {
      kept.distinctMs = atMs
      distinct.note('', source, atMs, kept.key)
    }
    let goals = notes.goals[at]!
    if (goals === 0) return
    for (const { bit, condition } of this.watched()) {
      if ((goals & (1 << bit)) === 0) continue
      goals &= ~(1 << bit)
      for (const name of this.#goalNames(condition)) {
        tally.conversion(source, name, timeMs)
        distinct.note(name, source, atMs, kept.key)
      }
    }
  }

  #goalNames(condition: Condition): string[] {
    const text = conditionText(condition)
    return this.#settings.goals.filter(goal => conditionText(goal) === text).map(goal => goal.name)
  }

  #visitorOf(notes: VisitNotes, at: number, source: SourceState): Kept | null {
    const sourceId = notes.partitions[at]!.id
    const keyId = notes.keyIds[at]!
    const known = this.#keptByKey[keyId]
    if (known?.sourceId === sourceId) return known
    const kept = this.#visitor(sourceId, notes.keys.text(keyId), source)
    if (kept) this.#keptByKey[keyId] = kept
    return kept
  }

  #visitor(sourceId: number, key: string, source: SourceState): Kept | null {
    let ofSource = this.#cache.get(sourceId)
    if (!ofSource) {
      ofSource = new Map()
      this.#cache.set(sourceId, ofSource)
    }
    let kept = ofSource.get(key)
    if (kept) {
      // To the end: what was not used for long is dropped first.
      if (!kept.isTouched) {
        ofSource.delete(key)
        ofSource.set(key, kept)
      }
      return kept
    }
    const stored = this.#rows.visitor(sourceId, key)
    if (stored) {
      kept = { sourceId, key, visitor: visitorOf(stored.state), ...untouched, storedDay: stored.lastDay }
    } else {
      if (source.visitors >= visitorsMax) return null
      source.visitors++
      kept = { sourceId, key, visitor: newVisitor(), ...untouched, storedDay: null }
    }
    ofSource.set(key, kept)
    this.#cached++
    return kept
  }

  /**
   * One key, one visitor: it may come with another anonymous id if the user is the same, and the other way round.
   * Of a sample of visitors: one visitor, one key.
   */
  #checkKey(kept: Kept, source: SourceState, anonymous: number, user: number): void {
    const { visitor } = kept
    const isSame =
      (visitor.anonymous !== 0 && visitor.anonymous === anonymous) ||
      (visitor.user !== 0 && visitor.user === user)
    if ((visitor.anonymous !== 0 || visitor.user !== 0) && !isSame) source.mixed++
    if (visitor.anonymous === 0) visitor.anonymous = anonymous
    if (visitor.user === 0) visitor.user = user
    const field = anonymous === 0 ? user : anonymous
    let sample = this.#samples.get(source.topic)
    if (!sample) {
      sample = this.#rows.sample(source.topic)
      this.#samples.set(source.topic, sample)
    }
    let known = sample.get(field)
    if (known === undefined) {
      if (sample.size >= sampleMax) return
      known = this.#rows.addSample(source.topic, field, kept.key)
      sample.set(field, known)
    }
    source.checked++
    if (known !== kept.key) source.split++
  }

  #source(partition: PartitionFold): SourceState {
    let source = this.#sources.get(partition.id)
    if (!source) {
      source = this.#rows.source(partition.id, partition.topic)
      this.#sources.set(partition.id, source)
    }
    return source
  }

  /** At the same record whatever the batches: when the partition's newest event time enters another day. */
  #pruneAtDay(sourceId: number, source: SourceState, watermarkMs: number, tally: Tally): void {
    const day = this.#calendar.dayOf(watermarkMs)
    if (source.day === day || (source.day !== null && source.day > day)) return
    source.day = day
    this.#saveAll(
      this.#touched.filter(kept => kept.sourceId === sourceId),
      tally,
    )
    this.#touched = this.#touched.filter(kept => kept.isTouched)
    const gone = this.#rows.deleteVisitors(sourceId, day - visitorAgeDays)
    if (gone > 0) {
      source.visitors -= gone
      this.#keptByKey = []
      for (const kept of this.#cache.get(sourceId)?.values() ?? []) this.#drop(kept)
    }
    this.#names.prune(day)
    this.#idsDay = Number.NaN
  }

  #saveAll(touched: readonly Kept[], tally: Tally): void {
    for (const kept of touched) {
      const { visitor, sourceId, key } = kept
      settle(visitor, kept.source, this.#calendar, tally)
      kept.isTouched = false
      this.#stepsHeld += visitor.steps.length - kept.stepsHeld
      kept.stepsHeld = visitor.steps.length
      // Nothing was kept of one whose only event came too late.
      if (!Number.isFinite(visitor.lastMs)) continue
      const lastDay = this.#calendar.dayOf(visitor.lastMs)
      this.#rows.saveVisitor(sourceId, key, lastDay, visitorBytes(visitor), kept.storedDay)
      kept.storedDay = lastDay
    }
    this.#rows.saveGathered()
  }

  #saveConditions(notes: VisitNotes): void {
    if (this.#areConditionsSaved) return
    this.#areConditionsSaved = true
    const known = new Map(this.#rows.conditions().map(row => [row.text, row.bit]))
    const sinceMs = this.#rows.hasSources() ? firstWatermark(notes) : 0
    for (const { bit, condition } of this.watched()) {
      const text = conditionText(condition)
      if (known.get(text) !== bit) this.#rows.saveCondition({ bit, text, sinceMs })
    }
  }

  #evict(): void {
    while (this.#cached > cacheMax || this.#stepsHeld > cacheStepsMax) {
      const largest = [...this.#cache.values()].reduce((one, other) => (other.size > one.size ? other : one))
      // A hundredth at a time, of whichever partition has most.
      let left = Math.ceil(cacheMax / 100)
      for (const kept of largest.values()) {
        if (left-- <= 0) break
        this.#drop(kept)
      }
    }
  }

  #drop(kept: Kept): void {
    if (!this.#cache.get(kept.sourceId)?.delete(kept.key)) return
    this.#cached--
    this.#stepsHeld -= kept.stepsHeld
  }
}

/** Newest event time before these notes: what came earlier was not looked at for what is looked for now. */
function firstWatermark(notes: VisitNotes): number {
  const first = new Map<PartitionFold, number>()
  for (const [at, partition] of notes.partitions.entries()) {
    if (!first.has(partition)) first.set(partition, notes.watermarksMs[at]!)
  }
  return Math.max(0, ...first.values())
}

/** Goals, and steps of funnels with properties: others are told by their page or name at reading. */
function wantedConditions({ goals, funnels }: VisitSettings): Condition[] {
  const steps = funnels.flatMap(funnel => funnel.steps).filter(step => step.where !== undefined)
  const byText = new Map([...goals, ...steps].map(step => [conditionText(step), step]))
  return [...byText.values()]
}

/** A condition keeps its bit as long as it is configured. */
function bitsOf(conditions: readonly Condition[], known: readonly (readonly [string, number])[]): Watched[] {
  if (conditions.length > conditionsMax) {
    throw new RangeError(`Cannot watch for more than ${conditionsMax} goals and steps with properties`)
  }
  const bits = new Map(known)
  const taken = new Set(conditions.map(condition => bits.get(conditionText(condition))))
  const free = Array.from({ length: conditionsMax }, (_, bit) => bit).filter(bit => !taken.has(bit))
  return conditions.map(condition => ({
    condition,
    bit: bits.get(conditionText(condition)) ?? free.shift()!,
  }))
}
