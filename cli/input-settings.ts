// What a user may say of one input: its files, their format, and what happens to their lines. Everything that can be
// wrong is said here, before an agent starts. Pure.
import { z } from 'zod'
import { encodings } from '../agent/encodings.ts'
import { formatFault, inputFormats } from '../agent/formats/registry.ts'
import { lineBytesMax } from '../agent/lines.ts'
import { multilineBytesMax, multilineFault, multilinePresets } from '../agent/multiline.ts'
import { patternFault } from '../agent/patterns.ts'
import { nearest } from '../analytics/queries/nearest.ts'
import { topicNameFault } from '../broker/controller/cluster-state.ts'

/** A text that must satisfy a rule, which answers with what is wrong or null. */
function ruled(faultOf: (text: string) => string | null) {
  return z.string().superRefine((text, context) => {
    const fault = faultOf(text)
    if (fault !== null) context.addIssue({ code: 'custom', message: fault })
  })
}

function orNearest(fault: string | null, text: string, names: readonly string[]): string | null {
  const guess = fault === null ? undefined : nearest(text, names)
  return guess ? `there is no "${text}": did you mean "${guess}"?` : fault
}

export const formatSetting = ruled(text => orNearest(formatFault(text), text, inputFormats))

/** What is read is sent there: to what brokers write for themselves nobody may. */
function topicFault(name: string): string | null {
  const fault = topicNameFault(name)
  if (fault !== null) return `no topic may have the name "${name}": ${fault}`
  return name.startsWith('__') ? `"${name}" is an internal topic: name another` : null
}

const encoding = ruled(text =>
  encodings.includes(text) ? null : orNearest(`write one of ${encodings.join(', ')}`, text, encodings),
)

const pattern = ruled(patternFault)
const patterns = z.array(pattern).min(1).max(64)

const multiline = z
  .strictObject({
    preset: z.enum(multilinePresets).optional().describe('The traces of a language'),
    start: pattern.optional().describe('A line that matches begins a record'),
    continuation: pattern.optional().describe('A line that matches belongs to the record before it'),
    maxBytes: z
      .number()
      .int()
      .min(256)
      .max(multilineBytesMax)
      .optional()
      .describe('Bytes of a record at most'),
    maxLines: z.number().int().min(1).max(10_000).optional().describe('Lines of a record at most'),
    idleMs: z
      .number()
      .int()
      .min(100)
      .max(60_000)
      .optional()
      .describe('A record ends when its file has been quiet for so long'),
  })
  .superRefine((rule, context) => {
    const fault = multilineFault(rule)
    if (fault !== null) context.addIssue({ code: 'custom', message: fault })
  })

const redact = z.strictObject({
  cards: z.boolean().optional().describe('Card numbers, by length and check digit'),
  emails: z.boolean().optional().describe('E-mail addresses'),
  addresses: z.boolean().optional().describe('The last part of IPv4 and IPv6 addresses'),
  tokens: z.boolean().optional().describe('What follows Bearer or Basic, and JSON web tokens'),
  patterns: patterns.optional().describe('Regular expressions for what else must not leave'),
  replace: z
    .enum(['mask', 'hash'])
    .optional()
    .describe('What takes its place: a name, or a keyed hash as well'),
})

const ownHeaders: readonly string[] = ['src', 'pos', 'format']
const fieldBytesMax = 1_024

const fields = z.record(z.string(), z.string()).superRefine((given, context) => {
  const add = (message: string) => context.addIssue({ code: 'custom', message })
  for (const name of Object.keys(given)) {
    if (!/^[A-Za-z][A-Za-z0-9._-]{0,63}$/.test(name)) add(`"${name}" is no name of a field`)
    if (ownHeaders.includes(name)) add(`"${name}" says where a line comes from: choose another name`)
  }
  if (Buffer.byteLength(JSON.stringify(given)) > fieldBytesMax) {
    add(`all fields together have at most ${fieldBytesMax} bytes, for every record carries them`)
  }
})

export const inputSchema = z.strictObject({
  paths: z.array(z.string()).min(1).describe('Globs of the files to tail'),
  exclude: z.array(z.string()).optional().describe('Globs to leave out'),
  followInto: z
    .array(z.string().startsWith('/', 'must be an absolute path'))
    .optional()
    .describe('Directories that symbolic links may lead into'),
  topic: ruled(topicFault).optional().describe('Topic to send to; by default chosen by format'),
  format: formatSetting.default('auto').describe('How the lines are written'),
  keyField: z.string().optional().describe('JSON field whose hash keys the record, such as anonymousId'),
  encoding: encoding.optional().describe('Of the files; UTF-16 with a byte order mark is found without'),
  maxLineBytes: z.number().int().min(256).max(lineBytesMax).optional().describe('Bytes of a line at most'),
  onLongLine: z.enum(['cut', 'drop']).optional().describe('What becomes of a longer line'),
  multiline: multiline.optional().describe('Which lines are one record'),
  includeLines: patterns.optional().describe('Only lines that match one of these'),
  excludeLines: patterns.optional().describe('No lines that match one of these'),
  sample: z.number().gt(0).max(1).optional().describe('The share of lines to keep'),
  redact: redact.optional().describe('Secrets to take out before a line leaves'),
  emit: z.enum(['line', 'json']).optional().describe('What a record is: the line, or a flat JSON object'),
  fields: fields.optional().describe('Headers of every record, such as service and environment'),
})

/** The names known under a path of an input, for a guess at what was meant. */
export function inputNames(path: readonly PropertyKey[]): readonly string[] {
  if (path[0] === 'multiline') return Object.keys(multiline.shape)
  return Object.keys(path[0] === 'redact' ? redact.shape : inputSchema.shape)
}
