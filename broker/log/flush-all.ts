// Many flushes to await at once, where nobody's latency hangs on a single one: what a stopping broker leaves for the
// next start, and what a killed one left. Off the event loop and side by side: one after the other they take seconds
// with some hundreds of partitions. Changes nothing; touches the files it is told to.
import { directoryFiles, partitionFiles } from './checkpoints.ts'
import { type DirectoryLock, lockDirectory } from './directory-lock.ts'
import { type Disk, realDisk } from './disk.ts'
import { flushesInFlightMax } from './group-commit.ts'
import { SettledDisk } from './settled-disk.ts'

/** Every path once; rejects with the first error, when all flushes in flight have ended. */
export async function flushAll(
  paths: readonly string[],
  flush: (path: string) => Promise<void>,
): Promise<void> {
  const waiting = [...paths]
  let failure: { readonly error: unknown } | null = null
  const lane = async () => {
    for (let path = waiting.shift(); path !== undefined && !failure; path = waiting.shift()) {
      await flush(path).catch((error: unknown) => {
        failure ??= { error }
      })
    }
  }
  await Promise.all(Array.from({ length: Math.min(flushesInFlightMax, waiting.length) }, lane))
  if (failure !== null) throw (failure as { readonly error: unknown }).error
}

export function fileFlush(disk: Disk): (path: string) => Promise<void> {
  return async path => {
    const fd = disk.open(path, 'write')
    await new Promise<void>((resolve, reject) => {
      disk.flush(fd, error => {
        disk.close(fd)
        if (error) reject(error)
        else resolve()
      })
    })
  }
}

export function directoryFlush(disk: Disk): (path: string) => Promise<void> {
  return path =>
    new Promise((resolve, reject) => {
      disk.flushDirectory(path, error => (error ? reject(error) : resolve()))
    })
}

/** A data directory on its way to being opened. */
export interface TakenDirectory {
  /** Null: another process has it. */
  readonly lock: DirectoryLock | null
  readonly disk: SettledDisk
}

/** Locks a directory, which must be there, and flushes what a killed broker left in it. For `LogDirectory.open`. */
export async function takeDirectory(path: string): Promise<TakenDirectory> {
  const lock = lockDirectory(path)
  const disk = new SettledDisk(realDisk)
  try {
    if (lock) await flushLeftBehind(disk, path)
    return { lock, disk }
  } catch (error) {
    lock?.release()
    throw error
  }
}

/**
 * After an unclean end recovery syncs each partition's files one after the other, which is a wait for each. With this
 * before it, on a SettledDisk, it finds them on the medium. It asks for every sync that it relies on all the same.
 */
export async function flushLeftBehind(disk: Disk, path: string): Promise<void> {
  if (!disk.status(path) || disk.status(`${path}/${directoryFiles.cleanShutdown}`)) return
  const files: string[] = []
  const logs: string[] = []
  const directories = disk
    .list(path)
    .filter(name => /^.+-\d+$/.test(name))
    .map(name => `${path}/${name}`)
    .filter(directory => disk.status(directory)?.isDirectory)
  for (const directory of directories) {
    const names = disk.list(directory)
    for (const name of [partitionFiles.metadata, partitionFiles.durablePoint]) {
      if (names.includes(name)) files.push(`${directory}/${name}`)
    }
    // The active segment, and one that may just have been rolled.
    const segments = names.filter(name => /^\d{20}\.log$/.test(name))
    logs.push(...segments.slice(-2).map(name => `${directory}/${name}`))
  }
  const flush = fileFlush(disk)
  // A log's bytes beyond the durable point are written again by recovery, and their next flush says what is true. Of
  // the others an error is told once, here, and would be lost.
  await flushAll(logs, one => flush(one).catch(() => {}))
  await flushAll(files, flush)
  await flushAll(directories, directoryFlush(disk))
}
