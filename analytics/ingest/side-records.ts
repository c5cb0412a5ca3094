// The values of `__tailrace_losses` and `__tailrace_agents`: what agents and brokers report, checked before it is kept.
// Anything that is not what it should be is passed over; a report must not be able to stop the count. Pure.
import type { AgentFile } from '../http/contract-agents.ts'
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
  const fileStatuses = filesOf(report['fileStatuses'])
  const status = {
    agentId,
    host: text(report['host']),
    version: text(report['version']),
    lastSeen: timestampMs,
    files: finite(report['files']) ?? 0,
    linesPerSecond: finite(report['linesPerSecond']) ?? 0,
    bytesBehind: finite(report['bytesBehind']) ?? 0,
    errors,
    bytesPerSecond: finite(report['bytesPerSecond']),
    behindMs: finite(report['behindMs']),
    linesLeftOut: finite(report['linesLeftOut']),
    worstFile: worstOf(fileStatuses),
    fileStatuses,
  }
  return { agentId, lastSeen: timestampMs, status: JSON.stringify(status) }
}

const filesMax = 200

function filesOf(reported: unknown): AgentFile[] {
  if (!Array.isArray(reported)) return []
  return reported.slice(0, filesMax).flatMap((one: unknown) => {
    if (typeof one !== 'object' || one === null) return []
    const file = one as Readonly<Record<string, unknown>>
    return {
      path: text(file['path']),
      topic: text(file['topic']) || null,
      format: text(file['format']) || null,
      sizeBytes: finite(file['sizeBytes']) ?? 0,
      bytesPerSecond: finite(file['bytesPerSecond']) ?? 0,
      bytesBehind: finite(file['bytesBehind']) ?? 0,
      behindMs: finite(file['behindMs']) ?? 0,
      lastLineAt: finite(file['lastLineAt']),
      gone: file['gone'] === true,
      error: text(file['error']) || null,
    }
  })
}

function worstOf(files: readonly AgentFile[]): string | null {
  const worst = files.reduce<AgentFile | null>((most, file) => {
    if (!most) return file
    const byBytes = file.bytesBehind - most.bytesBehind
    return byBytes > 0 || (byBytes === 0 && file.bytesPerSecond > most.bytesPerSecond) ? file : most
  }, null)
  return worst?.path ?? null
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
