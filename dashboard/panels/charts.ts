// The three charts of the overview: what each line is, in which colour, from which metric.
import { formatDuration, formatRate, inWords } from '../format.ts'
import type { ChartSpec } from './chart-frame.ts'

export const trafficChart: ChartSpec = {
  id: 'traffic',
  title: 'Traffic',
  unit: 'per second',
  empty: 'No requests in this time',
  format: formatRate,
  lines: [
    {
      label: 'requests',
      metric: 'requests',
      key: 'value',
      counts: true,
      colour: '--series-0',
      width: 1.5,
      fill: 0.22,
    },
    {
      label: 'errors (5xx)',
      metric: 'errors',
      key: 'value',
      counts: true,
      colour: '--critical',
      width: 1.5,
      fill: 0.35,
    },
  ],
}

export const latencyChart: ChartSpec = {
  id: 'latency',
  title: 'Latency',
  unit: 'of requests',
  empty: 'No request times in this time',
  format: value => inWords(formatDuration(value)),
  bands: [
    { upper: 2, lower: 1, opacity: 0.1 },
    { upper: 1, lower: 0, opacity: 0.22 },
  ],
  lines: [
    { label: 'p50', metric: 'latency', key: 'p50', counts: false, colour: '--latency-50', width: 1.75 },
    { label: 'p95', metric: 'latency', key: 'p95', counts: false, colour: '--latency-95', width: 1.25 },
    {
      label: 'p99',
      metric: 'latency',
      key: 'p99',
      counts: false,
      colour: '--latency-99',
      width: 1,
      dash: [3, 2],
    },
  ],
}

export const behaviourChart: ChartSpec = {
  id: 'behaviour',
  title: 'Behaviour',
  unit: 'per second',
  empty: 'No events in this time',
  format: formatRate,
  lines: [
    {
      label: 'events',
      metric: 'events',
      key: 'value',
      counts: true,
      colour: '--series-1',
      width: 1.5,
      fill: 0.18,
    },
    {
      label: 'page views',
      metric: 'pageviews',
      key: 'value',
      counts: true,
      colour: '--series-2',
      width: 1.5,
    },
  ],
}
