// Which lines a search is after: a text they contain, a pattern that runs in time linear in the line, fields with a
// value, a level. Bytes first: a line is decoded only when everything that can be told from its bytes holds. Pure.
import { setFlagsFromString } from 'node:v8'
import { emptyCombinedLine, parseCombined } from '../../agent/formats/combined.ts'
import type { TailRow } from '../http/contract.ts'
import { levelOf } from '../live/tail-rows.ts'
import { ProblemError, shown } from '../queries/problem.ts'

setFlagsFromString('--enable-experimental-regexp-engine')

export interface FilterWish {
  readonly text?: string | undefined
  readonly pattern?: string | undefined
  /** `name:value`; names of JSON fields may have dots. Of access lines: status, method, path, client, referrer. */
  readonly fields: readonly string[]
  readonly level?: TailRow['level'] | undefined
  /** The lines without text, pattern and fields, instead of those with them; the level stays what it is. */
  readonly isInverted?: boolean | undefined
}

export type LineFilter = (buffer: Buffer, start: number, end: number) => boolean

/** Of longer lines only so much is looked at by a pattern. */
const patternBytesMax = 65_536
const levels = ['info', 'warn', 'error'] as const

/** Throws a ProblemError for a pattern or field that cannot be. */
export function lineFilter(wish: FilterWish): LineFilter {
  const { isInverted, level, ...rest } = wish
  const { text, pattern, fields } = rest
  if (!isInverted || !(text || pattern || fields.length > 0)) return plainFilter(wish)
  const matches = plainFilter({ ...rest, level: undefined })
  const isLoud = plainFilter({ fields: [], level })
  return (buffer, start, end) => isLoud(buffer, start, end) && !matches(buffer, start, end)
}

function plainFilter({ text, pattern, fields, level }: FilterWish): LineFilter {
  const needle = text ? Buffer.from(text) : null
  const expression = pattern ? linearPattern(pattern) : null
  const wanted = fields.map(fieldOf)
  const least = level ? levels.indexOf(level) : 0
  return (buffer, start, end) => {
    const line = buffer.subarray(start, end)
    if (needle && !line.includes(needle)) return false
    for (const { bytes } of wanted) if (bytes && !line.includes(bytes)) return false
    if (least > 0 && levels.indexOf(levelOf(buffer, start, end)) < least) return false
    if (expression && !expression.test(line.toString('utf8', 0, patternBytesMax))) return false
    return wanted.length === 0 || hasFields(buffer, start, end, wanted)
  }
}

/** Back references and look-around have no linear form. */
function linearPattern(source: string): RegExp {
  try {
    return new RegExp(source, 'l')
  } catch (error) {
    const { message } = error as Error
    const why = /linear/.test(message)
      ? 'back references and look-around are not allowed: a pattern must run in linear time'
      : message.replace(/^Invalid regular expression: /, '')
    throw new ProblemError(400, 'bad-pattern', 'Cannot use this pattern', `${shown(source)}: ${why}.`)
  }
}

interface Field {
  readonly name: string
  readonly value: string
  /** What a line with it contains in any case; null where its spelling may differ. */
  readonly bytes: Buffer | null
}

function fieldOf(text: string): Field {
  const colon = text.indexOf(':')
  if (colon > 0) {
    const value = text.slice(colon + 1)
    // JSON may write other characters as escapes.
    const bytes = /^[A-Za-z0-9 ._-]+$/.test(value) ? Buffer.from(value) : null
    return { name: text.slice(0, colon), value, bytes }
  }
  const detail = `"${shown(text)}" is no field. Write name:value, for example status:500.`
  throw new ProblemError(400, 'unknown-filter', 'Cannot read the field', detail)
}

const access = emptyCombinedLine()

function hasFields(buffer: Buffer, start: number, end: number, wanted: readonly Field[]): boolean {
  if (buffer[start] === 0x7b) {
    try {
      const parsed = JSON.parse(buffer.toString('utf8', start, end)) as unknown
      return wanted.every(({ name, value }) => jsonText(parsed, name) === value)
    } catch {
      return false
    }
  }
  if (!parseCombined(buffer, start, end, access)) return false
  const part = (from: number, to: number) => buffer.toString('utf8', from, to)
  const known: Readonly<Record<string, () => string>> = {
    status: () => String(access.status),
    method: () => part(access.methodStart, access.methodEnd),
    path: () => part(access.pathStart, access.pathEnd),
    client: () => part(access.clientStart, access.clientEnd),
    referrer: () => part(access.referrerStart, access.referrerEnd),
  }
  return wanted.every(({ name, value }) => Object.hasOwn(known, name) && known[name]!() === value)
}

/** A field as text; the whole name first, then its parts as nested objects. */
function jsonText(parsed: unknown, name: string): string | undefined {
  const direct = own(parsed, name)
  const found = direct === undefined ? name.split('.').reduce(own, parsed) : direct
  return found === undefined || (typeof found === 'object' && found !== null) ? undefined : String(found)
}

function own(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined
}
