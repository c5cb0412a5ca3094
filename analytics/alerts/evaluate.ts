// What a rule comes to at a moment of event time, from committed rows: one sample for each group. Reads only buckets
// that are final enough: `finalUntil` says up to when.
import { type Reading, stats } from '../queries/answers.ts'
import { freshness } from '../queries/freshness.ts'
import { ProblemError } from '../queries/problem.ts'
import { type Breakdown, breakdown, dimensionNamed, filtersOf, metricNamed } from '../queries/question.ts'
import { durationMs, isTrue, type Rule } from './rule.ts'
import { keyOf, type Labels, type Sample } from './step.ts'

/** Groups of one rule; those that count least beyond them are not judged. */
const groupsMax = 1000
/** A group that was not seen for so long is no longer missed. */
const missedForMs = 86_400_000
const quarterMs = 900_000

/** Values of one group, or of all of them where there is one group only. */
interface Measured {
  readonly labels: Labels
  readonly value: number | null
}

/**
 * Event time before which buckets are final for a rule: behind the watermark by what it waits for late lines; with
 * everything read, behind the clock. Null while nothing is known.
 */
export function finalUntil(reading: Reading, settleMs: number, isReading: boolean): number | null {
  const { watermark, lagRecords } = freshness(reading, reading.nowMs)
  if (isReading && lagRecords === 0) return reading.nowMs - settleMs
  return watermark === null ? null : Math.min(watermark, reading.nowMs) - settleMs
}

export class RuleEvaluator {
  readonly #rule: Rule
  readonly #wanted: Breakdown
  readonly #windowMs: number
  /** Groups seen in the day before, for rules about absence; read anew every quarter of an hour. */
  #seen: { readonly untilMs: number; readonly groups: ReadonlyMap<string, Labels> } | null = null

  /** Throws a ProblemError for a metric, dimension, filter or value that does not exist. */
  constructor(rule: Rule) {
    this.#rule = rule
    this.#windowMs = durationMs(rule.window)!
    this.#wanted = breakdown(metricNamed(rule.metric), rule.by.map(dimensionNamed), filtersOf(rule.filter))
    if (rule.kind !== 'absence') this.#refuseUnknownValue(rule.value)
  }

  /** `known` are the labels of the groups that have an alert. */
  samples(reading: Reading, atMs: number, known: Iterable<Labels>): Map<string, Sample> {
    const rule = this.#rule
    if (rule.kind === 'absence') return this.#absences(reading, atMs, known)
    const groups = this.#measure(reading, atMs)
    for (const labels of known) {
      const key = keyOf(labels)
      if (!groups.has(key)) groups.set(key, { labels, value: this.#ofNothing() })
    }
    const before = rule.kind === 'change' ? this.#before(reading, atMs, durationMs(rule.offset)!) : null
    const samples = new Map<string, Sample>()
    for (const [key, { labels, value }] of groups) {
      const judged = before && rule.kind === 'change' ? changeOf(value, before(key), rule.unit) : value
      const isSo = judged !== null && isTrue(judged, rule.op, rule.threshold)
      samples.set(key, { labels, value: judged, isTrue: isSo })
    }
    return samples
  }

  /** A window of counts in which nothing was counted has zero; of a quantile, nothing is known. */
  #ofNothing(): number | null {
    const { kind } = this.#wanted.definition
    return kind === 'count' || kind === 'distinct' ? 0 : null
  }

  #measure(reading: Reading, atMs: number): Map<string, Measured> {
    const rule = this.#rule
    const { metric, by, filters, definition } = this.#wanted
    const span = { fromMs: atMs - this.#windowMs, toMs: atMs }
    const { rows, window } = stats(reading, metric, span, by, filters, groupsMax)
    const name = rule.kind === 'absence' ? 'value' : valueNameOf(rule.value, definition.kind)
    // Long ago only wider buckets are kept: counts are brought to the window's own length.
    const scale =
      definition.kind === 'count' && name === 'value' ? this.#windowMs / (window.to - window.from) : 1
    return new Map(
      rows.map(({ labels, values }) => {
        const value = values[name] ?? null
        return [keyOf(labels), { labels, value: value === null ? null : value * scale }]
      }),
    )
  }

  /** What each group was `offsetMs` earlier; unknown for all where nothing at all was counted then. */
  #before(reading: Reading, atMs: number, offsetMs: number): (key: string) => number | null {
    const thenMs = atMs - offsetMs
    const span = { fromMs: thenMs - this.#windowMs, toMs: thenMs }
    const lines = stats(reading, metricNamed('lines'), span, [], new Map(), 1).rows[0]?.values['value'] ?? 0
    if (lines === 0) return () => null
    const groups = this.#measure(reading, thenMs)
    return key => (groups.has(key) ? groups.get(key)!.value : this.#ofNothing())
  }

  #absences(reading: Reading, atMs: number, known: Iterable<Labels>): Map<string, Sample> {
    const present = this.#present(reading, atMs - this.#windowMs, atMs)
    const samples = new Map<string, Sample>()
    if (this.#wanted.by.length === 0) {
      const isAbsent = present.size === 0
      samples.set(keyOf({}), { labels: {}, value: isAbsent ? 0 : 1, isTrue: isAbsent })
      return samples
    }
    for (const [key, labels] of present) samples.set(key, { labels, value: 1, isTrue: false })
    for (const [key, labels] of this.#seenBefore(reading, atMs)) {
      if (!samples.has(key)) samples.set(key, { labels, value: 0, isTrue: true })
    }
    // Gone for longer than anybody misses it.
    for (const labels of known) {
      const key = keyOf(labels)
      if (!samples.has(key)) samples.set(key, { labels, value: 0, isTrue: false })
    }
    return samples
  }

  #seenBefore(reading: Reading, atMs: number): ReadonlyMap<string, Labels> {
    const untilMs = Math.ceil((atMs - this.#windowMs) / quarterMs) * quarterMs
    if (this.#seen?.untilMs !== untilMs) {
      this.#seen = { untilMs, groups: this.#present(reading, untilMs - missedForMs, untilMs) }
    }
    return this.#seen.groups
  }

  /** Groups of which anything was counted in [from, to). */
  #present(reading: Reading, fromMs: number, toMs: number): Map<string, Labels> {
    const { metric, by, filters, definition } = this.#wanted
    const { rows } = stats(reading, metric, { fromMs, toMs }, by, filters, groupsMax)
    const size = definition.kind === 'distribution' ? 'count' : 'value'
    const seen = rows.filter(({ values }) => (values[size] ?? 0) !== 0)
    return new Map(seen.map(({ labels }) => [keyOf(labels), labels]))
  }

  #refuseUnknownValue(name: string | undefined): void {
    const { kind } = this.#wanted.definition
    const known = valueNames(kind)
    if (name === undefined && kind !== 'distribution') return
    if (name !== undefined && known.includes(name)) return
    const detail =
      name === undefined
        ? `Say which value of ${this.#rule.metric} is compared: one of ${known.join(', ')}.`
        : `${this.#rule.metric} has no value "${name.slice(0, 40)}". Known: ${known.join(', ')}.`
    throw new ProblemError(400, 'unknown-value', 'Unknown value', detail, known[0])
  }
}

function valueNames(kind: string): readonly string[] {
  if (kind === 'count') return ['value', 'per_second']
  if (kind === 'distribution') return ['p95', 'p50', 'p90', 'p99', 'mean', 'min', 'max', 'last', 'count']
  return ['value']
}

function valueNameOf(name: string | undefined, kind: string): string {
  return name ?? valueNames(kind)[0]!
}

function changeOf(value: number | null, before: number | null, unit: 'percent' | 'absolute'): number | null {
  if (value === null || before === null) return null
  if (unit === 'absolute') return value - before
  return before === 0 ? null : ((value - before) / Math.abs(before)) * 100
}
