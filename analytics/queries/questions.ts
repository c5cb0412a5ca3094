// Everything that can be asked of committed rows, by name: how it is answered, whether the answer moves with the clock,
// and what it looks like as a table. Runs in the query thread; what comes in was checked by the routes' schemas.

import { type Parameters, storedAnswer } from '../prometheus/answers.ts'
import { visitQuestions } from '../visits/visit-questions.ts'
import type { DimensionName } from '../windows/catalogue.ts'
import { series, stats, top } from './answers.ts'
import { accessPanels, hostUse, red, slo } from './boards.ts'
import { catalogueAnswer } from './catalogue-answer.ts'
import { cursorOf } from './cursor.ts'
import { type GeneralQuery, generalQuery } from './general-query.ts'
import type { Reading } from './parts.ts'
import { ProblemError } from './problem.ts'
import { breakdown, dimensionNamed, filtersOf, metricNamed, moment, windowMs } from './question.ts'
import { lengthOf, type Span } from './reach.ts'
import { seriesWidth } from './series-width.ts'
import { agentsAnswer, lossesAnswer } from './side-answers.ts'

export interface Question<Asked = never> {
  answer(reading: Reading, asked: Asked): unknown
  /** True when the same question may be answered differently a second later, though nothing was committed. */
  moves(asked: Asked): boolean
}

export interface SpanQuery {
  readonly window: string
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly compare?: 'previous' | undefined
}

type Many = string | readonly string[] | undefined

interface StatsAsked extends SpanQuery {
  readonly metric: string
  readonly by?: Many
  readonly filter?: Many
  readonly limit: number
}

interface SeriesAsked extends StatsAsked {
  readonly step?: string | undefined
}

interface TopAsked extends SpanQuery {
  readonly dimension: string
  readonly metric?: string | undefined
  readonly cursor?: string | undefined
  readonly filter?: Many
  readonly limit: number
}

interface PrometheusAsked {
  readonly endpoint: string
  readonly parameters: Parameters
}

/** What a dimension is ranked by when nothing is said. */
const rankedBy: Readonly<Partial<Record<DimensionName, string>>> = {
  path: 'requests',
  status: 'requests',
  method: 'requests',
  referrer: 'requests',
  event: 'events',
  topic: 'lines',
}

export const questions = {
  stats: question<StatsAsked>((reading, asked) => {
    const { metric, by, filter, limit } = asked
    return stats(
      reading,
      metricNamed(metric),
      spanOf(asked, reading.nowMs),
      dimensionsOf(by),
      filtersOf(listOf(filter)),
      limit,
      asked.compare === 'previous',
    )
  }),
  series: question<SeriesAsked>((reading, asked) => {
    const { metric, by, filter, step, limit } = asked
    const wanted = breakdown(metricNamed(metric), dimensionsOf(by), filtersOf(listOf(filter)))
    const span = spanOf(asked, reading.nowMs)
    const { range, widthMs } = seriesWidth(reading, wanted, span, step)
    const compared = asked.compare === 'previous' ? lengthOf(span) : null
    return series(reading, wanted, range, widthMs, limit, compared)
  }),
  top: question<TopAsked>((reading, asked) => {
    const dimension = dimensionNamed(asked.dimension)
    const metric = asked.metric === undefined ? rankedBy[dimension] : metricNamed(asked.metric)
    if (metric === undefined) {
      const detail = `${dimension} has no count of its own. Ask /api/v1/stats/metric?by=${dimension} instead.`
      throw new ProblemError(400, 'unranked-dimension', 'Nothing to rank by', detail)
    }
    const span = spanOf(asked, reading.nowMs)
    return top(reading, dimension, metric, span, filtersOf(listOf(asked.filter)), {
      limit: asked.limit,
      compare: asked.compare === 'previous',
      after: cursorOf(asked.cursor, 2),
    })
  }),
  query: {
    answer: (reading: Reading, asked: GeneralQuery) => generalQuery(reading, asked),
    moves: ({ date_range: range }: GeneralQuery) => typeof range === 'string' || !range.every(isFixed),
  },
  losses: {
    answer: ({ rows, nowMs }: Reading, asked: LossesQuery) => {
      const at = (name: 'from' | 'to', otherwise: number) =>
        asked[name] === undefined ? otherwise : moment(name, asked[name], nowMs)
      const choice = {
        fromMs: at('from', 0),
        toMs: at('to', Number.MAX_SAFE_INTEGER),
        reasons: listOf(asked.reason),
        source: asked.source ?? '',
      }
      return lossesAnswer(rows, asked.limit, cursorOf(asked.cursor, 2), choice)
    },
    moves: ({ from, to }: LossesQuery) => [from, to].some(one => one !== undefined && !isFixed(one)),
  },
  accessPanels: question<SpanQuery & { readonly limit: number }>((reading, asked) =>
    accessPanels(reading, spanOf(asked, reading.nowMs), asked.limit),
  ),
  red: question<SpanQuery & { readonly by?: string; readonly limit: number }>((reading, asked) => {
    const by = asked.by === undefined ? null : dimensionNamed(asked.by)
    return red(reading, spanOf(asked, reading.nowMs), by, asked.limit)
  }),
  slo: {
    answer: (reading: Reading, asked: { readonly objective: number; readonly window: string }) =>
      slo(reading, asked.objective, asked.window),
    moves: () => true,
  },
  use: question<SpanQuery>((reading, asked) => hostUse(reading, spanOf(asked, reading.nowMs))),
  prometheus: {
    answer: (reading: Reading, { endpoint, parameters }: PrometheusAsked) => ({
      status: 'success',
      data: storedAnswer(endpoint, parameters, reading, () => reading.rows.check()),
    }),
    moves: ({ endpoint, parameters }: PrometheusAsked) =>
      endpoint !== 'metadata' && !(parameters['time'] ?? (parameters['start'] && parameters['end'])),
  },
  agents: { answer: ({ rows }: Reading) => agentsAnswer(rows), moves: () => false },
  catalogue: { answer: (reading: Reading) => catalogueAnswer(reading), moves: () => false },
  ...visitQuestions((asked, nowMs) => spanOf(asked, nowMs)),
} as const satisfies Readonly<Record<string, Question>>

interface LossesQuery extends SpanQuery {
  readonly limit: number
  readonly cursor?: string
  readonly reason?: Many
  readonly source?: string
}

export type QuestionName = keyof typeof questions

/** A question about a span of time: it stands still only between two moments that do. */
function question<Asked extends SpanQuery>(
  answer: (reading: Reading, asked: Asked) => unknown,
): Question<Asked> {
  return { answer, moves: ({ from, to }) => !isFixed(from) || !isFixed(to) }
}

export function isFixed(moment: string | undefined): boolean {
  return moment !== undefined && !moment.startsWith('now')
}

export function listOf(value: Many): readonly string[] {
  if (value === undefined) return []
  return typeof value === 'string' ? [value] : value
}

function dimensionsOf(by: Many): DimensionName[] {
  return listOf(by)
    .flatMap(text => text.split(','))
    .map(dimensionNamed)
}

export function spanOf(query: SpanQuery, nowMs: number): Span {
  if (query.from === undefined && query.to === undefined) return { window: windowMs(query.window) }
  const toMs = query.to === undefined ? nowMs : moment('to', query.to, nowMs)
  const fromMs = query.from === undefined ? toMs - windowMs(query.window) : moment('from', query.from, nowMs)
  return { fromMs, toMs }
}
