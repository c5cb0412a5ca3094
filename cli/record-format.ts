// How `consume` writes a record: its value, a line of JSON, or a format of verbs as kcat has them. Pure; bytes of a
// record pass as they are.
import type { ReceivedRecord } from '../broker/client/subscription.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'

export type RecordWriter = (record: ReceivedRecord) => Buffer

type Part = Buffer | ((record: ReceivedRecord) => Buffer)

const nothing = Buffer.alloc(0)
const text = (value: string | number) => Buffer.from(String(value))

const verbs: Readonly<Record<string, (record: ReceivedRecord) => Buffer>> = {
  t: ({ topic }) => text(topic),
  p: ({ partition }) => text(partition),
  o: ({ offset }) => text(offset),
  T: ({ timestamp }) => text(timestamp),
  d: ({ timestamp }) => text(new Date(timestamp).toISOString()),
  k: ({ key }) => key ?? nothing,
  K: ({ key }) => text(key?.length ?? -1),
  s: ({ value }) => value ?? nothing,
  S: ({ value }) => text(value?.length ?? -1),
  h: ({ headers }) => headersText(headers),
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0', '\\': '\\' }

export const formatHelp =
  'verbs: %s value, %S its length, %k key, %K its length, %t topic, %p partition, %o offset, %T time in ms, ' +
  '%d time, %h headers, %%; \\n \\t \\r \\0 \\xHH'

/** Throws ExitError 64 for a verb that is none. */
export function parseFormat(format: string): RecordWriter {
  const parts: Part[] = []
  const pattern = /%(.?)|\\(x[0-9A-Fa-f]{2}|[\s\S]?)|[^%\\]+/g
  for (const [whole, verb, escaped] of format.matchAll(pattern)) {
    if (verb !== undefined) parts.push(verb === '%' ? text('%') : verbNamed(verb))
    else if (escaped !== undefined) parts.push(escapeNamed(escaped))
    else parts.push(text(whole))
  }
  return record => Buffer.concat(parts.map(part => (typeof part === 'function' ? part(record) : part)))
}

function verbNamed(verb: string): Part {
  const found = verbs[verb]
  if (found) return found
  throw new ExitError(exitCodes.usage, `--format: "%${verb}" is nothing; ${formatHelp}`)
}

function escapeNamed(escaped: string): Buffer {
  if (escaped.length === 3) return Buffer.from(escaped.slice(1), 'hex')
  const found = escapes[escaped]
  if (found !== undefined) return text(found)
  throw new ExitError(exitCodes.usage, `--format: "\\${escaped}" is nothing; ${formatHelp}`)
}

function headersText(headers: ReceivedRecord['headers']): Buffer {
  const parts = headers.flatMap(([name, value], at) => [
    text(`${at === 0 ? '' : ','}${name}=`),
    value ?? nothing,
  ])
  return Buffer.concat(parts)
}

/** Texts are texts; what is no UTF-8 is under the same name and `Base64`. */
export function jsonLine({
  topic,
  partition,
  offset,
  timestamp,
  key,
  value,
  headers,
}: ReceivedRecord): Buffer {
  const record = {
    ...{ topic, partition, offset, timestamp },
    ...bytesField('key', key),
    ...bytesField('value', value),
    headers: headers.map(([name, bytes]) => ({ name, ...bytesField('value', bytes) })),
  }
  return text(`${JSON.stringify(record)}\n`)
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function bytesField(name: string, bytes: Buffer | null): Record<string, string | null> {
  if (bytes === null) return { [name]: null }
  try {
    return { [name]: decoder.decode(bytes) }
  } catch {
    return { [`${name}Base64`]: bytes.toString('base64') }
  }
}

const newline = text('\n')

export function valueLine({ value }: ReceivedRecord): Buffer {
  return Buffer.concat([value ?? nothing, newline])
}
