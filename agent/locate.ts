// Finding a file again by its inode, under its own path or among its siblings: how a rotated file is followed, also
// over a restart. Reads directories.
import { type BigIntStats, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TrackedFile, touch } from './tracker.ts'

const compressed = /\.(gz|zst|bz2|xz)$/

/** Directories already listed, by path: what their files' inodes are called. */
export type InodeNames = Map<string, Map<bigint, string>>

/**
 * Updates the file's path (and its device, whose number may change when a machine starts) to where its inode is now.
 * Null when the directory holds no such inode.
 */
export function locate(tracked: TrackedFile, listed: InodeNames): BigIntStats | null {
  const here = statSync(tracked.path, { bigint: true, throwIfNoEntry: false })
  if (here?.ino === tracked.inode && here.isFile()) {
    tracked.device = here.dev
    return here
  }
  const directory = dirname(tracked.path)
  let inodes = listed.get(directory)
  if (!inodes) {
    inodes = inodesOf(directory)
    listed.set(directory, inodes)
  }
  const path = inodes.get(tracked.inode)
  const stat = path === undefined ? undefined : statSync(path, { bigint: true, throwIfNoEntry: false })
  if (path === undefined || stat?.ino !== tracked.inode) return null
  tracked.path = path
  tracked.device = stat.dev
  touch(tracked)
  return stat
}

function inodesOf(directory: string): Map<bigint, string> {
  const inodes = new Map<bigint, string>()
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      // No log becomes compressed by renaming: its inode was given to the compressed copy of another one.
      if (!entry.isFile() || compressed.test(entry.name)) continue
      const path = join(directory, entry.name)
      const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
      if (stat) inodes.set(stat.ino, path)
    }
  } catch {
    // The directory is gone, and with it everything it held.
  }
  return inodes
}
