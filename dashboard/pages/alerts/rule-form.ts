// A rule between its form, where everything is text, and the API. Pure.
import type { AlertPreview, AlertRule } from '../../../analytics/http/contract-alerts.ts'

/** Everything as it is typed; lists one a line. */
export interface RuleForm {
  readonly name: string
  readonly kind: AlertRule['kind']
  readonly metric: string
  readonly value: string
  readonly window: string
  readonly by: string
  readonly filter: string
  readonly op: NonNullable<AlertRule['op']>
  readonly threshold: string
  readonly offset: string
  readonly unit: 'percent' | 'absolute'
  readonly for: string
  readonly webhooks: string
  readonly summary: string
}

export const emptyForm: RuleForm = {
  ...{ name: '', kind: 'threshold', metric: 'errors', value: '', window: '5m', by: '', filter: '' },
  ...{ op: '>', threshold: '', offset: '1d', unit: 'percent', for: '0s', webhooks: '', summary: '' },
}

export function formOf(rule: AlertRule): RuleForm {
  return {
    ...emptyForm,
    ...{ name: rule.name, kind: rule.kind, metric: rule.metric, value: rule.value ?? '' },
    ...{
      window: rule.window ?? '5m',
      by: (rule.by ?? []).join('\n'),
      filter: (rule.filter ?? []).join('\n'),
    },
    ...{ op: rule.op ?? '>', threshold: rule.threshold === undefined ? '' : String(rule.threshold) },
    ...{ offset: rule.offset ?? emptyForm.offset, unit: rule.unit ?? 'percent', for: rule.for ?? '0s' },
    ...{ webhooks: (rule.webhooks ?? []).join('\n'), summary: rule.summary ?? '' },
  }
}

/** `kept` has what the form does not show, of the rule that is changed. */
export function ruleOf(form: RuleForm, kept: Partial<AlertRule> = {}): AlertRule {
  const { keepFiringFor, settle, missing, labels, enabled } = kept
  const rest = Object.fromEntries(
    Object.entries({ keepFiringFor, settle, missing, labels, enabled }).filter(
      ([, value]) => value !== undefined,
    ),
  )
  const shared = {
    ...rest,
    ...{ name: form.name.trim(), metric: form.metric.trim(), window: form.window.trim() },
    ...{ by: listOf(form.by), filter: listOf(form.filter), for: form.for.trim() },
    ...{ webhooks: listOf(form.webhooks), summary: form.summary.trim() },
  }
  if (form.kind === 'absence') return { ...shared, kind: 'absence' }
  // An empty threshold is no number, and the server says so.
  const threshold = form.threshold.trim() === '' ? Number.NaN : Number(form.threshold)
  const value = form.value.trim() === '' ? {} : { value: form.value.trim() }
  const compared = { ...shared, ...value, op: form.op, threshold }
  if (form.kind === 'threshold') return { ...compared, kind: 'threshold' }
  return { ...compared, kind: 'change', offset: form.offset.trim(), unit: form.unit }
}

/** The rule in a sentence: `errors > 20 over 5m, by path, for 2m`. */
export function ruleWords(rule: AlertRule): string {
  const { kind, metric, window = '5m', by = [], filter = [], value, op, threshold, offset } = rule
  const what = value === undefined || value === 'value' ? metric : `${metric} ${value}`
  const unit = kind === 'change' && rule.unit !== 'absolute' ? '%' : ''
  const how =
    kind === 'absence'
      ? `no ${metric} in ${window}`
      : kind === 'change'
        ? `${what} ${op} ${threshold}${unit} against ${offset} before, over ${window}`
        : `${what} ${op} ${threshold} over ${window}`
  const parts = [how]
  if (filter.length > 0) parts.push(`only ${filter.join(', ')}`)
  if (by.length > 0) parts.push(`by ${by.join(', ')}`)
  if (rule.for !== undefined && rule.for !== '0s') parts.push(`for ${rule.for}`)
  return parts.join(', ')
}

/** Where the page explores the statistic of a rule. */
export function exploreAddress(rule: AlertRule): string {
  const parameters = new URLSearchParams({ metric: rule.metric })
  for (const filter of rule.filter ?? []) parameters.append('f', filter)
  for (const by of rule.by ?? []) parameters.append('by', by)
  return `/explore?${parameters.toString()}`
}

/** How many seconds of a window, as a step that a series has. */
export function stepOf(window: string): string {
  return /^\d{1,6}[smhd]$/.test(window) && !window.startsWith('0') ? window : '5m'
}

/** Stretches of a preview's time during which it would have fired, from 0 to 1. */
export function firedSpans({ from, to, episodes }: AlertPreview): readonly (readonly [number, number])[] {
  const share = (at: number) => Math.min(1, Math.max(0, (at - from) / Math.max(1, to - from)))
  return episodes.map(({ firedAt, resolvedAt }) => [share(firedAt), share(resolvedAt ?? to)])
}

function listOf(text: string): readonly string[] {
  return text
    .split('\n')
    .map(one => one.trim())
    .filter(one => one !== '')
}
