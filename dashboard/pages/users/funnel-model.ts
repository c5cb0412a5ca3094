// A funnel while it is edited: steps that are added, removed, changed and put in another order, as text in the URL and
// as the question that is asked. Pure.

export interface FunnelStep {
  readonly kind: 'page' | 'event'
  readonly value: string
}

export interface FunnelDraft {
  readonly steps: readonly FunnelStep[]
  readonly order: 'sequential' | 'strict'
  readonly window: string
}

export const stepsMin = 2
export const stepsMax = 8
export const funnelWindows = ['30m', '1h', '1d', '7d', '14d', '30d'] as const
const windowDefault = '14d'

export const newFunnel: FunnelDraft = {
  steps: [
    { kind: 'page', value: '/' },
    { kind: 'page', value: '' },
  ],
  order: 'sequential',
  window: windowDefault,
}

/** `page:/`, `event:Order Completed`: one for each step, in their order. */
export function stepText({ kind, value }: FunnelStep): string {
  return `${kind}:${value}`
}

/** What the URL's `step=` say, null where they say nothing that can be a funnel. */
export function draftOf(steps: readonly string[], order: string, window: string): FunnelDraft | null {
  const read = steps.map(stepOf).filter(step => step !== null)
  if (read.length < stepsMin) return null
  return {
    steps: read.slice(0, stepsMax),
    order: order === 'strict' ? 'strict' : 'sequential',
    window: /^[1-9]\d{0,5}[smhd]$/.test(window) ? window : windowDefault,
  }
}

/** The URL's parameters for it; a default is left out. */
export function draftParameters({ steps, order, window }: FunnelDraft): {
  readonly step: readonly string[]
  readonly order: string
  readonly fw: string
} {
  return {
    step: steps.map(stepText),
    order: order === 'strict' ? 'strict' : '',
    fw: window === windowDefault ? '' : window,
  }
}

export function withStep(draft: FunnelDraft): FunnelDraft {
  if (draft.steps.length >= stepsMax) return draft
  return { ...draft, steps: [...draft.steps, { kind: 'page', value: '' }] }
}

export function withoutStep(draft: FunnelDraft, at: number): FunnelDraft {
  if (draft.steps.length <= stepsMin) return draft
  return { ...draft, steps: draft.steps.filter((_, index) => index !== at) }
}

export function changedStep(draft: FunnelDraft, at: number, change: Partial<FunnelStep>): FunnelDraft {
  return { ...draft, steps: draft.steps.map((step, index) => (index === at ? { ...step, ...change } : step)) }
}

/** The step lands at `to`; the others keep their order. */
export function movedStep(draft: FunnelDraft, from: number, to: number): FunnelDraft {
  const moved = draft.steps[from]
  if (!moved || to < 0 || to >= draft.steps.length || to === from) return draft
  const rest = draft.steps.filter((_, index) => index !== from)
  return { ...draft, steps: [...rest.slice(0, to), moved, ...rest.slice(to)] }
}

/** What keeps it from being asked, in words; null when nothing does. */
export function incomplete({ steps }: FunnelDraft): string | null {
  const at = steps.findIndex(({ value }) => value.trim() === '')
  if (at >= 0)
    return `Step ${at + 1} needs a ${steps[at]!.kind === 'page' ? 'page, such as /products/*' : 'name of an event'}.`
  const wrong = steps.findIndex(({ kind, value }) => kind === 'page' && !/^[/*(]/.test(value.trim()))
  return wrong < 0 ? null : `Step ${wrong + 1}: a page begins with /, such as /products/*.`
}

/** The body of POST /funnels. `span` is how the range is asked for. */
export function funnelQuestion(
  { steps, order, window }: FunnelDraft,
  span: Readonly<Record<string, string>>,
): object {
  return {
    steps: steps.map(({ kind, value }) => ({ [kind]: value.trim() })),
    order,
    conversion_window: window,
    ...span,
  }
}

function stepOf(text: string): FunnelStep | null {
  const match = /^(page|event):([\s\S]*)$/.exec(text)
  return match && { kind: match[1] as FunnelStep['kind'], value: match[2]!.slice(0, 256) }
}
