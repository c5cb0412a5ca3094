// A line as fields for the statistics of an operator: JSON as it is, access lines and the other formats by the names of
// their parts. Strings and objects per line: only for topics that such a statistic asks for. Pure.
import type { ParsedLine } from '../../agent/formats/parsed-line.ts'
import type { LineFormat } from '../../agent/formats/registry.ts'
import type { Fields } from './custom.ts'
import type { FoldState } from './fold-state.ts'

export function noteFields(
  state: FoldState,
  topic: string,
  timeMs: number,
  kind: LineFormat,
  parsed: ParsedLine | null,
  buffer: Buffer,
  start: number,
  end: number,
): void {
  const fields = fieldsOf(state, kind, parsed, buffer, start, end)
  state.statistics!.note(state.pending.custom, topic, timeMs, fields)
}

function fieldsOf(
  state: FoldState,
  kind: LineFormat,
  parsed: ParsedLine | null,
  buffer: Buffer,
  start: number,
  end: number,
): Fields {
  if (kind === 'combined') return accessFields(state, buffer)
  const isObject = buffer[start] === 0x7b
  if (isObject) return jsonFields(buffer, start, end)
  return parsed === null ? {} : { ...parsed }
}

/** A line that is counted is one here too, if its fields cannot be read: it has none. */
function jsonFields(buffer: Buffer, start: number, end: number): Fields {
  try {
    return JSON.parse(buffer.toString('utf8', start, end)) as Fields
  } catch {
    return {}
  }
}

function accessFields(state: FoldState, buffer: Buffer): Fields {
  const line = state.combined
  return {
    client: buffer.toString('utf8', line.clientStart, line.clientEnd),
    method: buffer.toString('utf8', line.methodStart, line.methodEnd),
    path: buffer.toString('utf8', line.pathStart, line.pathEnd),
    status: line.status,
    bytes: line.bytes,
    referrer: buffer.toString('utf8', line.referrerStart, line.referrerEnd),
    agent: buffer.toString('utf8', line.agentStart, line.agentEnd),
    requestTimeMs: line.requestTimeMs,
  }
}
