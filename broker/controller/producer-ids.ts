// Producer ids, never the same twice over all lives of the cluster: any broker claims a block in the store before it
// gives the first of it. No controller is needed for that: the entry's version decides between two who claim at once.
import type { Guard, MetadataStore } from '../metadata/store.ts'
import { decodeValue, encodeValue, keys } from './cluster-state.ts'
import { ControllerFencedError } from './registration.ts'
import { transactionTimeoutMs } from './store-writes.ts'

/** Handed out one by one from memory; a crash skips the rest of a block, ids are plenty. */
const producerIdBlock = 1_000
const attemptsMax = 20

export class ProducerIds {
  readonly #store: () => MetadataStore
  readonly #guard: () => Guard
  #next = 0
  #end = 0
  #refill: Promise<void> | null = null

  constructor(store: () => MetadataStore, guard: () => Guard) {
    this.#store = store
    this.#guard = guard
  }

  async next(): Promise<number> {
    while (this.#next === this.#end) {
      this.#refill ??= this.#claim().finally(() => {
        this.#refill = null
      })
      await this.#refill
    }
    return this.#next++
  }

  async #claim(): Promise<void> {
    const store = this.#store()
    const key = keys.producerIds
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const current = await store.get(key)
      const next = current ? decodeValue<{ next: number }>(current).value.next : 0
      const value = encodeValue({ next: next + producerIdBlock })
      const operation = current ? { update: key, value, version: current.version } : { create: key, value }
      // After 'unknown' the block may be ours or lost: the next one is claimed, ids are plenty.
      const result = await store.transact([this.#guard()], [operation], transactionTimeoutMs)
      if (result.outcome === 'applied') {
        this.#next = next
        this.#end = next + producerIdBlock
        return
      }
    }
    throw new ControllerFencedError('Cannot claim producer ids: the store refuses it')
  }
}
