// Before anybody reads or writes: the file exists in the format this version knows, and days begin where the site's
// time zone puts them.
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { writeDurably } from '../../runtime/durable-file.ts'
import { ExitError, exitCodes } from '../../runtime/lifecycle.ts'
import type { Log } from '../../runtime/log.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { saveKeepRules } from './housekeeping.ts'
import { checkAtStart, DamagedStoreError, damageText, isDamage } from './integrity.ts'
import { MigrationError } from './migrations/migrate.ts'
import { rebuildDays } from './rebuild-days.ts'
import { type KeepRules, keepAll, keepFault } from './retention.ts'
import { type Connection, NewerFormatError, openStore } from './schema.ts'
import { foreignOwner } from './slots.ts'

export function prepareStore(path: string, timeZone: string, log: Log, keep: KeepRules = keepAll): void {
  const days = daysOf(timeZone)
  const fault = keepFault(keep)
  if (fault !== null) throw new ExitError(exitCodes.config, `Setting "retention": ${fault}`)
  const isLost = !existsSync(path) && existsSync(knownPath(path))
  const connection = open(path, log)
  try {
    refuseForeign(connection, path)
    identify(connection, path)
    if (isLost) reportLost(connection, path, log)
    saveKeepRules(connection, keep)
    if (rebuildDays(connection, days)) log.info('days were rebuilt for the time zone', { timeZone })
  } finally {
    connection.close()
  }
}

function daysOf(timeZone: string): ZoneDays {
  try {
    return new ZoneDays(timeZone)
  } catch {
    const advice = 'Write an IANA name such as Europe/Berlin'
    throw new ExitError(exitCodes.config, `Cannot use the time zone "${timeZone}". ${advice}`)
  }
}

function open(path: string, log: Log): Connection {
  try {
    return openSound(path, log)
  } catch (error) {
    if (isDamage(error)) throw new ExitError(exitCodes.config, damageText(path, (error as Error).message))
    const isRefused =
      error instanceof NewerFormatError ||
      error instanceof MigrationError ||
      error instanceof DamagedStoreError
    if (isRefused) throw new ExitError(exitCodes.config, error.message)
    throw error
  }
}

function openSound(path: string, log: Log): Connection {
  const connection = openStore(path)
  try {
    checkAtStart(connection, log)
  } catch (error) {
    connection.close()
    throw error
  }
  return connection
}

/** SQLite's locks do not reach from one machine to another: two that share the directory would spoil the file. */
function refuseForeign(connection: Connection, path: string): void {
  const foreign = foreignOwner(connection, Date.now())
  if (!foreign) return
  const seconds = Math.ceil(foreign.forMs / 1000)
  throw new ExitError(
    exitCodes.config,
    `Cannot count into "${path}": the machine ${foreign.machine} counts into it. All processes of one store run on ` +
      `one machine. If that machine is gone, try again in ${seconds} s`,
  )
}

/** Beside the store, so that its loss is noticed. */
function knownPath(path: string): string {
  return `${path}.known`
}

/** A store has a name of its own, by which a rebuild knows what it was begun for. */
function identify(connection: Connection, path: string): void {
  connection.prepare("INSERT OR IGNORE INTO meta(key, value) VALUES ('store', ?)").run(randomUUID())
  const id = connection.prepare("SELECT value FROM meta WHERE key = 'store'").pluck().get() as string
  const known = knownPath(path)
  if (!existsSync(known) || readFileSync(known, 'utf8').trim() !== id) writeDurably(known, `${id}\n`, 0o600)
}

/** Counting begins anew with the oldest record that the log still holds; people are told why the past is gone. */
function reportLost(connection: Connection, path: string, log: Log): void {
  const at = Date.now()
  log.error('the statistics are gone: counting begins anew with what the log still holds', { path })
  connection
    .prepare(
      `INSERT INTO losses(key, at, reason, source, from_position, to_position, lines, detail)
       VALUES (?, ?, 'statistics-lost', ?, '', '', NULL, ?)`,
    )
    .run(
      `windows.db:statistics-lost:${at}`,
      at,
      'windows.db',
      'the file was gone; what the log still holds is counted anew, what it holds no more is not',
    )
}
