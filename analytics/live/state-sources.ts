// The topics whose values replace each other: overview, series, top, losses, cluster. Read from committed rows, and
// only when something was committed or time has moved on; the cluster from what the brokers last told.
import type { ClusterState, LiveData, LiveSeries, Overview } from '../http/contract.ts'
import { type Reading, series, top } from '../queries/answers.ts'
import { type IsRemoved, overview } from '../queries/overview.ts'
import { ProblemError } from '../queries/problem.ts'
import { breakdown, dimensionNamed, filtersOf, metricNamed, windowMs } from '../queries/question.ts'
import { lossesAnswer } from '../queries/side-answers.ts'
import type { StepSeconds } from '../windows/steps.ts'
import type { LiveSource } from './group.ts'

export type Args = Readonly<Record<string, string>>

export interface StateContext {
  reading(): Reading
  broker(): Overview['broker']
  cluster(): ClusterState
  readonly isRemoved: IsRemoved
}

/** Without a change values still move, because windows slide; that often is enough for them. */
const quietMs = 1000
const pointsMax = 900
const lossesShown = 200

/** True when something was committed since the last time, or `quietMs` has passed. */
class Pulse {
  readonly #context: StateContext
  #version = -1
  #atMs = 0

  constructor(context: StateContext) {
    this.#context = context
  }

  isDue(slowMs = 0): boolean {
    const { rows, nowMs } = this.#context.reading()
    const sinceMs = nowMs - this.#atMs
    if (sinceMs < slowMs) return false
    const version = rows.dataVersion()
    if (version === this.#version && sinceMs < quietMs) return false
    this.#version = version
    this.#atMs = nowMs
    return true
  }
}

export function overviewSource(context: StateContext): LiveSource {
  const pulse = new Pulse(context)
  let broker = context.broker()
  const snapshot = (): LiveData => {
    const reading = context.reading()
    broker = context.broker()
    const tiles = reading.rows.snapshot(() => overview(reading, context.isRemoved))
    return { kind: 'overview', overview: { ...tiles, broker } }
  }
  return {
    snapshot,
    delta: () => (context.broker() !== broker || pulse.isDue() ? snapshot() : null),
  }
}

/** Filters of the arguments: one a line. */
export function filtersIn(args: Args): string[] {
  return (args['filter'] ?? '').split('\n').filter(text => text !== '')
}

/** Args: metric, step (1, 10, 60), points, and optionally by, filter (one a line), limit. */
export function seriesSource(context: StateContext, args: Args): LiveSource {
  const metric = metricNamed(args['metric'] ?? 'requests')
  const stepSeconds = stepOf(args['step'] ?? '1')
  const points = countOf('points', args['points'], 300, pointsMax)
  const limit = countOf('limit', args['limit'], 10, 50)
  const by = (args['by'] ?? '').split(',').filter(name => name !== '')
  const wanted = breakdown(metric, by.map(dimensionNamed), filtersOf(filtersIn(args)))
  if (stepSeconds < wanted.finest) {
    const detail = `${metric} with a filter is kept in steps of ${wanted.finest} s and wider.`
    throw new ProblemError(400, 'unknown-step', 'This step is not kept', detail, String(wanted.finest))
  }
  let version = context.reading().rows.commit().version
  const stepMs = stepSeconds * 1000

  /** The buckets in [from, to), in seconds. */
  const read = (reading: Reading, from: number, to: number): LiveSeries => {
    const range = {
      step: { seconds: stepSeconds, ms: stepMs, retentionMs: 0 },
      fromMs: from * 1000,
      toMs: to * 1000,
    }
    const answer = series(reading, wanted, range, stepMs, wanted.by.length === 0 ? 1 : limit)
    const head = { metric, stepSeconds, times: answer.times }
    if (wanted.by.length === 0) return { ...head, values: answer.series[0]?.values ?? {} }
    return { ...head, values: {}, groups: answer.series.map(({ labels, values }) => ({ labels, values })) }
  }
  return {
    snapshot(): LiveData {
      const reading = context.reading()
      const end = (Math.floor(reading.nowMs / stepMs) + 1) * stepSeconds
      return { kind: 'series', series: read(reading, end - points * stepSeconds, end) }
    },
    delta(): LiveData | null {
      const reading = context.reading()
      return reading.rows.snapshot(() => {
        const now = reading.rows.commit().version
        if (now === version) return null
        const end = (Math.floor(reading.nowMs / stepMs) + 1) * stepSeconds
        const first = end - points * stepSeconds
        const changed = reading.rows.changedSince(version, stepSeconds)
        version = now
        const touched = changed === null ? [first] : changed.filter(bucket => bucket >= first && bucket < end)
        if (touched.length === 0) return null
        return { kind: 'series', series: onlyTouched(read(reading, touched[0]!, end), changed && touched) }
      })
    },
  }
}

/** Of everything since the first bucket touched, those that were; all when it is not known which. */
function onlyTouched(all: LiveSeries, touched: readonly number[] | null): LiveSeries {
  if (touched === null) return all
  const wanted = new Set(touched.map(bucket => bucket * 1000))
  const indexes = all.times.flatMap((time, index) => (wanted.has(time) ? [index] : []))
  type Columns = LiveSeries['values']
  const picked = (values: Columns): Columns =>
    Object.fromEntries(
      Object.entries(values).map(([name, column]) => [name, indexes.map(index => column[index] ?? null)]),
    )
  const times = indexes.map(index => all.times[index]!)
  const groups = all.groups?.map(({ labels, values }) => ({ labels, values: picked(values) }))
  return { ...all, times, values: picked(all.values), ...(groups && { groups }) }
}

/** Args: dimension, and optionally metric, window, filter (one a line), limit. Ranked once a second. */
export function topSource(context: StateContext, args: Args): LiveSource {
  const dimension = dimensionNamed(args['dimension'] ?? 'path')
  const metric = metricNamed(
    args['metric'] ?? (dimension === 'topic' ? 'lines' : dimension === 'event' ? 'events' : 'requests'),
  )
  const span = { window: windowMs(args['window'] ?? '5m') }
  const limit = countOf('limit', args['limit'], 10, 100)
  const filters = filtersOf(filtersIn(args))
  breakdown(metric, [dimension], filters)
  const read = (): LiveData => {
    const reading = context.reading()
    return {
      kind: 'top',
      top: reading.rows.snapshot(() => top(reading, dimension, metric, span, filters, { limit })),
    }
  }
  return slowSource(context, read, data => data.kind === 'top' && [data.top.rows, data.top.other])
}

export function lossesSource(context: StateContext): LiveSource {
  const read = (): LiveData => ({ kind: 'losses', losses: lossesAnswer(context.reading().rows, lossesShown) })
  return slowSource(context, read, data => data)
}

/** Told at the next tick after it changed: who looks at it wants to see a broker go. */
export function clusterSource(context: StateContext): LiveSource {
  let told = ''
  return {
    snapshot() {
      const cluster = context.cluster()
      if (told === '') told = JSON.stringify(cluster)
      return { kind: 'cluster', cluster }
    },
    delta() {
      const cluster = context.cluster()
      const text = JSON.stringify(cluster)
      if (text === told) return null
      told = text
      return { kind: 'cluster', cluster }
    },
  }
}

/** Read at most once a second, and told only when what `essence` picks has changed. */
export function slowSource(
  context: StateContext,
  read: () => LiveData,
  essence: (data: LiveData) => unknown,
): LiveSource {
  const pulse = new Pulse(context)
  let told = ''
  return {
    // A snapshot is for one page; what the others were told is the last delta.
    snapshot() {
      const data = read()
      if (told === '') told = JSON.stringify(essence(data))
      return data
    },
    delta() {
      if (!pulse.isDue(quietMs)) return null
      const data = read()
      const text = JSON.stringify(essence(data))
      if (text === told) return null
      told = text
      return data
    },
  }
}

function stepOf(text: string): StepSeconds {
  if (text === '1' || text === '10' || text === '60') return Number(text) as StepSeconds
  throw new ProblemError(
    400,
    'unknown-step',
    'Unknown step',
    `There is no live step "${text}". Known: 1, 10, 60.`,
    '10',
  )
}

export function countOf(name: string, text: string | undefined, otherwise: number, most: number): number {
  const count = text === undefined ? otherwise : Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= most) return count
  throw new ProblemError(
    400,
    'bad-field',
    `Cannot read ${name}`,
    `${name} must be a whole number from 1 to ${most}.`,
  )
}
