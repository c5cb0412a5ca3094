// Opening what a path leads to, only if it is a regular file in a place where the agent may read: whoever may write
// into a log directory must not make the agent ship another file. The inode is pinned first, by a descriptor that can
// neither read nor block; what it is and where it lies is asked of that descriptor; then exactly it is opened, whatever
// the path leads to by now. Touches the file system only by opening.
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'

export interface RegularFile {
  readonly descriptor: number
  readonly stat: BigIntStats
  /** Where it lies, without symbolic links. */
  readonly path: string
}

/** May a file that lies there be read? */
export type Admits = (realPath: string) => boolean

/** It is there, and it will not be read; the message says why. */
export class RefusedFileError extends Error {
  override readonly name = 'RefusedFileError'
  readonly code = 'REFUSED'
}

/** Of Linux, not among Node's constants: a handle on an inode. It opens no device and waits for no FIFO. */
const pathOnly = 0o10000000
/** Without waiting, should it be a FIFO after all; and no terminal becomes ours. */
const readOnly = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY
const hasProc = statSync('/proc/self/fd', { throwIfNoEntry: false })?.isDirectory() ?? false

/** Null when nothing is there. */
export function openRegular(path: string, admits: Admits): RegularFile | null {
  try {
    return hasProc ? openByHandle(path, admits) : openByName(path, admits)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw error
  }
}

function openByHandle(path: string, admits: Admits): RegularFile {
  const handle = openSync(path, pathOnly)
  try {
    const stat = fstatSync(handle, { bigint: true })
    const real = readlinkSync(`/proc/self/fd/${handle}`)
    check(path, real, stat, admits)
    return { descriptor: openSync(`/proc/self/fd/${handle}`, readOnly), stat, path: real }
  } finally {
    closeSync(handle)
  }
}

/** Where there is no /proc: opened by its real name, without following a last link, and asked again afterwards. */
function openByName(path: string, admits: Admits): RegularFile {
  const real = realpathSync(path)
  check(path, real, statSync(real, { bigint: true }), admits)
  const descriptor = openSync(real, readOnly | constants.O_NOFOLLOW)
  try {
    const stat = fstatSync(descriptor, { bigint: true })
    check(path, realpathSync(real), stat, admits)
    return { descriptor, stat, path: real }
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
}

function check(path: string, real: string, stat: BigIntStats, admits: Admits): void {
  if (!stat.isFile()) throw new RefusedFileError(`"${path}" is not a regular file`)
  if (real !== path && !admits(real)) {
    throw new RefusedFileError(
      `"${path}" leads to "${real}", out of the directories of its input; name that directory in followInto`,
    )
  }
  if (stat.nlink <= 1n) return
  if (isSuspectLink(stat, statSync(dirname(real), { bigint: true }))) {
    throw new RefusedFileError(
      `"${path}" is a hard link to a file that the owner of its directory does not own`,
    )
  }
}

interface Owned {
  readonly uid: bigint
  readonly mode: bigint
}

/**
 * Several names, and the file belongs to somebody else than its directory: then the directory's owner, or anybody who
 * may write there, can have linked in what he may not read. Into a directory that only root may write to nobody can.
 */
export function isSuspectLink(file: Owned, directory: Owned): boolean {
  if (file.uid === directory.uid && (directory.mode & 0o002n) === 0n) return false
  return directory.uid !== 0n || (directory.mode & 0o002n) !== 0n
}
