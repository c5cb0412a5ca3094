// What a history reveals of each key's log: which values stand at which offset, in which order, who wrote them and
// whether anybody may rely on them. Every rule of the checker asks here. Pure; linear in the history.
import type { Key, Operation } from './history.ts'

export class KeyLog {
  readonly key: Key
  /** Value → operation that sent it. */
  readonly writer = new Map<number, Operation>()
  /** Values that an ok poll has handed out. */
  readonly okRead = new Set<number>()
  /** Offset → value, or values when the histories of two clients contradict each other. */
  readonly slots = new Map<number, number | Set<number>>()
  /** Known offsets, rising: a place in this list is a dense index, without the log's holes. */
  offsets: number[] = []
  /** Offset → when it was first known to exist, in ns. */
  readonly knownNs = new Map<number, number>()
  /** Value → every offset it was found at, for values at more than one. */
  readonly duplicates = new Map<number, Set<number>>()
  readonly #firstOffset = new Map<number, number>()
  readonly #index = new Map<number, number>()

  constructor(key: Key) {
    this.key = key
  }

  place(offset: number, value: number, timeNs: number): void {
    const slot = this.slots.get(offset)
    if (slot === undefined) {
      this.slots.set(offset, value)
      this.offsets.push(offset)
      this.knownNs.set(offset, timeNs)
    } else {
      if (timeNs < this.knownNs.get(offset)!) this.knownNs.set(offset, timeNs)
      if (slot === value) return
      if (typeof slot === 'number') this.slots.set(offset, new Set([slot, value]))
      else slot.add(value)
    }
    const first = this.#firstOffset.get(value)
    if (first === undefined) this.#firstOffset.set(value, offset)
    else if (first !== offset) {
      const all = this.duplicates.get(value)
      if (all) all.add(offset)
      else this.duplicates.set(value, new Set([first, offset]))
      if (offset < first) this.#firstOffset.set(value, offset)
    }
  }

  /** Once everything is placed. */
  seal(): void {
    this.offsets.sort((one, other) => one - other)
    for (let index = 0; index < this.offsets.length; index++) this.#index.set(this.offsets[index]!, index)
  }

  valuesAt(index: number): readonly number[] {
    const slot = this.slots.get(this.offsets[index]!)
    return slot === undefined ? [] : typeof slot === 'number' ? [slot] : [...slot]
  }

  indexOfOffset(offset: number): number | undefined {
    return this.#index.get(offset)
  }

  firstIndex(value: number): number | undefined {
    const offset = this.#firstOffset.get(value)
    return offset === undefined ? undefined : this.#index.get(offset)
  }

  lastIndex(value: number): number | undefined {
    const all = this.duplicates.get(value)
    return all ? this.#index.get(Math.max(...all)) : this.firstIndex(value)
  }
}

export interface Facts {
  readonly operations: readonly Operation[]
  readonly logs: ReadonlyMap<Key, KeyLog>
  /** It has happened: it is ok, or unknown and somebody read one of its values. */
  mustCommit(operation: Operation): boolean
  /** Key and value of what was read though nobody ever sent it. */
  readonly unwritten: readonly { readonly key: Key; readonly value: number }[]
}

export function factsOf(operations: readonly Operation[]): Facts {
  const logs = new Map<Key, KeyLog>()
  const logOf = (key: Key) => {
    let log = logs.get(key)
    if (!log) logs.set(key, (log = new KeyLog(key)))
    return log
  }
  for (const operation of operations) {
    for (const action of operation.actions) {
      if (action.f !== 'send') continue
      const { writer } = logOf(action.key)
      if (writer.has(action.value)) {
        throw new TypeError(`The test is at fault: ${action.value} is sent twice to ${action.key}`)
      }
      writer.set(action.value, operation)
    }
  }
  const proven = new Uint8Array(operations.length)
  const unwritten: { key: Key; value: number }[] = []
  eachRead(operations, (operation, key, _offset, value) => {
    const log = logOf(key)
    const writer = log.writer.get(value)
    if (!writer) unwritten.push({ key, value })
    if (operation.type !== 'ok') return
    log.okRead.add(value)
    if (writer) proven[writer.id] = 1
  })
  const mustCommit = (operation: Operation) =>
    operation.type === 'ok' || (operation.type === 'info' && proven[operation.id] === 1)
  for (const operation of operations) {
    if (!mustCommit(operation)) continue
    for (const action of operation.actions) {
      if (action.f !== 'send' || action.offset === null) continue
      logOf(action.key).place(action.offset, action.value, operation.completedNs)
    }
  }
  // Polls that did not succeed count too: a consumer must never be handed what is not so, whatever comes after.
  eachRead(operations, (operation, key, offset, value) =>
    logOf(key).place(offset, value, operation.completedNs),
  )
  for (const log of logs.values()) log.seal()
  return { operations, logs, mustCommit, unwritten }
}

function eachRead(
  operations: readonly Operation[],
  visit: (operation: Operation, key: Key, offset: number, value: number) => void,
): void {
  for (const operation of operations) {
    for (const action of operation.actions) {
      if (action.f !== 'poll') continue
      for (const key in action.reads) {
        for (const [offset, value] of action.reads[key]!) visit(operation, key, offset, value)
      }
    }
  }
}
