// The values of `__tailrace_losses` and `__tailrace_agents`: what agents and brokers report, checked before it is kept.
// Anything that is not what it should be is passed over; a report must not be able to stop the count. Pure.
import type { LedgerRow, StatusRow } from '../store/side-tables.ts'

export const lossesTopic = '__tailrace_losses'
export const agentsTopic = '__tailrace_agents'

const textMax = 1000
/** Agents' own have 32. */
const srcLengthMax = 256

/** A record of `__tailrace_losses`: its key is the identity of the loss, so a repeated report changes nothing. */
export function ledgerRow(key: string, value: Buffer | null, timestampMs: number): LedgerRow | null {
  const report = jsonObject(value)
  if (!report || key === '') return null
  const lines = report['lines']
  return {
    key: cut(key),
    at: finite(report['at']) ?? timestampMs,
    reason: text(report['reason']) || 'unknown',
    source: text(report['source']) || text(report['src']),
    from: text(report['from']),
    to: text(report['to']),
    lines: typeof lines === 'number' && Number.isSafeInteger(lines) && lines >= 0 ? lines : null,
    detail: text(report['detail']),
  }
}

/** A record of `__tailrace_agents`; null for the records about single files. */
export function statusRow(value: Buffer | null, timestampMs: number): StatusRow | null {
  const report = jsonObject(value)
  const agentId = report && text(report['agentId'])
  if (!report || !agentId || report['file'] !== undefined) return null
  const errors = Array.isArray(report['errors']) ? report['errors'].map(text).slice(0, 20) : []
  const status = {
    agentId,
    host: text(report['host']),
    version: text(report['version']),
    lastSeen: timestampMs,
    files: finite(report['files']) ?? 0,
    linesPerSecond: finite(report['linesPerSecond']) ?? 0,
    bytesBehind: finite(report['bytesBehind']) ?? 0,
    errors,
  }
  return { agentId, lastSeen: timestampMs, status: JSON.stringify(status) }
}

/** A record of `__tailrace_agents` by which an agent says that nothing more will come under a src. */
export function finishedSrc(value: Buffer | null): string | null {
  const src = jsonObject(value)?.['finished']
  return typeof src === 'string' && src !== '' && src.length <= srcLengthMax ? src : null
}

function jsonObject(value: Buffer | null): Readonly<Record<string, unknown>> | null {
  if (!value || value.length > 100_000) return null
  try {
    const parsed: unknown = JSON.parse(value.toString('utf8'))
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? cut(value) : typeof value === 'number' ? String(value) : ''
}

function cut(value: string): string {
  return value.length > textMax ? value.slice(0, textMax) : value
}

function finite(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}
