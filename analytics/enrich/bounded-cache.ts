// A cache that never holds more than it was told, and keeps what is used: two halves, of which the older is thrown away
// when the younger is full; a hit in the older one moves to the younger. Pure; nothing is counted or sorted at a hit.

export class BoundedCache<Key, Value extends object | string | number> {
  readonly #halfMax: number
  #young = new Map<Key, Value>()
  #old = new Map<Key, Value>()

  constructor(entriesMax: number) {
    this.#halfMax = Math.max(Math.floor(entriesMax / 2), 1)
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(key: Key): Value | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) this.set(key, old)
    return old
  }

  set(key: Key, value: Value): void {
    if (this.#young.size >= this.#halfMax && !this.#young.has(key)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, value)
  }
}
