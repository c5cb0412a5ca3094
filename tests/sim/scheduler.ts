// Virtual time: a queue of events in the order of their times, and the hash of what happened. One seed, one order.
// While a simulation runs, the process's own clocks and timers are this one's. Touches those globals, nothing else.
import { hash, Random } from '../model/random.ts'

interface Scheduled {
  readonly atMs: number
  readonly order: number
  readonly what: string
  readonly run: () => void
}

export class Scheduler {
  readonly random: Random
  nowMs = 0
  executed = 0
  traceHash = 0x811c9dc5
  /** Null unless the story is to be told. */
  readonly trace: string[] | null
  readonly #heap: Scheduled[] = []
  #order = 0

  constructor(seed: number, isTold = false) {
    this.random = new Random(seed)
    this.trace = isTold ? [] : null
  }

  after(delayMs: number, what: string, run: () => void): void {
    const added = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#order++, what, run }
    const heap = this.#heap
    let at = heap.length
    heap.push(added)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(added, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = added
  }

  /** False when nothing is left. */
  runNext(): boolean {
    const next = this.#take()
    if (!next) return false
    this.nowMs = next.atMs
    this.executed++
    this.traceHash = hash(`${next.atMs} ${next.what}`, this.traceHash)
    next.run()
    return true
  }

  /** A fact worth telling; also part of the hash. */
  note(text: string): void {
    this.traceHash = hash(text, this.traceHash)
    this.trace?.push(`${String(this.nowMs).padStart(6)} ${text}`)
  }

  /** A time between the bounds, with a long tail now and then. */
  between(lowMs: number, highMs: number): number {
    return lowMs + this.random.below(highMs - lowMs + 1)
  }

  #take(): Scheduled | undefined {
    const heap = this.#heap
    const [first] = heap
    const last = heap.pop()
    if (heap.length === 0 || !last) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }
}

function isBefore(one: Scheduled, other: Scheduled): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order)
}

const realImmediate = globalThis.setImmediate

/** Everything that waits for a promise that is settled by now goes on as far as it can. */
export function drain(): Promise<void> {
  return new Promise(resolve => realImmediate(resolve))
}

/** Timers of the real code become events; `schedule` says in whose name. The wall clock is out of reach. */
export async function inVirtualTime<T>(
  scheduler: Scheduler,
  schedule: (delayMs: number, run: () => void) => void,
  run: () => Promise<T>,
): Promise<T> {
  const { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval } = globalThis
  const real = { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval }
  const { random } = Math
  const { now: wallNow } = Date
  const refuse = (name: string) => () => {
    throw new Error(`${name} is not part of a simulation`)
  }
  const repeat = (isRepeated: boolean, run: Callback, delayMs = 0, ...given: unknown[]) => {
    const timer = { isOver: false, unref: () => timer, ref: () => timer, hasRef: () => true }
    const fire = () => {
      if (timer.isOver) return
      if (isRepeated) schedule(delayMs, fire)
      run(...given)
    }
    schedule(delayMs, fire)
    return timer
  }
  const clear = (timer?: { isOver: boolean }) => {
    if (timer) timer.isOver = true
  }
  Object.assign(globalThis, {
    setTimeout: repeat.bind(null, false),
    setInterval: repeat.bind(null, true),
    setImmediate: (run: Callback, ...given: unknown[]) => repeat(false, run, 0, ...given),
    clearTimeout: clear,
    clearInterval: clear,
  })
  Object.defineProperty(performance, 'now', { value: () => scheduler.nowMs, configurable: true })
  Math.random = refuse('Math.random')
  Date.now = refuse('Date.now')
  try {
    return await run()
  } finally {
    Object.assign(globalThis, real)
    Reflect.deleteProperty(performance, 'now')
    Math.random = random
    Date.now = wallNow
  }
}

type Callback = (...given: unknown[]) => void
