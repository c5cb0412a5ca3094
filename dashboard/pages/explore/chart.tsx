// The chosen statistic over time: a line per top value in the colour of its name, quantile bands of a distribution, and
// the period before as dashes.
import { useMemo, useRef } from 'react'
import type { SeriesAnswer } from '../../../analytics/http/contract.ts'
import type { CatalogueMetric } from '../../../analytics/http/contract-catalogue.ts'
import type { Asked } from '../../api.ts'
import { assignColours } from '../../colours.ts'
import { formatAge } from '../../format.ts'
import { HistoryChart, type HistoryLine } from '../../panels/chart-history.tsx'
import type { PlotSpec } from '../../panels/plot.ts'
import { valueText } from '../../quantities.ts'
import { dragged } from '../../range.ts'
import { changeRange } from '../../range-picker.tsx'
import { Refusal } from '../../refusal.tsx'
import { changeParameters, useParameter } from '../../url-state.ts'
import { bucketsOver, drawnValues, labelOf, titleOf, type Way } from './explore-model.ts'

export interface ExploreChartProps {
  readonly metric: CatalogueMetric
  readonly value: string
  readonly asked: Asked<SeriesAnswer>
  readonly ways: readonly Way[]
}

const dashes = [4, 4]
const quantileBands: PlotSpec['bands'] = [
  { upper: 2, lower: 1, opacity: 0.1 },
  { upper: 1, lower: 0, opacity: 0.22 },
]

export function ExploreChart({ metric, value, asked, ways }: ExploreChartProps) {
  const [view, setView] = useParameter('view')
  const { data, error } = asked
  const answer = data?.metric === metric.name ? data : undefined
  const colours = useRef<ReadonlyMap<string, number>>(new Map())
  const drawn = useMemo(() => {
    if (!answer) return { lines: [], times: [], bands: undefined }
    const count = bucketsOver(answer)
    const labels = answer.series.map(one => labelOf(one.labels))
    colours.current = assignColours(colours.current, labels)
    const isBands = metric.kind === 'distribution' && answer.series.length === 1 && value === 'bands'
    const lines = isBands
      ? bandsOf(answer, count)
      : linesOf(answer, metric, value === 'bands' ? 'p95' : value, count, colours.current)
    return { lines, times: answer.times.slice(0, count), bands: isBands ? quantileBands : undefined }
  }, [answer, metric, value])
  const isRefused = error !== null && error.status >= 400
  const key = value === 'bands' ? 'p95' : value
  const step = answer ? `per ${formatAge(answer.stepSeconds * 1000)}` : ''
  return (
    <HistoryChart
      id="explore-chart"
      title={titleOf(metric.name)}
      unit={
        metric.kind === 'count' ? step : answer ? `in steps of ${formatAge(answer.stepSeconds * 1000)}` : ''
      }
      state={isRefused ? 'refused' : answer ? 'live' : 'loading'}
      times={drawn.times}
      stepMs={(answer?.stepSeconds ?? 1) * 1000}
      lines={drawn.lines}
      bands={drawn.bands}
      format={number => valueText(metric, number, key)}
      empty={answer ? 'Nothing was counted in this time' : ''}
      asTable={view === 'table'}
      onTable={asTable => setView(asTable ? 'table' : '')}
      onSelect={(from, to) => changeRange(dragged(from, to))}
      onReset={() => changeParameters({ r: '', from: '', to: '' })}
    >
      {isRefused && error && <Refusal error={error} ways={ways} onRetry={asked.ask} />}
    </HistoryChart>
  )
}

function bandsOf(answer: SeriesAnswer, count: number): HistoryLine[] {
  const { values = {}, previous } = answer.series[0] ?? {}
  const lines: HistoryLine[] = [
    { label: 'p50', colour: '--latency-50', values: (values['p50'] ?? []).slice(0, count), width: 1.75 },
    { label: 'p95', colour: '--latency-95', values: (values['p95'] ?? []).slice(0, count), width: 1.25 },
    { label: 'p99', colour: '--latency-99', values: (values['p99'] ?? []).slice(0, count), width: 1 },
  ]
  if (previous?.['p95']) {
    const before = previous['p95'].slice(0, count)
    lines.push({ label: 'p95 before', colour: '--latency-95', values: before, dash: dashes, isShadow: true })
  }
  return lines
}

function linesOf(
  answer: SeriesAnswer,
  metric: CatalogueMetric,
  key: string,
  count: number,
  colours: ReadonlyMap<string, number>,
): HistoryLine[] {
  return answer.series.flatMap(({ labels, values, previous }) => {
    const name = labelOf(labels)
    const colour = colours.get(name) ?? -1
    const line: HistoryLine = {
      label: name === '' ? (metric.kind === 'distribution' ? key : titleOf(metric.name)) : name,
      colour: colour < 0 ? '--series-other' : `--series-${colour}`,
      values: drawnValues(answer, values[key], metric.kind, count),
      ...(answer.series.length === 1 ? { fill: 0.2 } : {}),
    }
    if (!previous) return [line]
    const before = (previous[key] ?? []).slice(0, count)
    return [
      line,
      {
        ...line,
        label: `${line.label} before`,
        values: before,
        dash: dashes,
        fill: 0,
        width: 1,
        isShadow: true,
      },
    ]
  })
}
