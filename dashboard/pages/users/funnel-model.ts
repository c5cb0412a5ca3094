// A funnel while it is edited: steps that are added, removed, changed and put in another order, as text in the URL and
// as the question that is asked. Pure.
import type { CatalogueCondition } from '../../../analytics/http/contract-catalogue.ts'

export interface FunnelStep {
  readonly kind: 'page' | 'event'
  readonly value: string
  /** Of an event: what its properties must be, as it is typed. */
  readonly where?: readonly PropertyDraft[]
}

export interface PropertyDraft {
  readonly name: string
  /** `5` and `true` are a number and a truth value; in quotes they are text. */
  readonly value: string
}

export interface FunnelDraft {
  readonly steps: readonly FunnelStep[]
  readonly order: 'sequential' | 'strict'
  readonly window: string
}

export const stepsMin = 2
export const stepsMax = 8
export const propertiesMax = 5
export const funnelWindows = ['30m', '1h', '1d', '7d', '14d', '30d'] as const
const windowDefault = '14d'

/** As the choice has it where it does, else in the largest unit that divides it. */
export function windowName(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000)
  const found = [['d', 86_400] as const, ['h', 3_600] as const, ['m', 60] as const].find(
    ([, unit]) => seconds > 0 && seconds % unit === 0,
  )
  return found ? `${seconds / found[1]}${found[0]}` : `${seconds}s`
}

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

/** What the URL's `step=` and `sw=` say, null where they say nothing that can be a funnel. */
export function draftOf(
  steps: readonly string[],
  order: string,
  window: string,
  where: readonly string[] = [],
): FunnelDraft | null {
  const properties = where.map(propertyOf).filter(property => property !== null)
  const read = steps
    .map((text, at) => {
      const step = stepOf(text)
      const own = properties.filter(({ step: number }) => number === at + 1).slice(0, propertiesMax)
      if (step === null || step.kind === 'page' || own.length === 0) return step
      return { ...step, where: own.map(({ name, value }) => ({ name, value })) }
    })
    .filter(step => step !== null)
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
  readonly sw: readonly string[]
} {
  return {
    step: steps.map(stepText),
    order: order === 'strict' ? 'strict' : '',
    fw: window === windowDefault ? '' : window,
    sw: steps.flatMap((step, at) =>
      propertiesOf(step).map(({ name, value }) => `${at + 1}:${encodeURIComponent(name)}=${value}`),
    ),
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
  const unnamed = steps.findIndex(step => propertiesOf(step).some(({ name }) => name.trim() === ''))
  if (unnamed >= 0) return `Step ${unnamed + 1}: a property needs its name.`
  const wrong = steps.findIndex(({ kind, value }) => kind === 'page' && !/^[/*(]/.test(value.trim()))
  return wrong < 0 ? null : `Step ${wrong + 1}: a page begins with /, such as /products/*.`
}

/** The body of POST /funnels. `span` is how the range is asked for. */
export function funnelQuestion(
  { steps, order, window }: FunnelDraft,
  span: Readonly<Record<string, string>>,
): object {
  return {
    steps: steps.map(step => {
      const where = propertiesOf(step).map(({ name, value }) => [name.trim(), typedValue(value)] as const)
      return {
        [step.kind]: step.value.trim(),
        ...(where.length > 0 && { where: Object.fromEntries(where) }),
      }
    }),
    order,
    conversion_window: window,
    ...span,
  }
}

/** A configured step as it is edited. */
export function stepFrom({ page, event, where }: CatalogueCondition): FunnelStep {
  if (page !== undefined) return { kind: 'page', value: page }
  const properties = Object.entries(where ?? {}).map(([name, value]) => ({ name, value: valueText(value) }))
  return { kind: 'event', value: event ?? '', ...(properties.length > 0 && { where: properties }) }
}

/** A page has none, whatever was typed before it was one. */
export function propertiesOf({ kind, where = [] }: FunnelStep): readonly PropertyDraft[] {
  return kind === 'event' ? where : []
}

export function changedProperty(
  draft: FunnelDraft,
  at: number,
  index: number,
  change: Partial<PropertyDraft> | null,
): FunnelDraft {
  const where = propertiesOf(draft.steps[at]!)
  const added = index >= where.length && change ? [...where, { name: '', value: '', ...change }] : where
  const changed = added.flatMap((property, place) => {
    if (place !== index) return [property]
    return change === null ? [] : [{ ...property, ...change }]
  })
  return changedStep(draft, at, { where: changed })
}

const plainValue = /^(true|false|-?\d+(\.\d+)?)$/

function valueText(value: string | number | boolean): string {
  const isPlain = typeof value !== 'string' || !(plainValue.test(value) || /^".*"$/.test(value))
  return isPlain ? String(value) : JSON.stringify(value)
}

function typedValue(text: string): string | number | boolean {
  const trimmed = text.trim()
  if (plainValue.test(trimmed)) return JSON.parse(trimmed.replace(/^(-?)0+(?=\d)/, '$1')) as number | boolean
  if (!/^".*"$/.test(trimmed)) return trimmed
  try {
    return JSON.parse(trimmed) as string
  } catch {
    return trimmed
  }
}

function propertyOf(text: string): (PropertyDraft & { readonly step: number }) | null {
  const match = /^(\d):([^=]*)=([\s\S]*)$/.exec(text)
  if (!match) return null
  try {
    const name = decodeURIComponent(match[2]!)
    return { step: Number(match[1]), name: name.slice(0, 100), value: match[3]!.slice(0, 260) }
  } catch {
    return null
  }
}

function stepOf(text: string): FunnelStep | null {
  const match = /^(page|event):([\s\S]*)$/.exec(text)
  return match && { kind: match[1] as FunnelStep['kind'], value: match[2]!.slice(0, 256) }
}
