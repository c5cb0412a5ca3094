// The directory that holds everything: its format number, the secrets made at first start. Touches only files
// directly inside it.
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'

/** Raised whenever an older version could not read what a newer one wrote. */
export const dataFormat = 1

export interface DataDirectory {
  readonly path: string
  readonly createdAt: string
  readonly fresh: boolean
  /** Seed of the key hash that all agents of this appliance share. */
  readonly keySeed: string
  /** File with the admin's API token, readable by its owner alone. */
  readonly tokenPath: string
}

/** Opens or creates the directory. Throws ExitError 78 when a newer version wrote it, or it cannot be written. */
export function openDataDirectory(path: string, environment: NodeJS.ProcessEnv): DataDirectory {
  try {
    mkdirSync(path, { recursive: true, mode: 0o750 })
  } catch (error) {
    const reason = (error as Error).message
    throw new ExitError(
      exitCodes.config,
      `Cannot create the data directory "${path}": ${reason}. Choose another with --data`,
    )
  }
  const formatPath = join(path, 'format')
  const fresh = !existsSync(formatPath)
  if (fresh)
    writeFileSync(
      formatPath,
      `${JSON.stringify({ format: dataFormat, created: new Date().toISOString() })}\n`,
    )
  const written = readFormat(formatPath)
  if (written.format > dataFormat) {
    throw new ExitError(
      exitCodes.config,
      `Cannot open "${path}": its format is ${written.format}, written by a newer Tailrace; this one reads up to ` +
        `${dataFormat}. Update Tailrace (git pull), or start with another directory: --data DIR`,
    )
  }
  const tokenPath = join(path, 'token')
  secret(tokenPath, environment['TAILRACE_ADMIN_TOKEN'])
  return {
    path,
    createdAt: written.created,
    fresh,
    keySeed: secret(join(path, 'key-seed'), undefined),
    tokenPath,
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
function secret(path: string, preset: string | undefined): string {
  if (preset === undefined && existsSync(path)) return readFileSync(path, 'utf8').trim()
  const value = preset ?? randomBytes(24).toString('base64url')
  writeFileSync(path, `${value}\n`, { mode: 0o600 })
  return value
}
