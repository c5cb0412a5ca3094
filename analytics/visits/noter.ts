// From a parsed line to a note about its visitor: is it a page, something done, or nothing a visit is made of? Called
// by the fold for every event and request; allocates nothing for values seen before.
import { eventFields } from '../../agent/formats/json-event.ts'
import { type FieldSpans, fieldKinds } from '../../agent/formats/json-scan.ts'
import { contentOf } from '../enrich/content.ts'
import type { FoldState, PartitionFold } from '../fold/fold-state.ts'
import { ByteInterner } from '../fold/interner.ts'
import { hashBytes, hashed } from '../sketches/hash.ts'
import { type Condition, hasProperties, meets } from './conditions.ts'
import type { Touch } from './tally-sums.ts'
import { stepFlags } from './visit-rules.ts'

/** One condition that is looked for in every event, and its bit in the notes. */
export interface Watched {
  readonly bit: number
  readonly condition: Condition
}

/** Bytes of the fields from which an origin is told. */
const originBytesMax = 1024

export class VisitNoter {
  readonly #state: FoldState
  readonly #watched: readonly Watched[]
  readonly #origins = new ByteInterner(originBytesMax)
  readonly #touches: Touch[] = []
  readonly #candidates = new Map<number, readonly Watched[]>()
  readonly #pages: boolean[] = []
  #partition: PartitionFold | null = null
  #record: Buffer | null = null
  #keyStart = -1
  #keyEnd = -1
  #valueStart = 0
  #valueEnd = 0

  constructor(state: FoldState, watched: readonly Watched[]) {
    this.#state = state
    this.#watched = watched
  }

  /** Which record the lines that follow come from. */
  begin(
    partition: PartitionFold,
    record: Buffer,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
  ): void {
    this.#partition = partition
    this.#record = record
    this.#keyStart = keyStart
    this.#keyEnd = keyEnd
    this.#valueStart = valueStart
    this.#valueEnd = valueEnd
  }

  /** Only a page is looked at: a path with the ending of a picture or a script is part of one. */
  isPage(path: number): boolean {
    return (this.#pages[path] ??= contentOf(this.#state.values.text(path)) === 'page')
  }

  /** What the origin of a note stands for. */
  touch(id: number): Touch {
    return this.#touches[id]!
  }

  /** A behaviour event. `path` is its page's number, `name` that of its event or type. */
  event(buffer: Buffer, timeMs: number, isPage: boolean, path: number, name: number, touch: number): void {
    const { spans } = this.#state.event
    const anonymous = fieldHash(buffer, spans, eventFields.anonymousId)
    const user = fieldHash(buffer, spans, eventFields.userId)
    // A line that names nobody belongs to no visit.
    if (anonymous === 0 && user === 0) return
    const named = spans.kinds[eventFields.event] !== fieldKinds.absent
    const isTrack = isWord(buffer, spans, eventFields.type, trackBytes) || (named && !hasType(spans))
    const flags = isPage
      ? stepFlags.page
      : isWord(buffer, spans, eventFields.event, autocaptureBytes)
        ? stepFlags.interactive | stepFlags.autocapture
        : isTrack
          ? stepFlags.interactive
          : 0
    const what = isPage ? path : name
    const goals = this.#watched.length === 0 ? 0 : this.#goals(isPage, what, true)
    this.#note(timeMs, what, touch, flags, goals, anonymous, user, 0)
  }

  /** A request for a page; the caller has left out bots, files and failures. */
  request(buffer: Buffer, timeMs: number, path: number, touch: number): void {
    const { combined } = this.#state
    hashBytes(buffer, combined.clientStart, combined.clientEnd)
    hashBytes(buffer, combined.agentStart, combined.agentEnd, hashed.high ^ hashed.low)
    const visitor = hashed.low | 1
    const goals = this.#watched.length === 0 ? 0 : this.#goals(true, path, false)
    this.#note(timeMs, path, touch, stepFlags.page, goals, visitor, 0, 1)
  }

  /** The number of an origin; `tell` is asked at its first sight. */
  origin(bytes: Uint8Array, start: number, end: number, tell: () => Touch): number {
    const id = this.#origins.idOf(bytes, start, end)
    this.#touches[id] ??= tell()
    return id
  }

  #note(
    timeMs: number,
    name: number,
    touch: number,
    flags: number,
    goals: number,
    anonymous: number,
    user: number,
    source: number,
  ): void {
    const partition = this.#partition
    if (partition === null) return
    const notes = this.#state.pending.visits
    if (this.#keyEnd <= this.#keyStart || this.#keyStart < 0) {
      notes.noKey(partition)
      return
    }
    notes.partitions.push(partition)
    notes.keyIds.push(notes.keys.idOf(this.#record!, this.#keyStart, this.#keyEnd))
    notes.timesMs.push(timeMs)
    notes.watermarksMs.push(partition.watermarkMs)
    notes.names.push(name)
    notes.touches.push(touch)
    notes.flags.push(flags)
    notes.goals.push(goals)
    notes.anonymous.push(anonymous)
    notes.users.push(user)
    notes.sources.push(source)
  }

  #goals(isPage: boolean, name: number, hasLine: boolean): number {
    const key = isPage ? name * 2 : name * 2 + 1
    let candidates = this.#candidates.get(key)
    if (!candidates) {
      const text = this.#state.values.text(name)
      candidates = this.#watched.filter(({ condition }) => meets(condition, isPage, text))
      this.#candidates.set(key, candidates)
    }
    let goals = 0
    let parsed: unknown
    for (const { bit, condition } of candidates) {
      if (condition.where !== undefined) {
        if (!hasLine) continue
        parsed ??= parse(this.#record!, this.#valueStart, this.#valueEnd)
        if (!hasProperties(condition.where, parsed)) continue
      }
      goals |= 1 << bit
    }
    return goals
  }
}

const trackBytes = Buffer.from('track')
const autocaptureBytes = Buffer.from('$autocapture')

function isWord(buffer: Buffer, spans: FieldSpans, field: number, word: Buffer): boolean {
  if (spans.kinds[field] !== fieldKinds.text) return false
  return buffer.compare(word, 0, word.length, spans.starts[field]!, spans.ends[field]!) === 0
}

/** True where there is a type: one that is neither page nor track is none of the visitor's doing, as `identify`. */
function hasType(spans: FieldSpans): boolean {
  return (
    spans.starts[eventFields.type] !== spans.ends[eventFields.type] && spans.kinds[eventFields.type] !== 0
  )
}

function fieldHash(buffer: Buffer, spans: FieldSpans, field: number): number {
  const kind = spans.kinds[field]
  if (kind !== fieldKinds.text && kind !== fieldKinds.escapedText) return 0
  const start = spans.starts[field]!
  const end = spans.ends[field]!
  if (start === end) return 0
  hashBytes(buffer, start, end)
  return hashed.low | 1
}

function parse(line: Buffer, start: number, end: number): unknown {
  try {
    return JSON.parse(line.toString('utf8', start, end))
  } catch {
    return null
  }
}
