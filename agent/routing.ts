// How a line finds its partition: topic, partition count, key rule. A src has one routing for life; what is sent
// again goes where it went the first time, whatever the configuration says by then. Pure.
import { partitionForKey } from '../broker/protocol/murmur2.ts'
import { recordFormatOf } from './emit.ts'
import { type LineFormat, topicOfFormat, visitorFieldOf } from './formats/registry.ts'
import { type KeyRule, keyLength, keyRule, writeBlockKey, writeVisitorKey } from './key.ts'
import { type LineRules, sameRules } from './line-rules.ts'

/** As it lies in the checkpoint: everything that is needed to route a line the same way again. */
export interface Routing {
  readonly topic: string
  readonly partitions: number
  readonly format: LineFormat
  readonly keyField: string | null
  /** The seeded hash key, 16 hex digits: another seed is another routing. */
  readonly hashKey: string
  /** Absent for UTF-8. */
  readonly encoding?: string
  /** What else the input says about its lines; absent where it says nothing. */
  readonly rules?: LineRules
}

export function sameRouting(a: Routing, b: Routing): boolean {
  return (
    a.topic === b.topic &&
    a.partitions === b.partitions &&
    a.format === b.format &&
    a.keyField === b.keyField &&
    a.hashKey === b.hashKey &&
    a.encoding === b.encoding &&
    sameRules(a.rules, b.rules)
  )
}

export function topicOf(format: LineFormat, configured: string | undefined): string {
  return configured ?? topicOfFormat(format)
}

/** Behaviour events are keyed by their visitor unless told otherwise. */
export function keyFieldOf(format: LineFormat, configured: string | undefined): string | null {
  return configured ?? visitorFieldOf(format)
}

/** Routes the lines of one range. Holds the last key it made: `key` is void after the next call. */
export class Router {
  readonly routing: Routing
  readonly key: Buffer = Buffer.alloc(keyLength)
  readonly #rule: KeyRule
  readonly #fileId: string
  readonly #blockKey = Buffer.alloc(keyLength)
  #block = -1

  constructor(routing: Routing, fileId: string) {
    const words = Buffer.from(routing.hashKey, 'hex')
    const hashKey = { low: words.readInt32LE(0), high: words.readInt32LE(4) }
    this.routing = routing
    this.#rule = keyRule(recordFormatOf(routing), hashKey, routing.keyField)
    this.#fileId = fileId
  }

  /** The partition of the line `bytes[start, end)` that starts at `position` of its file; its key is in `key`. */
  route(bytes: Buffer, start: number, end: number, position: number): number {
    if (!writeVisitorKey(this.#rule, bytes, start, end, this.key)) this.#takeBlockKey(position)
    return partitionForKey(this.key, this.routing.partitions)
  }

  #takeBlockKey(position: number): void {
    const block = position >>> 0 === position ? position >>> 20 : Math.floor(position / 1_048_576)
    if (block !== this.#block) {
      writeBlockKey(this.#rule, this.#fileId, position, this.#blockKey)
      this.#block = block
    }
    this.#blockKey.copy(this.key)
  }
}

export function hashKeyText(key: { readonly low: number; readonly high: number }): string {
  const words = Buffer.alloc(8)
  words.writeInt32LE(key.low, 0)
  words.writeInt32LE(key.high, 4)
  return words.toString('hex')
}
