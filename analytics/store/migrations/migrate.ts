// Takes a store file from the format it has to the newest one, all steps in one transaction: a crash or an error leaves
// the old format. Before that the file is copied to `<file>.before-vN`, with which an older version can go on.
import { globSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { syncPath } from '../../../runtime/durable-file.ts'
import { newerFormatText } from '../../../runtime/newer-format.ts'
import type { Connection } from '../schema.ts'
import type { Migration } from './list.ts'

export class MigrationError extends Error {
  override readonly name = 'MigrationError'
}

/** Inside the caller's transaction: runs what is newer than the file. */
export function applyMigrations(connection: Connection, list: readonly Migration[]): void {
  const from = formatOf(connection)
  for (const { version, sql } of list) {
    if (version <= from) continue
    connection.exec(sql)
    connection.pragma(`user_version = ${version}`)
  }
}

/** True if anything was done. */
export function migrate(connection: Connection, path: string, list: readonly Migration[]): boolean {
  const from = formatOf(connection)
  const to = list.at(-1)?.version ?? from
  if (from >= to) return false
  keepCopy(connection, path, from, to)
  let isDone = false
  try {
    // Two processes may start at once: the second waits for the first and finds the work done.
    connection
      .transaction(() => {
        if (formatOf(connection) !== from) return
        applyMigrations(connection, list)
        isDone = true
      })
      .immediate()
  } catch (error) {
    throw new MigrationError(
      `Cannot bring "${path}" from format ${from} to ${to}: ${text(error)}. The file is as it was before.`,
    )
  }
  if (isDone) dropOlderCopies(path, to)
  return isDone
}

export function formatOf(connection: Connection): number {
  return connection.pragma('user_version', { simple: true }) as number
}

/** The file is newer than `known`: what to do, with the command that puts the copy of before back where it helps. */
export function newerText(path: string, found: number, known: number): string {
  const copy = globSync(`${path}.before-v*`).find(candidate => formatOfFile(candidate) <= known)
  const goBack = copy && `rm -f "${path}-wal" "${path}-shm" && mv "${copy}" "${path}"`
  return `Cannot open "${path}": ${newerFormatText(found, known, goBack)}`
}

function formatOfFile(path: string): number {
  try {
    const file = new Database(path, { readonly: true })
    try {
      return formatOf(file)
    } finally {
      file.close()
    }
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

export function copyBefore(path: string, version: number): string {
  return `${path}.before-v${version}`
}

/** Under its own name only when it is whole, on disk and of the old format. */
function keepCopy(connection: Connection, path: string, from: number, to: number): void {
  const part = `${copyBefore(path, to)}.${process.pid}.part`
  try {
    rmSync(part, { force: true })
    connection.prepare('VACUUM INTO ?').run(part)
    const copy = new Database(part, { readonly: true })
    const format = formatOf(copy)
    copy.close()
    // Another process was quicker: its copy is the one of the old format.
    if (format === from) {
      syncPath(part)
      renameSync(part, copyBefore(path, to))
      syncPath(dirname(path))
    }
  } catch (error) {
    throw new MigrationError(
      `Cannot copy "${path}" before its format changes from ${from} to ${to}: ${text(error)}. Nothing was changed.`,
    )
  } finally {
    rmSync(part, { force: true })
  }
}

/** One step back is enough, and a copy is as large as the store. */
function dropOlderCopies(path: string, to: number): void {
  for (const copy of globSync(`${path}.before-v*`)) {
    const version = Number(copy.slice(copy.lastIndexOf('-v') + 2))
    if (Number.isInteger(version) && version < to) rmSync(copy, { force: true })
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
