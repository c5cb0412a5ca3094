// What happens to a line between its file and its batch, in this order: include and exclude, sample, redact. Pure.
// A line that is not wanted is simply not handed on: the frontier passes it. Made anew for every src.
import { halfSipHash, hashed } from './half-siphash.ts'
import type { LineRules } from './line-rules.ts'
import { compilePattern, matches } from './patterns.ts'
import { Redactor } from './redact.ts'

export class Processing {
  readonly #include: readonly RegExp[]
  readonly #exclude: readonly RegExp[]
  readonly #redactor: Redactor | null
  readonly #sample: number
  readonly #src: string
  readonly #place = Buffer.alloc(96)

  /** `secret` keys the hashes that replace secrets, `src` the sampling. */
  constructor(rules: LineRules, src: string, secret: string) {
    this.#include = (rules.includeLines ?? []).map(compilePattern)
    this.#exclude = (rules.excludeLines ?? []).map(compilePattern)
    this.#redactor = rules.redact ? new Redactor(rules.redact, secret) : null
    this.#sample = rules.sample ?? 1
    this.#src = src
  }

  get redacts(): boolean {
    return this.#redactor !== null
  }

  /** Whether the record is wanted. `position` is where it begins in its file. */
  wants(bytes: Buffer, start: number, end: number, position: number): boolean {
    if (this.#include.length > 0 || this.#exclude.length > 0) {
      const text = bytes.toString('latin1', start, end)
      if (this.#include.length > 0 && !this.#include.some(pattern => matches(pattern, text))) return false
      if (this.#exclude.some(pattern => matches(pattern, text))) return false
    }
    return this.#sample >= 1 || this.#isSampled(position)
  }

  /** The line without its secrets; null when it has none. */
  redact(bytes: Buffer, start: number, end: number): Buffer | null {
    return this.#redactor?.redact(bytes, start, end) ?? null
  }

  /** By a hash of (src, position): whoever sends the line again decides the same. */
  #isSampled(position: number): boolean {
    const length = this.#place.write(`${this.#src}@${position}`, 'latin1')
    halfSipHash({ low: 0x7461696c, high: 0x72616365 }, this.#place, 0, length)
    return (hashed.low >>> 0) / 4_294_967_296 < this.#sample
  }
}
