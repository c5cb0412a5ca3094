// What a goal or a step of a funnel asks of an event: a page by a pattern, or an event by name, with properties if
// wanted. Patterns are globs without backtracking: `*` within a path segment, `**` across. Pure.

export interface Condition {
  readonly page?: string | undefined
  readonly event?: string | undefined
  /** Properties of the event, by name: all of them have these values. */
  readonly where?: Readonly<Record<string, string | number | boolean>> | undefined
}

export interface Goal extends Condition {
  readonly name: string
}

export interface Funnel {
  readonly name: string
  readonly steps: readonly Condition[]
  /** True where nothing else may happen in between. */
  readonly strict?: boolean | undefined
  /** From the first step to the last; 14 days by default. */
  readonly windowMs?: number | undefined
}

export interface VisitSettings {
  readonly goals: readonly Goal[]
  readonly funnels: readonly Funnel[]
}

export const noVisitSettings: VisitSettings = { goals: [], funnels: [] }

export const funnelWindowMs = 14 * 86_400_000

/** Goals, and steps of funnels, with properties: at most so many at a time. */
export const conditionsMax = 30

/** One text per condition, the same for the same condition. */
export function conditionText({ page, event, where }: Condition): string {
  const properties = Object.entries(where ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([page ?? null, event ?? null, properties])
}

/** As people read it. */
export function conditionLabel({ page, event, where }: Condition): string {
  const properties = Object.entries(where ?? {}).map(([name, value]) => `${name}=${value}`)
  return [page ?? event ?? '', ...properties].join(' ')
}

/** Whether a page or an event of this name is meant, whatever its properties. */
export function meets(condition: Condition, isPage: boolean, name: string): boolean {
  if (condition.page !== undefined) return isPage && globMatches(condition.page, name)
  return !isPage && condition.event === name
}

export function hasProperties(where: Condition['where'], line: unknown): boolean {
  const properties = property(line, 'properties')
  for (const [name, value] of Object.entries(where ?? {})) {
    if ((property(properties, name) ?? property(line, name)) !== value) return false
  }
  return true
}

function property(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Record<string, unknown>)[name]
}

/** `/products/*` is any page right under it, `/docs/**` every page below. Time: pattern by text, whatever they hold. */
export function globMatches(pattern: string, text: string): boolean {
  let reached = new Uint8Array(text.length + 1)
  reached[0] = 1
  for (let at = 0; at < pattern.length; at++) {
    const next = new Uint8Array(text.length + 1)
    if (pattern[at] !== '*') {
      for (let end = 0; end < text.length; end++)
        if (reached[end] && text[end] === pattern[at]) next[end + 1] = 1
    } else {
      const crosses = pattern[at + 1] === '*'
      if (crosses) at++
      for (let end = 0; end <= text.length; end++) {
        if (reached[end] || (end > 0 && next[end - 1] && (crosses || text[end - 1] !== '/'))) next[end] = 1
      }
    }
    reached = next
  }
  return reached[text.length] === 1
}
