// A statistic's value as it is written, by its unit, and what a change against the period before is called. Pure.
import type { Change, Unit } from '../analytics/http/contract.ts'
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatExact,
  formatRate,
  formatRatio,
  inWords,
  type Quantity,
  unknown,
} from './format.ts'

export interface Measured {
  readonly name: string
  readonly unit: Unit
  readonly kind: 'count' | 'distribution' | 'distinct' | 'ratio'
}

/** Ratios are shares where their names say so; views per visit, or Apdex, are plain numbers. */
function isShare({ name }: Measured): boolean {
  return /(^|_)rate(_|$)/.test(name)
}

/** Which of a row's values is meant: of distributions some are samples, not the unit. */
export function quantityOf(metric: Measured, value: number | null | undefined, key = 'value'): Quantity {
  if (value === null || value === undefined || Number.isNaN(value)) return unknown
  if (key === 'count' || key === 'numerator' || key === 'denominator') return plain(formatCount(value))
  if (key === 'per_second') return { value: formatRate(value), unit: '/s' }
  if (metric.kind === 'ratio' && metric.unit === 'ratio') {
    return isShare(metric) ? formatRatio(value) : plain(value.toFixed(2))
  }
  if (metric.unit === 'bytes') return formatBytes(value)
  if (metric.unit === 'milliseconds') return formatDuration(value)
  if (metric.kind === 'distribution') return plain(significant(value))
  return plain(formatCount(value))
}

export function valueText(metric: Measured, value: number | null | undefined, key = 'value'): string {
  return inWords(quantityOf(metric, value, key))
}

/** The exact number, for tooltips and copies. */
export function exactText(value: number | null | undefined): string | undefined {
  return value === null || value === undefined ? undefined : formatExact(value)
}

/** `+12.3%`, `−5.0%`, `new` where nothing was before, or a dash. */
export function changeText(change: Change | undefined): string {
  if (!change || change.absolute === null) return '–'
  if (change.percent === null) return change.absolute === 0 ? '0%' : 'new'
  const size = Math.abs(change.percent)
  const text = `${size >= 1000 ? formatCount(size) : size.toFixed(1)}%`
  if (size < 0.05) return '0%'
  return change.percent > 0 ? `+${text}` : `−${text}`
}

/** What the values of a metric are called in a table, in their order. */
export function valueKeys({ kind }: Measured): readonly string[] {
  if (kind === 'distribution') return ['p50', 'p95', 'p99', 'mean', 'max', 'count']
  if (kind === 'ratio') return ['value', 'numerator', 'denominator']
  return ['value']
}

function plain(value: string): Quantity {
  return { value, unit: '' }
}

function significant(value: number): string {
  const size = Math.abs(value)
  if (size >= 1000) return formatCount(value)
  return String(Number(value.toPrecision(3)))
}
