// Is the file sound? At start as much of it as can be read in a moment; all of it when somebody asks. What is damaged
// is named with what to do. Nothing is repaired by guessing: a number nobody can trust is worse than none.
import type { Log } from '../../runtime/log.ts'
import type { Connection } from './schema.ts'

export class DamagedStoreError extends Error {
  override readonly name = 'DamagedStoreError'
}

/** About half a second of reading from a cold disk; beyond it only the tables that everything hangs on are read. */
const quickBytesMax = 256 * 2 ** 20
/** All but the rows of the statistics themselves. */
const vitalTables = [
  'writer',
  'slots',
  'sources',
  'edges',
  'meta',
  'agents',
  'series',
  'losses',
  'dedup',
  'covers',
]

/** Throws when something is wrong. */
export function checkAtStart(connection: Connection, log: Log, bytesMax = quickBytesMax): void {
  const bytes = (connection.pragma('page_count', { simple: true }) as number) * pageBytes(connection)
  const isWhole = bytes <= bytesMax
  if (!isWhole)
    log.info('the statistics are too large to be checked at start', { bytes, advice: checkCommand })
  const faults = damaged(() =>
    isWhole ? quickCheck(connection) : vitalTables.flatMap(t => quickCheck(connection, t)),
  )
  if (faults.length > 0) throw new DamagedStoreError(damageText(connection.name, faults[0]!))
}

/** Everything, indexes against tables too; empty when all is well. */
export function checkWhole(connection: Connection): string[] {
  return damaged(() =>
    faultsOf(
      (connection.pragma('integrity_check(20)') as { integrity_check: string }[]).map(
        row => row.integrity_check,
      ),
    ),
  )
}

export const checkCommand = 'tailrace analytics check'

export function damageText(path: string, fault: string): string {
  return (
    `The statistics in "${path}" are damaged: ${fault}. ` +
    'Restore a backup: tailrace analytics backup restore DIRECTORY. Without one move the file away: ' +
    'what the log still holds is then counted anew'
  )
}

/** What SQLite says when it cannot read on. */
export function isDamage(error: unknown): boolean {
  const code = String((error as { code?: unknown }).code)
  return code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_NOTADB')
}

function quickCheck(connection: Connection, table?: string): string[] {
  const rows = connection.pragma(table === undefined ? 'quick_check(5)' : `quick_check('${table}')`)
  return faultsOf((rows as { quick_check: string }[]).map(row => row.quick_check))
}

/** SQLite puts several into one row, under a heading. */
function faultsOf(rows: readonly string[]): string[] {
  return rows.flatMap(row => row.split('\n')).filter(line => line !== 'ok' && !line.startsWith('***'))
}

function damaged(check: () => string[]): string[] {
  try {
    return check()
  } catch (error) {
    if (isDamage(error)) return [(error as Error).message]
    throw error
  }
}

function pageBytes(connection: Connection): number {
  return connection.pragma('page_size', { simple: true }) as number
}
