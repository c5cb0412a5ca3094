// What an input may say about its lines beyond their format, and the rules that follow from it. Rules are part of a
// range's routing: they lie in the checkpoint as they are, so that what is sent again becomes the same records. Pure.

export interface MultilineRule {
  readonly preset?: 'java' | 'python' | 'go' | 'node' | 'dotnet' | 'php' | undefined
  /** A line that matches begins a record. */
  readonly start?: string | undefined
  /** A line that matches belongs to the record before it. */
  readonly continuation?: string | undefined
  readonly maxBytes?: number | undefined
  readonly maxLines?: number | undefined
  /** A record ends when its file has been quiet for this long. */
  readonly idleMs?: number | undefined
}

export interface RedactRule {
  /** Card numbers, by length and check digit. */
  readonly cards?: boolean | undefined
  readonly emails?: boolean | undefined
  /** The last byte of IPv4 addresses, all but the first 48 bits of IPv6 addresses. */
  readonly addresses?: boolean | undefined
  /** What follows Bearer or Basic, and JSON web tokens. */
  readonly tokens?: boolean | undefined
  readonly patterns?: readonly string[] | undefined
  /** `hash`: a keyed hash takes the place, so that equal secrets can be told to be equal. */
  readonly replace?: 'mask' | 'hash' | undefined
}

/** The part of an input that is about lines. */
export interface LineOptions {
  readonly encoding?: string | undefined
  readonly maxLineBytes?: number | undefined
  readonly onLongLine?: 'cut' | 'drop' | undefined
  readonly multiline?: MultilineRule | undefined
  readonly includeLines?: readonly string[] | undefined
  readonly excludeLines?: readonly string[] | undefined
  /** The share of lines to keep, 0 to 1. */
  readonly sample?: number | undefined
  readonly redact?: RedactRule | undefined
  /** What a record is: the line itself, or a flat object in OpenTelemetry's log data model. */
  readonly emit?: 'line' | 'json' | undefined
  /** Record headers, such as service and environment; `{host}` stands for this machine's name. */
  readonly fields?: Readonly<Record<string, string>> | undefined
}

export type LineRules = LineOptions

const names = [
  'encoding',
  'maxLineBytes',
  'onLongLine',
  'multiline',
  'includeLines',
  'excludeLines',
  'sample',
  'redact',
  'emit',
  'fields',
] as const

/** The rules of an input, null when there are none. */
export function rulesOf(options: LineOptions, host: string): LineRules | null {
  const found: Record<string, unknown> = {}
  for (const name of names) if (options[name] !== undefined) found[name] = options[name]
  if (options.fields !== undefined) {
    const fields = Object.entries(options.fields).map(([name, text]) => [
      name,
      text.replaceAll('{host}', host),
    ])
    found['fields'] = Object.fromEntries(fields)
  }
  return Object.keys(found).length === 0 ? null : (found as LineRules)
}

export function sameRules(a: LineRules | null | undefined, b: LineRules | null | undefined): boolean {
  if (a === b || (!a && !b)) return true
  return JSON.stringify(a) === JSON.stringify(b)
}
