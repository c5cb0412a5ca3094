// What a file's lines are, decided from its first ones. Pure: the caller reads the file and keeps the answer.
import { emptyCombinedLine, parseCombined } from './combined.ts'
import { emptyJsonEvent, parseJsonEvent } from './json-event.ts'
import { emptyMetricLine, parseMetricLine } from './metric-line.ts'

/** The value of a record's `format` header. `raw` is text: counted and shown, with no fields. */
export type LineFormat = 'combined' | 'json' | 'metrics' | 'raw'

export const lineFormats: readonly LineFormat[] = ['combined', 'json', 'metrics', 'raw']

const combined = emptyCombinedLine()
const event = emptyJsonEvent()
const metric = emptyMetricLine()

/** The format most lines have, if more than half agree; otherwise, and for no lines at all, raw. */
export function detectFormat(lines: readonly Buffer[]): LineFormat {
  const votes: Record<LineFormat, number> = { combined: 0, json: 0, metrics: 0, raw: 0 }
  let voters = 0
  for (const line of lines) {
    if (isBlank(line)) continue
    votes[formatOfLine(line)]++
    voters++
  }
  return lineFormats.find(format => votes[format] * 2 > voters) ?? 'raw'
}

function formatOfLine(line: Buffer): LineFormat {
  if (parseCombined(line, 0, line.length, combined)) return 'combined'
  if (parseMetricLine(line, 0, line.length, metric)) return 'metrics'
  if (parseJsonEvent(line, 0, line.length, event)) return 'json'
  return 'raw'
}

function isBlank(line: Buffer): boolean {
  return line.every(byte => byte === 0x20 || byte === 0x0d || byte === 0x09)
}
