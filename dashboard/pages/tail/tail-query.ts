// The one line of text that chooses lines: what it asks of the server, and how it is changed by a click. Words are a
// text to contain, /…/ a pattern, name:value a field, level:warn the least level; a leading ! means the others. Pure.

export type TailLevel = 'info' | 'warn' | 'error'

export interface TailFilter {
  readonly text: string
  readonly pattern: string
  readonly fields: readonly string[]
  readonly level: TailLevel | ''
  readonly isInverted: boolean
}

const fieldPattern = /(^|\s)([A-Za-z_@][\w.@-]*):("(?:[^"\\]|\\.)*"|[^\s"/][^\s"]*|\/(?!\/)[^\s"]*)(?=\s|$)/g
const regexPattern = /(^|\s)\/(\S(?:.*\S)?)\/(?=\s|$)/

export function parseFilter(typed: string): TailFilter {
  let rest = typed.trim()
  const isInverted = rest.startsWith('!')
  if (isInverted) rest = rest.slice(1).trim()
  const whole = /^"([^"]*)"$/.exec(rest)
  if (whole) return { text: whole[1]!, pattern: '', fields: [], level: '', isInverted }
  const pattern = regexPattern.exec(rest)?.[2] ?? ''
  if (pattern !== '') rest = rest.replace(regexPattern, ' ')
  const fields: string[] = []
  let level: TailLevel | '' = ''
  rest = rest.replace(fieldPattern, (_all, _before, name: string, quoted: string) => {
    const value = unquoted(quoted)
    if (name !== 'level' || !isLevel(value)) fields.push(`${name}:${value}`)
    else level = value
    return ' '
  })
  return { text: unquoted(rest.trim()), pattern, fields, level, isInverted }
}

/** As the live topic takes it. */
export function tailArgs(topic: string, typed: string): Record<string, string> {
  const { text, pattern, fields, level, isInverted } = parseFilter(typed)
  const args: Record<string, string> = { topic }
  if (text !== '') args['filter'] = text
  if (pattern !== '') args['re'] = pattern
  if (fields.length > 0) args['field'] = fields.join('\n')
  if (level !== '') args['level'] = level
  if (isInverted) args['invert'] = 'yes'
  return args
}

/** As a search takes it. */
export function searchParameters(topic: string, typed: string): Record<string, string | readonly string[]> {
  const { text, pattern, fields, level, isInverted } = parseFilter(typed)
  return { topic, q: text, re: pattern, field: fields, level, invert: isInverted ? 'yes' : '' }
}

export function withLevel(typed: string, level: TailLevel | ''): string {
  const rest = typed.replace(/(^|\s)level:(?:info|warn|error)(?=\s|$)/g, ' ')
  return `${rest} ${level === '' ? '' : `level:${level}`}`.replace(/\s+/g, ' ').trim()
}

export function withInversion(typed: string, isInverted: boolean): string {
  const rest = typed.trim().replace(/^!\s*/, '')
  return isInverted ? `!${rest}` : rest
}

/** Adds `name:value`; where one cannot be written (an integer beyond 2^53 is compared as text) the value itself. */
export function withField(typed: string, name: string, value: string): string {
  const isNumber = /^-?\d+$/.test(value)
  const isExact = !isNumber || Math.abs(Number(value)) <= Number.MAX_SAFE_INTEGER
  const canBeField = /^[A-Za-z_@][\w.@-]*$/.test(name) && !value.includes('"') && isExact
  if (!canBeField) return value.includes('"') ? value : `"${value}"`
  const isPlain = /^[^\s"/][^\s"]*$|^\/(?!\/)[^\s"]*$/.test(value) && value !== ''
  const term = `${name}:${isPlain ? value : `"${value}"`}`
  return typed.includes(term) ? typed : `${typed} ${term}`.trim()
}

/** What an access line says, by the names that fields have. */
export function accessFields(line: string): readonly (readonly [name: string, value: string])[] {
  const found = /^(\S{1,64}) \S+ \S+ \[[^\]]{1,40}\] "([A-Z]{1,10}) (\S{1,2000}) [^"]{1,20}" (\d{3}) /.exec(
    line,
  )
  if (!found) return []
  const [, client, method, target, status] = found
  return [
    ['status', status!],
    ['path', target!.split('?')[0]!],
    ['method', method!],
    ['client', client!],
  ]
}

/** `3:9007199254740993`, as the URL names a record. */
export function recordPlace(text: string): { readonly partition: number; readonly offset: string } | null {
  const match = /^(\d{1,6}):(\d{1,19})$/.exec(text)
  return match && { partition: Number(match[1]), offset: match[2]! }
}

function isLevel(text: string): text is TailLevel {
  return text === 'info' || text === 'warn' || text === 'error'
}

function unquoted(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"')
    ? text.slice(1, -1).replace(/\\(["\\])/g, '$1')
    : text
}
