// A backup of a whole appliance, made while it runs: statistics and accounts, what the brokers agree on, secrets,
// how far the agent is, and the log where that is asked for, in one directory with the sum of every file. In this
// order, so that whatever is younger knows more: lines the agent sends again are known to the count, and the count
// goes on in the log.
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname, join, normalize, relative, resolve, sep } from 'node:path'
import Database from 'better-sqlite3'
import { BackupError, createBackup, verifyBackup } from '../analytics/store/backup.ts'
import packageJson from '../package.json' with { type: 'json' }
import { sha256Of, syncPath, writeDurably } from '../runtime/durable-file.ts'
import { copyBrokerLog, copyIfThere } from './backup-log.ts'
import { brokersIn } from './broker-count.ts'
import { dataFormat } from './data-directory.ts'

export interface ApplianceBackup {
  readonly applianceBackup: 1
  readonly madeAt: string
  readonly version: string
  readonly dataFormat: number
  readonly withLog: boolean
  /** False where the brokers agree in ZooKeeper, which has backups of its own. */
  readonly withMetadata: boolean
  readonly files: readonly BackedUpPart[]
}

export interface BackedUpPart {
  /** Below the backup. */
  readonly path: string
  readonly bytes: number
  readonly sha256: string
}

const manifestName = 'tailrace-backup.json'
const secrets = ['format', 'token', 'key-seed', 'cluster-secret'] as const
const metadataName = 'metadata.db'
/** What is true only together with the log: without it the brokers begin anew. Users and their rights stay. */
const logKeys = ['topics/', 'names/', 'brokers/', 'producer-ids/', 'reassignments/', 'cluster/controller']
const agentAttemptsMax = 10

export function createApplianceBackup(
  data: string,
  target: string,
  withLog: boolean,
  nowMs: number,
): ApplianceBackup {
  if (existsSync(target)) throw new BackupError(`Cannot back up into "${target}": it exists already`)
  const part = `${target}.${process.pid}.part`
  rmSync(part, { recursive: true, force: true })
  mkdirSync(part, { recursive: true, mode: 0o700 })
  try {
    copyAgent(join(data, 'agent'), join(part, 'agent'))
    createBackup(join(data, 'analytics'), join(part, 'analytics'), nowMs)
    const withMetadata = copyMetadata(join(data, metadataName), join(part, metadataName), withLog)
    for (const name of secrets) copyIfThere(join(data, name), join(part, name))
    if (existsSync(join(data, 'tls'))) cpSync(join(data, 'tls'), join(part, 'tls'), { recursive: true })
    if (withLog) {
      for (const id of brokersIn(data)) {
        const name = `broker-${id}`
        if (existsSync(join(data, name))) copyBrokerLog(join(data, name), join(part, name))
      }
    }
    const backup: ApplianceBackup = {
      applianceBackup: 1,
      madeAt: new Date(nowMs).toISOString(),
      version: packageJson.version,
      ...{ dataFormat, withLog, withMetadata },
      files: filesBelow(part).map(path => partOf(part, path)),
    }
    writeDurably(join(part, manifestName), `${JSON.stringify(backup, null, 2)}\n`, 0o600)
    renameSync(part, target)
    syncPath(dirname(target))
    return backup
  } finally {
    rmSync(part, { recursive: true, force: true })
  }
}

/** Throws unless every file is what was written, and every database sound. */
export function verifyApplianceBackup(source: string): ApplianceBackup {
  const backup = readManifest(source)
  for (const { path, bytes, sha256 } of backup.files) {
    const file = join(source, path)
    if (!existsSync(file)) throw new BackupError(`The backup "${source}" lacks ${path}`)
    if (statSync(file).size !== bytes || sha256Of(file) !== sha256) {
      throw new BackupError(`"${file}" is not what was backed up: its bytes have changed`)
    }
  }
  verifyBackup(join(source, 'analytics'))
  const metadata = join(source, metadataName)
  if (existsSync(metadata)) checkDatabase(metadata)
  return backup
}

/** Into a directory that is empty or not there, in one step: it is whole or as it was. */
export function restoreAppliance(source: string, data: string): ApplianceBackup {
  const backup = verifyApplianceBackup(source)
  if (backup.dataFormat > dataFormat) {
    throw new BackupError(
      `"${source}" was made by Tailrace ${backup.version}, which is newer. Update, then restore`,
    )
  }
  if (existsSync(data) && readdirSync(data).length > 0) {
    throw new BackupError(
      `Cannot restore into "${data}": it is not empty. Name another directory with --data, or move this one away`,
    )
  }
  const part = `${data}.${process.pid}.restoring`
  rmSync(part, { recursive: true, force: true })
  mkdirSync(part, { recursive: true, mode: 0o750 })
  try {
    for (const { path } of backup.files) {
      const to = join(part, path)
      mkdirSync(dirname(to), { recursive: true, mode: 0o700 })
      cpSync(join(source, path), to, { preserveTimestamps: true })
      syncPath(to)
    }
    // The manifest of the statistics is the backup's.
    rmSync(join(part, 'analytics/backup.json'), { force: true })
    if (existsSync(data)) rmdirSync(data)
    renameSync(part, data)
    syncPath(dirname(data))
    return backup
  } finally {
    rmSync(part, { recursive: true, force: true })
  }
}

/** Checkpoint and journal belong together: taken again until the checkpoint stayed the same meanwhile. */
function copyAgent(from: string, to: string): void {
  if (!existsSync(join(from, 'agent-id'))) return
  const checkpoint = join(from, 'checkpoint')
  const seen = () => (existsSync(checkpoint) ? readFileSync(checkpoint) : Buffer.alloc(0))
  for (let attempt = 1; ; attempt++) {
    rmSync(to, { recursive: true, force: true })
    mkdirSync(to, { mode: 0o700 })
    const before = seen()
    for (const name of readdirSync(from)) {
      if (/^(agent-id|checkpoint(\..*)?|enrolment\.json|.*\.pem)$/.test(name))
        copyIfThere(join(from, name), join(to, name))
    }
    if (before.equals(seen()) || attempt === agentAttemptsMax) return
  }
}

function copyMetadata(from: string, to: string, withLog: boolean): boolean {
  if (!existsSync(from)) return false
  const connection = new Database(from, { readonly: true })
  try {
    connection.prepare('VACUUM INTO ?').run(to)
  } finally {
    connection.close()
  }
  chmodSync(to, 0o600)
  if (!withLog) forgetLog(to)
  syncPath(to)
  return true
}

function forgetLog(path: string): void {
  const copy = new Database(path)
  try {
    const remove = copy.prepare('DELETE FROM entries WHERE substr(key, 1, length(?)) = ?')
    copy.transaction(() => {
      for (const prefix of logKeys) remove.run(prefix, prefix)
      copy.exec('DELETE FROM changes; UPDATE counter SET pruned = seq')
    })()
  } finally {
    copy.close()
  }
}

function checkDatabase(path: string): void {
  let faults: string[]
  try {
    const connection = new Database(path, { readonly: true })
    try {
      const rows = connection.pragma('integrity_check(5)') as { integrity_check: string }[]
      faults = rows.map(row => row.integrity_check)
    } finally {
      connection.close()
    }
  } catch (error) {
    faults = [(error as Error).message]
  }
  const fault = faults.find(text => text !== 'ok')
  if (fault !== undefined) throw new BackupError(`"${path}" is damaged: ${fault}`)
}

function readManifest(source: string): ApplianceBackup {
  const path = join(source, manifestName)
  let read: Partial<ApplianceBackup>
  try {
    read = JSON.parse(readFileSync(path, 'utf8')) as Partial<ApplianceBackup>
  } catch (error) {
    throw new BackupError(`"${source}" is no backup of an appliance: ${(error as Error).message}`)
  }
  if (read.applianceBackup !== 1) {
    const found = String(read.applianceBackup)
    throw new BackupError(`"${path}" has format ${found}, and this version knows 1. Use a newer Tailrace`)
  }
  // Names of a file that somebody may have edited: nothing is written outside of the directory.
  for (const { path: name } of read.files ?? []) {
    const isWithin = resolve(source, name).startsWith(resolve(source) + sep)
    if (!isWithin || normalize(name) !== name)
      throw new BackupError(`"${path}" names "${name}", which lies elsewhere`)
  }
  return read as ApplianceBackup
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(directory, join(entry.parentPath, entry.name)))
    .sort()
}

function partOf(directory: string, path: string): BackedUpPart {
  const file = join(directory, path)
  syncPath(file)
  return { path, bytes: statSync(file).size, sha256: sha256Of(file) }
}
