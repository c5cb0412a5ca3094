// What a rule would have done: the same steps over what is stored. Gives the loop back every few moments, and stops
// when the time allowed has passed.
import { setImmediate as turn } from 'node:timers/promises'
import type { AlertPreview } from '../http/contract-alerts.ts'
import type { Reading } from '../queries/answers.ts'
import { ProblemError } from '../queries/problem.ts'
import { stepRule } from './alert-engine.ts'
import { finalUntil, RuleEvaluator } from './evaluate.ts'
import { durationMs, evaluationStepMs, type Rule } from './rule.ts'
import { type Effect, type RuleState, step } from './step.ts'

/** A longer span is judged at moments further apart. */
const evaluationsMax = 1500
const stepsMs = [10_000, 60_000, 300_000, 900_000, 3_600_000, 86_400_000]
const budgetMs = 4_000
const perTurn = 10

export interface PreviewSpan {
  readonly fromMs: number
  readonly toMs: number
}

export async function preview(
  rule: Rule,
  span: PreviewSpan,
  reading: () => Reading,
  monotonicMs: () => number,
): Promise<AlertPreview> {
  const evaluator = new RuleEvaluator(rule)
  const final = finalUntil(reading(), durationMs(rule.settle)!, true) ?? span.toMs
  const to = Math.min(span.toMs, final)
  if (!(span.fromMs < to)) {
    const detail = 'from must be before to, and before what is still waited for.'
    throw new ProblemError(400, 'empty-range', 'Nothing lies between from and to', detail)
  }
  const least = Math.max(evaluationStepMs(rule), (to - span.fromMs) / evaluationsMax)
  const stepMs = stepsMs.find(ms => ms >= least) ?? stepsMs.at(-1)!
  const state: RuleState = new Map()
  const effects: Effect[] = []
  const startMs = monotonicMs()
  const known = stepRule({ id: 'preview', rule })
  let evaluations = 0
  let atMs = Math.ceil(span.fromMs / stepMs) * stepMs
  for (; atMs <= to && monotonicMs() - startMs < budgetMs; atMs += stepMs) {
    const labels = [...state.values()].map(alert => alert.labels)
    step(state, known, evaluator.samples(reading(), atMs, labels), atMs, effects)
    if (++evaluations % perTurn === 0) await turn()
  }
  const isOver = new Map(
    effects.filter(({ type }) => type === 'resolved').map(effect => [effect.episode, effect.atMs]),
  )
  return {
    from: span.fromMs,
    to: Math.min(to, atMs),
    stepSeconds: stepMs / 1000,
    evaluations,
    episodes: effects
      .filter(({ type }) => type === 'fired')
      .map(({ episode, alert: { labels, value, activeSinceMs, firedAtMs } }) => ({
        labels,
        value,
        startedAt: activeSinceMs,
        firedAt: firedAtMs!,
        resolvedAt: isOver.get(episode) ?? null,
      })),
    truncated: atMs <= to,
  }
}
