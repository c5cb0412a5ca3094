// The funnel: steps one edits, and how many visitors came how far. What is asked lives in the URL; while a step is
// incomplete the last answer stays.
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { type DragEvent, type FormEvent, useEffect, useState } from 'react'
import type { CatalogueAnswer } from '../../../analytics/http/contract-catalogue.ts'
import type { FunnelAnswer } from '../../../analytics/http/contract-visits.ts'
import { type ApiError, act, apiPath } from '../../api.ts'
import { CopyButton } from '../../copy-button.tsx'
import { curlOf } from '../../curl.ts'
import { Icon } from '../../icons.tsx'
import { HostileText } from '../../panels/hostile-text.tsx'
import { Panel } from '../../panels/panel.tsx'
import { type HistoryRange, refreshMs, spanParameters } from '../../range.ts'
import { Refusal } from '../../refusal.tsx'
import { changeParameters, useParameter, useParameters } from '../../url-state.ts'
import {
  changedProperty,
  changedStep,
  draftOf,
  draftParameters,
  type FunnelDraft,
  funnelQuestion,
  funnelWindows,
  incomplete,
  movedStep,
  newFunnel,
  propertiesMax,
  propertiesOf,
  stepFrom,
  stepsMax,
  stepsMin,
  windowName,
  withoutStep,
  withStep,
} from './funnel-model.ts'
import { FunnelSteps } from './funnel-steps.tsx'

export interface FunnelProps {
  readonly range: HistoryRange
  readonly catalogue: CatalogueAnswer | undefined
}

export function Funnel({ range, catalogue }: FunnelProps) {
  const steps = useParameters('step')
  const [order] = useParameter('order')
  const [window] = useParameter('fw')
  const where = useParameters('sw')
  const fromUrl = draftOf(steps, order, window, where)
  const key = JSON.stringify(fromUrl)
  const [draft, setDraft] = useState<FunnelDraft>(fromUrl ?? newFunnel)
  // biome-ignore lint/correctness/useExhaustiveDependencies: going back in the history brings the funnel of then.
  useEffect(() => {
    if (fromUrl) setDraft(fromUrl)
  }, [key])
  const body = fromUrl && incomplete(fromUrl) === null ? funnelQuestion(fromUrl, spanParameters(range)) : null
  const asked = useQuery<FunnelAnswer, ApiError>({
    queryKey: ['funnel', body],
    queryFn: () => act<FunnelAnswer>('POST', apiPath('/funnels'), body),
    enabled: body !== null,
    refetchInterval: refreshMs(range) ?? false,
    placeholderData: keepPreviousData,
  })
  const { data, error } = asked
  const state = error ? 'refused' : body === null ? 'empty' : data ? 'live' : 'loading'
  const curl = body && curlOf(globalThis.window.location.origin, apiPath('/funnels'), { body })
  return (
    <Panel
      id="funnel"
      title="Funnel"
      unit="how many visitors came how far"
      state={state}
      className="funnel"
      tools={curl && <CopyButton text={curl} words="Copy as curl" />}
    >
      <div className="funnel-body">
        <Editor draft={draft} onChange={setDraft} catalogue={catalogue} />
        <div className="funnel-answer" aria-live="polite">
          {state === 'refused' && error && <Refusal error={error} onRetry={() => void asked.refetch()} />}
          {state === 'empty' && (
            <p className="muted funnel-hint">
              Name two to eight steps: a page such as <code>/products/*</code> (<code>*</code> within a
              segment, <code>**</code> across), or an event such as <code>Order Completed</code>. Then press
              Show.
            </p>
          )}
          {state === 'live' && data && <FunnelSteps answer={data} />}
        </div>
      </div>
    </Panel>
  )
}

interface EditorProps {
  readonly draft: FunnelDraft
  readonly onChange: (draft: FunnelDraft) => void
  readonly catalogue: CatalogueAnswer | undefined
}

function Editor({ draft, onChange, catalogue }: EditorProps) {
  const [dragged, setDragged] = useState<number | null>(null)
  const missing = incomplete(draft)
  const [isSaid, setSaid] = useState(false)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setSaid(missing !== null)
    if (missing === null) changeParameters(draftParameters(draft))
  }
  const drop = (event: DragEvent, at: number) => {
    event.preventDefault()
    if (dragged !== null) onChange(movedStep(draft, dragged, at))
    setDragged(null)
  }
  return (
    <form className="funnel-editor" onSubmit={submit} aria-label="Steps of the funnel">
      <ol>
        {draft.steps.map((step, at) => (
          <li
            // biome-ignore lint/suspicious/noArrayIndexKey: a step has no name but its place.
            key={at}
            className="funnel-step"
            data-dragged={dragged === at}
            onDragOver={event => event.preventDefault()}
            onDrop={event => drop(event, at)}
          >
            <span
              className="funnel-handle"
              draggable
              title="Drag to another place"
              aria-hidden="true"
              onDragStart={() => setDragged(at)}
              onDragEnd={() => setDragged(null)}
            >
              {at + 1}
            </span>
            <select
              aria-label={`Kind of step ${at + 1}`}
              value={step.kind}
              onChange={event =>
                onChange(changedStep(draft, at, { kind: event.target.value === 'event' ? 'event' : 'page' }))
              }
            >
              <option>page</option>
              <option>event</option>
            </select>
            <input
              aria-label={`Step ${at + 1}`}
              value={step.value}
              maxLength={256}
              placeholder={step.kind === 'page' ? '/products/*' : 'Order Completed'}
              onChange={event => onChange(changedStep(draft, at, { value: event.target.value }))}
            />
            <StepTools draft={draft} at={at} onChange={onChange} />
            <StepProperties draft={draft} at={at} onChange={onChange} />
          </li>
        ))}
      </ol>
      <div className="funnel-choices">
        <button
          type="button"
          className="text-tool"
          disabled={draft.steps.length >= stepsMax}
          onClick={() => onChange(withStep(draft))}
        >
          <Icon name="plus" />
          Add a step
        </button>
        <label className="choice">
          order
          <select
            value={draft.order}
            onChange={event =>
              onChange({ ...draft, order: event.target.value === 'strict' ? 'strict' : 'sequential' })
            }
          >
            <option value="sequential">others may lie between</option>
            <option value="strict">strict: none between</option>
          </select>
        </label>
        <label className="choice">
          within
          <select value={draft.window} onChange={event => onChange({ ...draft, window: event.target.value })}>
            {[...new Set([...funnelWindows, draft.window])].map(name => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <button type="submit" className="button primary">
          Show
        </button>
      </div>
      {isSaid && missing !== null && (
        <p className="funnel-missing" role="alert">
          {missing}
        </p>
      )}
      <Configured catalogue={catalogue} />
    </form>
  )
}

/** What an event's properties must be; as text in the URL like the rest. */
function StepProperties({ draft, at, onChange }: Omit<EditorProps, 'catalogue'> & { readonly at: number }) {
  const step = draft.steps[at]!
  if (step.kind === 'page') return null
  const where = propertiesOf(step)
  return (
    <div className="funnel-where">
      {where.map(({ name, value }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a property may have no name yet.
        <span key={index} className="funnel-property">
          <input
            aria-label={`Property ${index + 1} of step ${at + 1}`}
            value={name}
            maxLength={100}
            placeholder="plan"
            onChange={event => onChange(changedProperty(draft, at, index, { name: event.target.value }))}
          />
          =
          <input
            aria-label={`Value of property ${index + 1} of step ${at + 1}`}
            title="5 and true are a number and a truth value; in quotes they are text"
            value={value}
            maxLength={256}
            placeholder="pro"
            onChange={event => onChange(changedProperty(draft, at, index, { value: event.target.value }))}
          />
          <button
            type="button"
            className="tool"
            title="Any value"
            onClick={() => onChange(changedProperty(draft, at, index, null))}
          >
            <Icon name="close" />
            <span className="sr-only">
              Remove property {index + 1} of step {at + 1}
            </span>
          </button>
        </span>
      ))}
      {where.length < propertiesMax && (
        <button
          type="button"
          className="text-tool"
          onClick={() => onChange(changedProperty(draft, at, where.length, {}))}
        >
          <Icon name="plus" />
          where a property is …
        </button>
      )}
    </div>
  )
}

function StepTools({ draft, at, onChange }: Omit<EditorProps, 'catalogue'> & { readonly at: number }) {
  const step = at + 1
  return (
    <span className="funnel-tools">
      <button
        type="button"
        className="tool"
        title="Earlier"
        disabled={at === 0}
        onClick={() => onChange(movedStep(draft, at, at - 1))}
      >
        <span className="turned-up">
          <Icon name="down" />
        </span>
        <span className="sr-only">Move step {step} up</span>
      </button>
      <button
        type="button"
        className="tool"
        title="Later"
        disabled={at === draft.steps.length - 1}
        onClick={() => onChange(movedStep(draft, at, at + 1))}
      >
        <Icon name="down" />
        <span className="sr-only">Move step {step} down</span>
      </button>
      <button
        type="button"
        className="tool"
        title="Remove"
        disabled={draft.steps.length <= stepsMin}
        onClick={() => onChange(withoutStep(draft, at))}
      >
        <Icon name="close" />
        <span className="sr-only">Remove step {step}</span>
      </button>
    </span>
  )
}

/** What tailrace.yaml names is one press away. */
function Configured({ catalogue }: { readonly catalogue: CatalogueAnswer | undefined }) {
  const funnels = catalogue?.funnels ?? []
  if (funnels.length === 0) return null
  return (
    <div className="funnel-configured">
      <span className="muted">Configured</span>
      {funnels.map(({ name, steps, order, conversionWindowMs }) => (
        <button
          key={name}
          type="button"
          className="button"
          onClick={() =>
            changeParameters({
              ...draftParameters({ steps: steps.map(stepFrom), order, window: '' }),
              fw: conversionWindowMs === 14 * 86_400_000 ? '' : windowName(conversionWindowMs),
            })
          }
        >
          <HostileText text={name} limit={80} />
        </button>
      ))}
    </div>
  )
}
