// Making or changing a rule: the form, what it would have done over the last day, and a test of its webhook. The server
// judges what is typed; its words are shown.
import { type ReactNode, useEffect, useRef, useState } from 'react'
import type { AlertPreview, AlertRule, AlertRuleView } from '../../../analytics/http/contract-alerts.ts'
import { ApiError, act, apiPath, useApi } from '../../api.ts'
import { Icon } from '../../icons.tsx'
import { PreviewChart } from './preview-chart.tsx'
import { emptyForm, formOf, type RuleForm, ruleOf } from './rule-form.ts'

const typingPauseMs = 400
const operators = ['>', '>=', '<', '<=', '==', '!='] as const

export interface RuleDialogProps {
  /** Null for a new one. */
  readonly view: AlertRuleView | null
  onClose(): void
  onSaved(): void
}

export function RuleDialog({ view, onClose, onSaved }: RuleDialogProps) {
  const [form, setForm] = useState<RuleForm>(() => (view ? formOf(view.rule) : emptyForm))
  const [refusal, setRefusal] = useState('')
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  const change = (part: Partial<RuleForm>) => setForm(before => ({ ...before, ...part }))
  const rule = ruleOf(form, view?.rule)
  const save = async () => {
    try {
      if (view) await act('PUT', apiPath(`/alerts/rules/${view.id}`), rule)
      else await act('POST', apiPath('/alerts/rules'), rule)
      onSaved()
    } catch (error) {
      setRefusal(wordsOf(error))
    }
  }
  return (
    <dialog ref={dialog} className="rule-dialog" aria-labelledby="rule-dialog-title" onClose={onClose}>
      <header className="panel-head">
        <h2 id="rule-dialog-title">{view ? 'Change the rule' : 'New rule'}</h2>
        <button type="button" className="tool" title="Close without saving" onClick={onClose}>
          <Icon name="close" />
          <span className="sr-only">Close without saving</span>
        </button>
      </header>
      <form
        onSubmit={event => {
          event.preventDefault()
          void save()
        }}
      >
        <Fields form={form} change={change} />
        <Preview rule={rule} />
        <WebhookTest form={form} />
        <p className="form-error" role="alert">
          {refusal}
        </p>
        <div className="form-end">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button primary">
            {view ? 'Save' : 'Create rule'}
          </button>
        </div>
      </form>
    </dialog>
  )
}

interface FieldsProps {
  readonly form: RuleForm
  change(part: Partial<RuleForm>): void
}

function Fields({ form, change }: FieldsProps) {
  const isCompared = form.kind !== 'absence'
  const { data } = useApi<{ readonly metrics: readonly { readonly name: string }[] }>(apiPath('/catalogue'))
  const text = (name: keyof RuleForm, label: string, hint = '') => (
    <Field label={label} hint={hint}>
      <input
        name={name}
        value={form[name]}
        autoComplete="off"
        spellCheck={false}
        onChange={event => change({ [name]: event.target.value })}
        list={name === 'metric' ? 'alert-metrics' : undefined}
      />
    </Field>
  )
  const lines = (name: 'by' | 'filter' | 'webhooks', label: string, hint: string) => (
    <Field label={label} hint={hint}>
      <textarea
        name={name}
        rows={2}
        spellCheck={false}
        value={form[name]}
        onChange={event => change({ [name]: event.target.value })}
      />
    </Field>
  )
  return (
    <div className="rule-fields">
      {text('name', 'Name', 'told in notifications')}
      <Field label="Kind">
        <select
          name="kind"
          value={form.kind}
          onChange={event => change({ kind: event.target.value as RuleForm['kind'] })}
        >
          <option value="threshold">Threshold: the value itself</option>
          <option value="change">Change: against an earlier time</option>
          <option value="absence">Absence: nothing was counted</option>
        </select>
      </Field>
      {text('metric', 'Statistic', 'as in Explore: errors, latency, requests …')}
      <datalist id="alert-metrics">
        {(data?.metrics ?? []).map(({ name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      {text('window', 'Window', '30s, 5m, 1h, 1d')}
      {isCompared && (
        <>
          {text('value', 'Value', 'empty, per_second, p95, mean …')}
          <Field label="Fires when it is">
            <span className="joined">
              <select
                name="op"
                aria-label="Comparison"
                value={form.op}
                onChange={event => change({ op: event.target.value as RuleForm['op'] })}
              >
                {operators.map(op => (
                  <option key={op}>{op}</option>
                ))}
              </select>
              <input
                name="threshold"
                aria-label="Threshold"
                inputMode="decimal"
                value={form.threshold}
                onChange={event => change({ threshold: event.target.value })}
              />
            </span>
          </Field>
        </>
      )}
      {form.kind === 'change' && (
        <>
          {text('offset', 'Against the time before', '1h, 1d, 7d')}
          <Field label="In">
            <select
              name="unit"
              value={form.unit}
              onChange={event => change({ unit: event.target.value as RuleForm['unit'] })}
            >
              <option value="percent">percent</option>
              <option value="absolute">the statistic’s own unit</option>
            </select>
          </Field>
        </>
      )}
      {text('for', 'For at least', 'how long before it fires')}
      {lines('filter', 'Only', 'dimension:value, one a line')}
      {lines('by', 'One alert for each', 'dimension, one a line')}
      {lines('webhooks', 'Webhooks', 'https://…, one a line')}
      {text('summary', 'What a person should know')}
    </div>
  )
}

function Field({
  label,
  hint = '',
  children,
}: {
  readonly label: string
  readonly hint?: string
  readonly children: ReactNode
}) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is the child.
    <label className="field">
      <span>
        {label} {hint !== '' && <small className="muted">{hint}</small>}
      </span>
      {children}
    </label>
  )
}

type Previewed =
  | { readonly state: 'waiting' | 'none' }
  | { readonly state: 'refused'; readonly words: string }
  | { readonly state: 'known'; readonly preview: AlertPreview }

function Preview({ rule }: { readonly rule: AlertRule }) {
  const [previewed, setPreviewed] = useState<Previewed>({ state: 'none' })
  const [span, setSpan] = useState('1h')
  const key = JSON.stringify({ ...rule, name: 'preview' })
  const isComplete = rule.kind === 'absence' || !Number.isNaN(rule.threshold)
  useEffect(() => {
    if (!isComplete) {
      setPreviewed({ state: 'none' })
      return
    }
    let isGone = false
    const timer = window.setTimeout(() => {
      setPreviewed({ state: 'waiting' })
      act<AlertPreview>('POST', apiPath('/alerts/preview'), {
        rule: JSON.parse(key),
        from: `now-${span}`,
      }).then(
        preview => isGone || setPreviewed({ state: 'known', preview }),
        (error: unknown) => isGone || setPreviewed({ state: 'refused', words: wordsOf(error) }),
      )
    }, typingPauseMs)
    return () => {
      isGone = true
      window.clearTimeout(timer)
    }
  }, [key, span, isComplete])
  return (
    <section className="preview" aria-label="Preview" data-state={previewed.state}>
      <header>
        <h3>What it would have done</h3>
        <select
          className="choice"
          aria-label="Over the last"
          value={span}
          onChange={event => setSpan(event.target.value)}
        >
          {['1h', '6h', '1d', '7d'].map(value => (
            <option key={value} value={value}>
              last {value}
            </option>
          ))}
        </select>
      </header>
      {previewed.state === 'none' && <p className="muted">Type a threshold to see.</p>}
      {previewed.state === 'waiting' && <p className="muted">Judging the past…</p>}
      {previewed.state === 'refused' && <p className="form-error">{previewed.words}</p>}
      {previewed.state === 'known' && <PreviewChart rule={rule} preview={previewed.preview} />}
    </section>
  )
}

function WebhookTest({ form }: { readonly form: RuleForm }) {
  const [words, setWords] = useState('')
  const urls = form.webhooks.split('\n').filter(line => line.trim() !== '')
  if (urls.length === 0) return null
  const test = async () => {
    setWords('Sending…')
    const said: string[] = []
    for (const url of urls) {
      try {
        const body = { url: url.trim() }
        const told = await act<{ delivered: boolean; error: string | null }>(
          'POST',
          apiPath('/alerts/test'),
          body,
        )
        said.push(told.delivered ? `${url}: delivered` : `${url}: ${told.error}`)
      } catch (error) {
        said.push(`${url}: ${wordsOf(error)}`)
      }
    }
    setWords(said.join('. '))
  }
  return (
    <p className="webhook-test">
      <button type="button" className="button" onClick={() => void test()}>
        Test {urls.length === 1 ? 'the webhook' : 'the webhooks'}
      </button>
      <span role="status">{words}</span>
    </p>
  )
}

export function wordsOf(error: unknown): string {
  return error instanceof ApiError ? error.message : 'That failed. Try again.'
}
