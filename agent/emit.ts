// Which records leave as JSON, and what their `format` header says then. Events and metrics are flat JSON or numbers
// already, a table of one's own has names of its own, and who names a key field wants it found: those stay as they are.
import { emitted, parseCombinedAsOthers, parseText } from './formats/otel.ts'
import { familyOf, type LineFormat, parserOf, topicOfFormat } from './formats/registry.ts'
import { lineBytesMax } from './lines.ts'
import type { Routing } from './routing.ts'

type Emitting = Pick<Routing, 'format' | 'keyField' | 'rules'>

/** The record that the line `bytes[start, end)` becomes; null where it leaves as it is. */
export type Emitter = (bytes: Buffer, start: number, end: number) => Buffer | null

function isEmitted({ format, keyField, rules }: Emitting): boolean {
  if (rules?.emit !== 'json' || keyField !== null) return false
  return topicOfFormat(format) === 'logs' && familyOf(format) !== 'csv'
}

/** The format of the records of a range: of its lines, or of what they become. */
export function recordFormatOf(routing: Emitting): LineFormat {
  return isEmitted(routing) ? 'otel' : routing.format
}

export function emitterOf(routing: Emitting): Emitter | null {
  const { format } = routing
  if (!isEmitted(routing) || format === 'otel') return null
  const parse = format === 'combined' ? parseCombinedAsOthers : (parserOf(format) ?? parseText)
  return (bytes, start, end) => {
    const record = emitted(parse, bytes, start, end)
    return record !== null && record.length <= lineBytesMax ? record : null
  }
}
