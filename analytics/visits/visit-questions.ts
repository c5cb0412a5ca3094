// What can be asked about visitors, by name: part of the table in queries/questions.ts.
import type { Reading } from '../queries/parts.ts'
import { windowMs } from '../queries/question.ts'
import type { Span } from '../queries/reach.ts'
import type { Condition } from './conditions.ts'
import { funnelAnswer, funnelNamed, goalsAnswer } from './funnel-queries.ts'
import {
  activeHoursAnswer,
  activeUsersAnswer,
  type hourMetrics,
  lifecycleAnswer,
  pathsAnswer,
  retentionAnswer,
  type SourceName,
  visitsAnswer,
} from './queries.ts'

interface Seen {
  readonly source?: SourceName
}

interface Spanning extends Seen {
  readonly window: string
  readonly from?: string
  readonly to?: string
}

interface AdHocFunnel extends Spanning {
  readonly steps: readonly Condition[]
  readonly order: 'sequential' | 'strict'
  readonly conversion_window: string
}

type SpanOf = (asked: Spanning, nowMs: number) => Span

const always = () => true

/** `spanOf` reads a window, or from and to. */
export function visitQuestions(spanOf: SpanOf) {
  return {
    visits: {
      answer: (reading: Reading, asked: Spanning) =>
        visitsAnswer(reading, spanOf(asked, reading.nowMs), asked.source),
      moves: always,
    },
    activeUsers: {
      answer: (reading: Reading, { days, source }: Seen & { days: number }) =>
        activeUsersAnswer(reading, days, source),
      moves: always,
    },
    lifecycle: {
      answer: (
        reading: Reading,
        { interval, periods, source }: Seen & { interval: 'day' | 'week'; periods: number },
      ) => lifecycleAnswer(reading, interval, periods, source),
      moves: always,
    },
    retention: {
      answer: (reading: Reading, { weeks, source }: Seen & { weeks: number }) =>
        retentionAnswer(reading, weeks, source),
      moves: always,
    },
    activeHours: {
      answer: (
        reading: Reading,
        { metric, days, source }: Seen & { metric: (typeof hourMetrics)[number]; days: number },
      ) => activeHoursAnswer(reading, metric, days, source),
      moves: always,
    },
    paths: {
      answer: (reading: Reading, asked: Spanning & { page?: string; limit: number }) =>
        pathsAnswer(reading, spanOf(asked, reading.nowMs), asked.page, asked.limit, asked.source),
      moves: always,
    },
    goals: {
      answer: (reading: Reading, asked: Spanning & Condition) => {
        const { page, event, source } = asked
        const condition = page === undefined && event === undefined ? null : { page, event }
        return goalsAnswer(reading, spanOf(asked, reading.nowMs), condition, source)
      },
      moves: always,
    },
    funnel: {
      answer: (reading: Reading, asked: Spanning & { name: string }) =>
        funnelAnswer(reading, spanOf(asked, reading.nowMs), funnelNamed(reading, asked.name), asked.source),
      moves: always,
    },
    adHocFunnel: {
      answer: (reading: Reading, asked: AdHocFunnel) => {
        const { steps, order, conversion_window: conversionWindow, source } = asked
        const funnel = {
          ...{ name: '', steps, strict: order === 'strict' },
          windowMs: windowMs(conversionWindow),
        }
        return funnelAnswer(reading, spanOf(asked, reading.nowMs), funnel, source)
      },
      moves: always,
    },
  } as const
}
