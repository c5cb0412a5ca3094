// Rules and alerts in the bodies of Prometheus's own API (/api/v1/rules, /api/v1/alerts), for Grafana and whoever else
// reads them there. A rule that PromQL has no words for says what it asks in words of ours. Pure.
import type { AlertView } from '../http/contract-alerts.ts'
import type { KnownRule } from './alert-engine.ts'
import { durationMs, evaluationStepMs, type Rule } from './rule.ts'

/** What a rule is at. */
export interface RuleNow {
  readonly known: KnownRule
  readonly evaluatedUntilMs: number | null
  readonly error: string | null
  readonly alerts: readonly AlertView[]
}

export interface PrometheusAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly state: 'pending' | 'firing'
  readonly activeAt: string
  readonly value: string
}

interface PrometheusRule {
  readonly state: 'inactive' | 'pending' | 'firing'
  readonly name: string
  readonly query: string
  readonly duration: number
  readonly keepFiringFor: number
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly alerts: readonly PrometheusAlert[]
  readonly health: 'ok' | 'err' | 'unknown'
  readonly lastError?: string
  readonly evaluationTime: number
  readonly lastEvaluation: string
  readonly type: 'alerting'
}

/** What Prometheus says of what has not been evaluated yet. */
const never = '0001-01-01T00:00:00Z'
const groups = { file: 'tailrace.yaml', api: 'api' } as const

/** Disabled rules are none. Two groups: rules of the configuration file, and those made by the API. */
export function prometheusRules(rules: readonly RuleNow[]) {
  const enabled = rules.filter(({ known }) => known.rule.enabled)
  return {
    groups: (['file', 'api'] as const).flatMap(source => {
      const own = enabled.filter(({ known }) => known.source === source)
      if (own.length === 0) return []
      const last = Math.max(...own.map(({ evaluatedUntilMs }) => evaluatedUntilMs ?? 0))
      return [
        {
          ...{ name: groups[source], file: groups[source], rules: own.map(ruleOf) },
          interval: Math.min(...own.map(({ known }) => evaluationStepMs(known.rule))) / 1000,
          ...{ limit: 0, evaluationTime: 0, lastEvaluation: last === 0 ? never : timeText(last) },
        },
      ]
    }),
  }
}

export function prometheusAlerts(rules: readonly RuleNow[]): { alerts: PrometheusAlert[] } {
  return { alerts: rules.flatMap(({ known, alerts }) => alerts.map(alert => alertOf(known.rule, alert))) }
}

function ruleOf({ known, evaluatedUntilMs, error, alerts }: RuleNow): PrometheusRule {
  const { rule } = known
  const firing = alerts.some(({ phase }) => phase === 'firing')
  return {
    state: firing ? 'firing' : alerts.length > 0 ? 'pending' : 'inactive',
    name: rule.name,
    query: queryText(rule),
    duration: durationMs(rule.for)! / 1000,
    keepFiringFor: durationMs(rule.keepFiringFor)! / 1000,
    labels: rule.labels,
    annotations: annotationsOf(rule),
    alerts: alerts.map(alert => alertOf(rule, alert)),
    health: error !== null ? 'err' : evaluatedUntilMs === null ? 'unknown' : 'ok',
    ...(error !== null && { lastError: error }),
    evaluationTime: 0,
    lastEvaluation: evaluatedUntilMs === null ? never : timeText(evaluatedUntilMs),
    type: 'alerting',
  }
}

function alertOf(rule: Rule, { labels, phase, startedAt, value }: AlertView): PrometheusAlert {
  return {
    labels: { ...labels, alertname: rule.name },
    annotations: annotationsOf(rule),
    state: phase,
    activeAt: timeText(startedAt),
    value: valueText(value),
  }
}

function annotationsOf({ summary }: Rule): Readonly<Record<string, string>> {
  return summary === '' ? {} : { summary }
}

/** As Prometheus writes a sample's value in these bodies: with an exponent. */
function valueText(value: number | null): string {
  if (value === null || Number.isNaN(value)) return 'NaN'
  const [digits, exponent] = value.toExponential().split('e')
  return `${digits}e${exponent![0]}${exponent!.slice(1).padStart(2, '0')}`
}

function timeText(ms: number): string {
  return new Date(ms).toISOString()
}

/** `errors{path="/checkout"} [5m] by (path) >= 20` */
function queryText(rule: Rule): string {
  const filters = rule.filter.map(text => {
    const colon = text.indexOf(':')
    return `${text.slice(0, colon)}=${JSON.stringify(text.slice(colon + 1))}`
  })
  const value = rule.kind === 'absence' || rule.value === undefined ? '' : `.${rule.value}`
  const selector = filters.length === 0 ? '' : `{${filters.join(',')}}`
  const by = rule.by.length === 0 ? '' : ` by (${rule.by.join(', ')})`
  const asked = `${rule.metric}${value}${selector}[${rule.window}]${by}`
  if (rule.kind === 'absence') return `absent ${asked}`
  const limit = `${rule.op} ${rule.threshold}`
  if (rule.kind === 'threshold') return `${asked} ${limit}`
  return `change of ${asked} offset ${rule.offset} ${limit}${rule.unit === 'percent' ? ' %' : ''}`
}
