// Alerts: what fires now, the rules and how they stand, and what has fired before. Admins make and change rules; those
// of tailrace.yaml are changed there. The live topic says when to ask again.
import './alerts-page.css'
import { useEffect, useState } from 'react'
import { Link } from 'wouter'
import type { MeAnswer } from '../../../analytics/http/contract.ts'
import type {
  AlertRule,
  AlertRulesAnswer,
  AlertRuleView,
  AlertsAnswer,
  AlertView,
} from '../../../analytics/http/contract-alerts.ts'
import { act, apiPath, useApi } from '../../api.ts'
import { formatAge, formatDateTime, formatRate } from '../../format.ts'
import { Icon, Shape } from '../../icons.tsx'
import { useLive, useSubscription } from '../../page-context.ts'
import { HostileText } from '../../panels/hostile-text.tsx'
import { Empty, Panel } from '../../panels/panel.tsx'
import { visibleText } from '../../visible-text.ts'
import { History } from './history.tsx'
import { Labels } from './labels.tsx'
import { RuleDialog, wordsOf } from './rule-dialog.tsx'
import { exploreAddress, ruleWords } from './rule-form.ts'

const rulesEveryMs = 10_000

export function PageView() {
  const { data, refusal, seq } = useSubscription('alerts', {})
  const rules = useApi<AlertRulesAnswer>(apiPath('/alerts/rules'), rulesEveryMs)
  const alerts = data?.kind === 'alerts' ? data.alerts : null
  // biome-ignore lint/correctness/useExhaustiveDependencies: alerts have changed, so their rules have.
  useEffect(() => {
    if (rules.data) rules.ask()
  }, [seq])
  const known = rules.data?.rules ?? []
  return (
    <>
      <Firing alerts={alerts} rules={known} refusal={refusal} seq={seq} />
      <Rules asked={rules} />
      <History version={seq} deliveries={alerts?.deliveries ?? null} />
    </>
  )
}

interface FiringProps {
  readonly alerts: AlertsAnswer | null
  readonly rules: readonly AlertRuleView[]
  readonly refusal: string | undefined
  readonly seq: number | undefined
}

function Firing({ alerts, rules, refusal, seq }: FiringProps) {
  const all = alerts ? [...alerts.firing, ...alerts.pending] : []
  const state =
    refusal !== undefined ? 'refused' : alerts === null ? 'loading' : all.length === 0 ? 'empty' : 'live'
  return (
    <Panel id="firing" title="Firing now" state={state} seq={seq} className="alerts-firing">
      {state === 'refused' && <Empty title={refusal ?? ''} />}
      {state === 'empty' && (
        <p className="all-quiet">
          {rules.length > 0 && <Icon name="check" />}
          {rules.length === 0 ? 'Nothing is watched yet.' : 'Nothing fires.'}
        </p>
      )}
      {all.length > 0 && (
        <ul className="firing-list">
          {all.map(alert => (
            <FiringRow
              key={`${alert.ruleId} ${JSON.stringify(alert.labels)}`}
              alert={alert}
              rule={rules.find(({ id }) => id === alert.ruleId)?.rule}
            />
          ))}
        </ul>
      )}
    </Panel>
  )
}

function FiringRow({ alert, rule }: { readonly alert: AlertView; readonly rule: AlertRule | undefined }) {
  const clockMs = useLive(state => state.clockMs)
  const { zone } = useLive(state => state.settings)
  const since = alert.firedAt ?? alert.startedAt
  const isFiring = alert.phase === 'firing'
  return (
    <li data-tone={isFiring ? 'critical' : 'warn'} data-phase={alert.phase}>
      <span className="phase">
        <Shape name={isFiring ? 'cross' : 'triangle'} />
        {isFiring ? 'Firing' : 'Pending'}
      </span>
      <span className="alert-name">
        <HostileText text={alert.ruleName} />
        <Labels labels={alert.labels} />
        {alert.summary !== '' && (
          <span className="muted alert-summary">
            <HostileText text={alert.summary} />
          </span>
        )}
      </span>
      <span className="number">
        {alert.value === null ? 'no value' : formatRate(alert.value)}
        {rule?.threshold !== undefined && (
          <span className="muted">
            {' '}
            {rule.op} {formatRate(rule.threshold)}
            {rule.kind === 'change' && rule.unit !== 'absolute' && '%'}
          </span>
        )}
      </span>
      <span className="nowrap" title={formatDateTime(since, zone)}>
        for {formatAge(clockMs - since)}
      </span>
      {rule && (
        <Link className="button" href={exploreAddress(rule)}>
          Explore
        </Link>
      )}
    </li>
  )
}

function Rules({ asked }: { readonly asked: ReturnType<typeof useApi<AlertRulesAnswer>> }) {
  const me = useApi<MeAnswer>(apiPath('/me'))
  const [editing, setEditing] = useState<AlertRuleView | 'new' | null>(null)
  const [refusal, setRefusal] = useState('')
  const isAdmin = me.data?.role === 'admin'
  const rules = asked.data?.rules
  const state =
    rules === undefined ? (asked.error ? 'refused' : 'loading') : rules.length === 0 ? 'empty' : 'live'
  const run = async (change: () => Promise<unknown>) => {
    setRefusal('')
    await change().catch((error: unknown) => setRefusal(wordsOf(error)))
    asked.ask()
  }
  const tools = isAdmin && (
    <button type="button" className="button primary new-rule" onClick={() => setEditing('new')}>
      New rule
    </button>
  )
  return (
    <Panel id="rules" title="Rules" state={state} className="alerts-rules" tools={tools}>
      {me.data && !isAdmin && (
        <p className="viewer-note">You are signed in as a viewer: rules are made and changed by admins.</p>
      )}
      {refusal !== '' && (
        <p className="form-error" role="alert">
          {refusal}
        </p>
      )}
      {state === 'refused' && <Empty title="The rules cannot be read just now">{asked.error?.message}</Empty>}
      {state === 'empty' && <NoRules />}
      {rules && rules.length > 0 && (
        <ul className="rule-list">
          {rules.map(view => (
            <RuleRow
              key={view.id}
              {...{ view, isAdmin }}
              onEdit={() => setEditing(view)}
              onSwitch={() =>
                void run(() =>
                  act('PUT', apiPath(`/alerts/rules/${view.id}`), {
                    ...view.rule,
                    enabled: view.rule.enabled === false,
                  }),
                )
              }
              onDelete={() => void run(() => act('DELETE', apiPath(`/alerts/rules/${view.id}`)))}
            />
          ))}
        </ul>
      )}
      {editing && (
        <RuleDialog
          view={editing === 'new' ? null : editing}
          onClose={() => setEditing(null)}
          onSaved={() => {
            setEditing(null)
            asked.ask()
          }}
        />
      )}
    </Panel>
  )
}

function NoRules() {
  return (
    <Empty title="No rules yet">
      <p>
        A rule watches a statistic and tells when it is worth it. Make one here, or write into tailrace.yaml:
      </p>
      <pre className="sample">
        {`alerts:
  - name: Many errors
    kind: threshold
    metric: errors
    window: 5m
    op: '>'
    threshold: 20`}
      </pre>
    </Empty>
  )
}

interface RuleRowProps {
  readonly view: AlertRuleView
  readonly isAdmin: boolean
  onEdit(): void
  onSwitch(): void
  onDelete(): void
}

function RuleRow({ view, isAdmin, onEdit, onSwitch, onDelete }: RuleRowProps) {
  const [isSure, setIsSure] = useState(false)
  const { rule, firing, pending, error, source } = view
  const isOff = rule.enabled === false
  const spoken = visibleText(rule.name, 80)
  const [tone, shape, words] = error
    ? (['warn', 'triangle', 'Cannot be judged'] as const)
    : isOff
      ? (['', 'bars', 'Disabled'] as const)
      : firing > 0
        ? (['critical', 'cross', `${firing} firing`] as const)
        : pending > 0
          ? (['warn', 'triangle', `${pending} pending`] as const)
          : (['ok', 'dot', 'Quiet'] as const)
  return (
    <li data-tone={tone} data-rule={rule.name}>
      <span className="phase">
        <Shape name={shape} />
        {words}
      </span>
      <span className="alert-name">
        <HostileText text={rule.name} />
        <span className="muted alert-summary">
          <HostileText text={ruleWords(rule)} />
        </span>
        {error && (
          <span className="form-error">
            <HostileText text={error} />
          </span>
        )}
      </span>
      <span className="rule-actions">
        {source === 'file' ? (
          <span className="muted">in tailrace.yaml: change it there</span>
        ) : !isAdmin ? null : isSure ? (
          <>
            <button type="button" className="button danger" onClick={onDelete}>
              Delete “
              <HostileText text={rule.name} limit={20} />”
            </button>
            <button type="button" className="button" onClick={() => setIsSure(false)}>
              Keep
            </button>
          </>
        ) : (
          <>
            <button type="button" className="button" onClick={onEdit}>
              Change<span className="sr-only"> {spoken}</span>
            </button>
            <button type="button" className="button" onClick={onSwitch}>
              {isOff ? 'Enable' : 'Disable'}
              <span className="sr-only"> {spoken}</span>
            </button>
            <button type="button" className="button" onClick={() => setIsSure(true)}>
              Delete<span className="sr-only"> {spoken}</span>
            </button>
          </>
        )}
      </span>
    </li>
  )
}
