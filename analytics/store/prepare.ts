// Before anybody reads or writes: the file exists in the format this version knows, and days begin where the site's
// time zone puts them.
import { ExitError, exitCodes } from '../../runtime/lifecycle.ts'
import type { Log } from '../../runtime/log.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { saveKeepRules } from './housekeeping.ts'
import { MigrationError } from './migrations/migrate.ts'
import { rebuildDays } from './rebuild-days.ts'
import { type KeepRules, keepAll, keepFault } from './retention.ts'
import { type Connection, NewerFormatError, openStore } from './schema.ts'

export function prepareStore(path: string, timeZone: string, log: Log, keep: KeepRules = keepAll): void {
  const days = daysOf(timeZone)
  const fault = keepFault(keep)
  if (fault !== null) throw new ExitError(exitCodes.config, `Setting "retention": ${fault}`)
  const connection = open(path)
  try {
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

function open(path: string): Connection {
  try {
    return openStore(path)
  } catch (error) {
    if (error instanceof NewerFormatError || error instanceof MigrationError)
      throw new ExitError(exitCodes.config, error.message)
    throw error
  }
}
