// Goals and funnels, from committed rows: configured goals from their counts, everything else by walking through the
// kept steps of the visitors of the range.
import type { FunnelAnswer, GoalsAnswer } from '../http/contract-visits.ts'
import { stats } from '../queries/answers.ts'
import { freshness } from '../queries/freshness.ts'
import type { Reading } from '../queries/parts.ts'
import { ProblemError, unknownName } from '../queries/problem.ts'
import type { Filters } from '../queries/question.ts'
import { reachOf, type Span } from '../queries/reach.ts'
import { LocalCalendar } from '../windows/local-calendar.ts'
import {
  type Condition,
  conditionLabel,
  conditionText,
  type Funnel,
  funnelWindowMs,
  meets,
} from './conditions.ts'
import { FunnelCount, type Matcher } from './funnel.ts'
import { type SourceName, sourceOf, untrackedOf } from './queries.ts'
import { sourceNames } from './tally-sums.ts'
import { stepFlags } from './visit-rules.ts'
import type { Step } from './visits-of.ts'

/** Every configured goal; or one asked for by its condition. */
export function goalsAnswer(
  reading: Reading,
  span: Span,
  asked: Condition | null,
  source: SourceName | undefined,
): GoalsAnswer {
  const kind = sourceOf(reading, source)
  const only: Filters = new Map([['source', new Set([sourceNames[kind]!])]])
  const whole = stats(reading, 'visitors', span, [], only, 1)
  const visitors = whole.rows[0]!.values['value']!
  const rate = (unique: number) => (visitors === 0 ? null : unique / visitors)
  const goals = asked ? [adHoc(reading, span, asked, kind)] : configured(reading, span, only)
  return {
    source: sourceNames[kind]!,
    definition: 'Unique: distinct visitors with such an event; the rate is these divided by all visitors.',
    window: whole.window,
    visitors,
    goals: goals.map(goal => ({ ...goal, conversionRate: rate(goal.unique) })),
    freshness: whole.freshness,
  }
}

type Goals = Omit<GoalsAnswer['goals'][number], 'conversionRate'>[]

function configured(reading: Reading, span: Span, only: Filters): Goals {
  const by = (metric: string) => {
    const { rows } = stats(reading, metric, span, ['goal'], only, 1000)
    return new Map(rows.map(({ labels, values }) => [labels['goal'], values['value'] ?? 0]))
  }
  const [unique, total] = [by('converters'), by('conversions')]
  const names = reading.visits?.goals.map(goal => goal.name) ?? []
  return names.map(name => ({ name, unique: unique.get(name) ?? 0, total: total.get(name) ?? 0 }))
}

function adHoc(reading: Reading, span: Span, condition: Condition, kind: number): Goals[number] {
  const { fromMs, toMs } = reachOf(span, 60, reading)
  const matches = matcherOf(reading, [condition]).matches
  let unique = 0
  let total = 0
  for (const { steps } of visitorsSince(reading, kind, fromMs)) {
    const met = steps.filter(step => step.timeMs >= fromMs && step.timeMs < toMs && matches(step) !== 0)
    total += met.length
    if (met.length > 0) unique++
  }
  return { name: conditionLabel(condition), unique, total }
}

export function funnelNamed(reading: Reading, name: string): Funnel {
  const funnels = reading.visits?.funnels ?? []
  const found = funnels.find(funnel => funnel.name === name)
  if (found) return found
  if (funnels.length > 0)
    throw unknownName(
      'funnel',
      name,
      funnels.map(funnel => funnel.name),
    )
  const detail =
    'No funnel is configured. Name some under funnels: in tailrace.yaml, or POST steps to /api/v1/funnels.'
  throw new ProblemError(404, 'unknown-funnel', 'Unknown funnel', detail)
}

export function funnelAnswer(
  reading: Reading,
  span: Span,
  funnel: Funnel,
  source: SourceName | undefined,
): FunnelAnswer {
  const kind = sourceOf(reading, source)
  const { fromMs, toMs } = reachOf(span, 60, reading)
  const windowMs = funnel.windowMs ?? funnelWindowMs
  const isStrict = funnel.strict ?? false
  const { matches, sinceMs } = matcherOf(reading, funnel.steps)
  const count = new FunnelCount({ steps: funnel.steps.length, isStrict, windowMs })
  for (const { steps } of visitorsSince(reading, kind, fromMs)) {
    count.add(
      steps.filter(({ timeMs }) => timeMs >= fromMs && timeMs < toMs),
      matches,
    )
  }
  const results = count.results()
  return {
    source: sourceNames[kind]!,
    name: funnel.name,
    order: isStrict ? 'strict' : 'sequential',
    conversionWindowMs: windowMs,
    window: { from: fromMs, to: toMs },
    steps: funnel.steps.map((condition, at) => ({ step: conditionLabel(condition), ...results[at]! })),
    since: sinceMs,
    untracked: untrackedOf(reading, kind),
    freshness: freshness(reading, toMs),
  }
}

function visitorsSince(reading: Reading, kind: number, fromMs: number) {
  const calendar = new LocalCalendar(reading.days)
  return reading.rows.visits.visitors(kind, calendar.dayOf(fromMs))
}

/** Which of the conditions a step meets, as bits; and since when those with properties are looked for. */
function matcherOf(
  reading: Reading,
  conditions: readonly Condition[],
): { readonly matches: Matcher; readonly sinceMs: number | null } {
  const reads = reading.rows.visits
  const rows = reads.conditions()
  let sinceMs: number | null = null
  const watched = conditions.map(condition => {
    if (condition.where === undefined) return null
    const row = rows.find(({ text }) => text === conditionText(condition))
    if (!row) throw notWatched(condition)
    sinceMs = Math.max(sinceMs ?? 0, row.sinceMs)
    return row
  })
  // What a name meets is found out once.
  const plain = new Map<number, number>()
  const matches = (step: Step) => {
    const isPage = (step.flags & stepFlags.page) !== 0
    const key = isPage ? step.name * 2 : step.name * 2 + 1
    let met = plain.get(key)
    if (met === undefined) {
      const name = reads.nameOf(step.name)
      met = 0
      for (const [at, condition] of conditions.entries()) {
        if (watched[at] === null && meets(condition, isPage, name)) met |= 1 << at
      }
      plain.set(key, met)
    }
    for (const [at, row] of watched.entries()) {
      if (row && step.timeMs >= row.sinceMs && (step.goals & (1 << row.bit)) !== 0) met |= 1 << at
    }
    return met
  }
  return { matches, sinceMs }
}

function notWatched(condition: Condition): ProblemError {
  const detail =
    `The properties of "${conditionLabel(condition)}" are only looked at while events come, for goals and funnels in ` +
    'tailrace.yaml. Name it there, or ask for the event without properties.'
  return new ProblemError(422, 'unwatched-properties', 'These properties were not looked for', detail)
}
