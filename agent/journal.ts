// What has changed since a checkpoint was written, one entry after the other, each with a checksum: so that ten
// thousand quiet files are not written again for a busy one. It belongs to the checkpoint that names it, and to no
// other. Pure.
//
//   <crc32> <length>\n{"looked":ms,"forgotten":[serial, …],"changed":[file, …]}\n     again and again; the last
//                                                                                may be torn
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Checkpoint, SavedFile } from './checkpoint.ts'
import type { Loss } from './tracker.ts'

export interface Changes {
  /** As in the checkpoint. */
  readonly looked?: number
  readonly forgotten: readonly number[]
  readonly changed: readonly SavedFile[]
  /** All of them at that time. */
  readonly owed?: readonly Loss[]
}

export function journalPath(directory: string, journal: string): string {
  return join(directory, `checkpoint.journal.${journal}`)
}

export function encodeEntry(text: string): Buffer {
  const bytes = Buffer.from(`${text}\n`, 'utf8')
  return Buffer.concat([Buffer.from(`${crc32(bytes)} ${bytes.length}\n`, 'latin1'), bytes])
}

/** `reason` is null when nothing is missing but, perhaps, an entry that was being written when everything ended. */
export function replayJournal(
  { files, looked, owed }: Replayed,
  journal: Buffer | null,
): Replayed & { reason: string | null } {
  if (journal === null) return { ...replayed(files, looked, owed), reason: 'its journal is missing' }
  const bySerial = new Map(files.map(file => [file.serial ?? 0, file]))
  let lookedLast = looked
  let owedLast = owed
  let at = 0
  while (at < journal.length) {
    const entry = entryAt(journal, at)
    if (entry === null) break
    at = entry.end
    applyChanges(bySerial, entry.changes)
    lookedLast = entry.changes.looked ?? lookedLast
    owedLast = entry.changes.owed ?? []
  }
  const reason = isTornAt(journal, at) ? null : `its journal is damaged at byte ${at}`
  return { ...replayed([...bySerial.values()], lookedLast, owedLast), reason }
}

type Replayed = Pick<Checkpoint, 'files' | 'looked' | 'owed'>

function replayed(files: Replayed['files'], looked?: number, owed?: Replayed['owed']): Replayed {
  return { files, ...(looked !== undefined && { looked }), ...(owed && { owed }) }
}

export function applyChanges(bySerial: Map<number, SavedFile>, changes: Changes): void {
  for (const serial of changes.forgotten) bySerial.delete(serial)
  for (const file of changes.changed) bySerial.set(file.serial ?? 0, file)
}

function entryAt(journal: Buffer, at: number): { changes: Changes; end: number } | null {
  const header = headerAt(journal, at)
  if (header === null || header.end > journal.length) return null
  const body = journal.subarray(header.start, header.end)
  if (crc32(body) !== header.crc) return null
  return { changes: JSON.parse(body.toString('utf8')) as Changes, end: header.end }
}

function headerAt(journal: Buffer, at: number): { crc: number; start: number; end: number } | null {
  const close = journal.indexOf(0x0a, at)
  if (close < 0 || close - at > 40) return null
  const header = /^(\d+) (\d+)$/.exec(journal.toString('latin1', at, close))
  if (!header) return null
  return { crc: Number(header[1]), start: close + 1, end: close + 1 + Number(header[2]) }
}

/** The next entry is begun when the one before it is durable: behind a torn one there is none. */
function isTornAt(journal: Buffer, at: number): boolean {
  const header = headerAt(journal, at)
  if (header !== null && header.end < journal.length && entryAt(journal, header.end) !== null) return false
  for (let next = journal.indexOf(0x0a, at); next >= 0; next = journal.indexOf(0x0a, next + 1)) {
    if (entryAt(journal, next + 1) !== null) return false
  }
  return true
}
