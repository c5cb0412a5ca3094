// Deadlines of parked requests: thousands of them, most cancelled long before they are due, so scheduling and
// cancelling are a few pointer writes and nothing is allocated. One timer drives all, set for the earliest.
import type { Clock } from '../../runtime/clock.ts'

/** A parked request. It carries its own links, so it can be in one wheel once. */
export interface Timed {
  deadlineMs: number
  /** Owned by the wheel. */
  wheelSlot: number
  wheelNext: Timed | null
  wheelPrevious: Timed | null
  onDeadline(): void
}

export const unscheduled = -1
const tickMs = 5
const slotCount = 1024

export class TimerWheel {
  readonly #clock: Clock
  /** A doubly linked list a slot; an entry further ahead than one turn is passed over until its turn comes. */
  readonly #slots: (Timed | null)[] = new Array<Timed | null>(slotCount).fill(null)
  #position = 0
  #count = 0
  #timer: NodeJS.Timeout | undefined
  #armedTick = Infinity

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get count(): number {
    return this.#count
  }

  /** `deadlineMs` of the entry is on the monotonic clock. */
  schedule(entry: Timed): void {
    if (entry.wheelSlot !== unscheduled) throw new Error('Cannot schedule: already in the wheel')
    if (this.#count++ === 0) this.#position = Math.floor(this.#clock.monotonicMs() / tickMs)
    const tick = Math.max(Math.ceil(entry.deadlineMs / tickMs), this.#position + 1)
    if (tick < this.#armedTick) this.#arm(tick)
    const slot = tick % slotCount
    const first = this.#slots[slot] ?? null
    entry.wheelSlot = slot
    entry.wheelPrevious = null
    entry.wheelNext = first
    if (first) first.wheelPrevious = entry
    this.#slots[slot] = entry
  }

  cancel(entry: Timed): void {
    if (entry.wheelSlot === unscheduled) return
    if (entry.wheelPrevious) entry.wheelPrevious.wheelNext = entry.wheelNext
    else this.#slots[entry.wheelSlot] = entry.wheelNext
    if (entry.wheelNext) entry.wheelNext.wheelPrevious = entry.wheelPrevious
    entry.wheelSlot = unscheduled
    entry.wheelNext = null
    entry.wheelPrevious = null
    // The timer stays as it is: it then finds nothing, which is cheaper than moving it for each answered request.
    this.#count--
  }

  /** Ends what is due. Called by the timer; by tests with a clock of their own. */
  advance(): void {
    const nowMs = this.#clock.monotonicMs()
    const target = Math.floor(nowMs / tickMs)
    // After a long pause one turn visits every slot; more would visit them again.
    let position = Math.max(this.#position, target - slotCount)
    while (position < target && this.#count > 0) {
      position++
      this.#position = position
      this.#expire(position % slotCount, nowMs)
    }
    this.#position = target
    this.#armForNext()
  }

  close(): void {
    this.#stop()
  }

  #expire(slot: number, nowMs: number): void {
    let entry = this.#slots[slot] ?? null
    while (entry) {
      const next: Timed | null = entry.wheelNext
      if (entry.deadlineMs <= nowMs) {
        this.cancel(entry)
        entry.onDeadline()
      }
      // What a deadline did may have taken the next entry out too: then start over.
      entry = next && next.wheelSlot !== slot ? (this.#slots[slot] ?? null) : next
    }
  }

  #arm(tick: number): void {
    clearTimeout(this.#timer)
    this.#armedTick = tick
    const delayMs = Math.max(0, tick * tickMs - this.#clock.monotonicMs())
    this.#timer = setTimeout(() => this.advance(), Math.ceil(delayMs))
  }

  #armForNext(): void {
    this.#stop()
    if (this.#count === 0) return
    for (let tick = this.#position + 1; tick <= this.#position + slotCount; tick++) {
      if (this.#slots[tick % slotCount]) {
        this.#arm(tick)
        return
      }
    }
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#armedTick = Infinity
  }
}
