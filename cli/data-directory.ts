// The directory that holds everything: its format number, the secrets made at first start. Touches only files
// directly inside it.
import { randomBytes } from 'node:crypto'
import { accessSync, chmodSync, constants, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeDurably } from '../runtime/durable-file.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { newerFormatText } from '../runtime/newer-format.ts'

/** Raised whenever an older version could not read what a newer one wrote. */
export const dataFormat = 1

export interface DataDirectory {
  readonly path: string
  readonly createdAt: string
  readonly fresh: boolean
  /** File with the seed of the key hash that all agents of this appliance share; 0600. */
  readonly keySeedPath: string
  /** File with the admin's API token, readable by its owner alone. */
  readonly tokenPath: string
}

/** Opens or creates the directory. Throws ExitError 78 when a newer version wrote it, or it cannot be written. */
export function openDataDirectory(path: string, environment: NodeJS.ProcessEnv): DataDirectory {
  const formatPath = join(path, 'format')
  const fresh = !existsSync(formatPath)
  try {
    // Node's recursive mkdir never returns where a parent that exists refuses, as in /proc.
    if (!existsSync(path)) mkdirSync(path, { recursive: !existsSync(dirname(path)), mode: 0o750 })
    accessSync(path, constants.W_OK)
    if (fresh) {
      const format = { format: dataFormat, created: new Date().toISOString() }
      writeDurably(join(path, 'format'), `${JSON.stringify(format)}\n`, 0o644)
    }
  } catch (error) {
    const reason = (error as Error).message
    throw new ExitError(
      exitCodes.config,
      `Cannot write in the data directory "${path}": ${reason}. Choose another with --data`,
    )
  }
  const written = readFormat(formatPath)
  if (written.format > dataFormat) {
    throw new ExitError(
      exitCodes.config,
      `Cannot open "${path}": ${newerFormatText(written.format, dataFormat)}. Or use another directory: --data DIR`,
    )
  }
  secret(path, 'token', environment['TAILRACE_ADMIN_TOKEN'])
  secret(path, 'key-seed', undefined)
  return {
    path,
    createdAt: written.created,
    fresh,
    keySeedPath: join(path, 'key-seed'),
    tokenPath: join(path, 'token'),
  }
}

function readFormat(path: string): { format: number; created: string } {
  try {
    const value = JSON.parse(readFileSync(path, 'utf8')) as { format: number; created: string }
    if (Number.isInteger(value.format)) return value
  } catch {
    // Falls through to the sentence that says what to do.
  }
  throw new ExitError(
    exitCodes.config,
    `Cannot read "${path}": it should hold {"format":${dataFormat}}. Restore it, or start with --data OTHER_DIRECTORY`,
  )
}

/** Reads a secret, or makes one at first start; a preset one replaces it. 0600, never printed in a log. */
function secret(directory: string, name: string, preset: string | undefined): string {
  const path = join(directory, name)
  // Set and empty is how a shell script unsets a variable: an empty token would let everybody in.
  const given = preset?.trim() || undefined
  if (given !== undefined && !/^[\x21-\x7e]+$/.test(given)) {
    const why = 'it has a space, a line break or a letter that no header can carry in it'
    throw new ExitError(exitCodes.config, `TAILRACE_ADMIN_TOKEN cannot be used: ${why}`)
  }
  const kept = existsSync(path) ? readFileSync(path, 'utf8').trim() : ''
  if (kept !== '' && (given === undefined || given === kept)) {
    chmodSync(path, 0o600)
    return kept
  }
  const value = given ?? randomBytes(24).toString('base64url')
  writeDurably(path, `${value}\n`, 0o600)
  return value
}
