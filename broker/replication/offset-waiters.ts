// Who waits for a partition's log to be safe up to an offset: told once, in order, without a promise or a closure each.
import type { ErrorName } from '../protocol/errors.ts'

/** Somebody who appended and wants to know when that is safe. Told exactly once. */
export interface AppendWaiter {
  /** It has a deadline of its own: while too few replicas are in sync it waits on, as those of Kafka do. */
  readonly isPatient?: boolean
  settled(error: ErrorName): void
}

/**
 * Waiters in the order of their offsets. A duplicate may wait for less than those before it; it is told with them,
 * which is late but never wrong.
 */
export class OffsetWaiters {
  readonly #ends: number[] = []
  readonly #waiters: AppendWaiter[] = []
  /** Before it everybody has been told; the arrays are cut when that is worth it. */
  #head = 0

  park(end: number, waiter: AppendWaiter): void {
    this.#ends.push(end)
    this.#waiters.push(waiter)
  }

  release(offset: number): void {
    while (this.#head < this.#ends.length && this.#ends[this.#head]! <= offset) {
      this.#waiters[this.#head++]!.settled('none')
    }
    if (this.#head === this.#ends.length) this.#forget()
    else if (this.#head > 1024) this.#cut()
  }

  fail(error: ErrorName): void {
    const told = this.#waiters.slice(this.#head)
    this.#forget()
    for (const waiter of told) waiter.settled(error)
  }

  /** All but the patient ones. */
  failImpatient(error: ErrorName): void {
    const ends = this.#ends.slice(this.#head)
    const waiters = this.#waiters.slice(this.#head)
    this.#forget()
    for (const [index, waiter] of waiters.entries()) if (waiter.isPatient) this.park(ends[index]!, waiter)
    for (const waiter of waiters) if (!waiter.isPatient) waiter.settled(error)
  }

  #forget(): void {
    this.#ends.length = 0
    this.#waiters.length = 0
    this.#head = 0
  }

  #cut(): void {
    this.#ends.splice(0, this.#head)
    this.#waiters.splice(0, this.#head)
    this.#head = 0
  }
}
