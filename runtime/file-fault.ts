// What the file system said, for people: an error with a path and a code of the system becomes one sentence with what
// to do. Pure. Everything else is a fault of ours, and keeps its stack.

/** After the file's name. */
const sentences: Readonly<Record<string, string>> = {
  EACCES:
    'permission denied. Give it to the user that runs this (chown), or choose another directory with --data',
  EPERM: 'not permitted. Give it to the user that runs this (chown), or choose another directory with --data',
  EROFS: 'the file system is read-only. Choose another directory with --data',
  ENOSPC: 'the disk is full. Make room',
  EDQUOT: 'the quota of this user is used up. Make room',
  ENOTDIR: 'part of it is a file where a directory should be',
  EISDIR: 'it is a directory where a file should be',
  ENAMETOOLONG: 'the name is too long. Choose a shorter directory with --data',
  EMFILE: 'too many files are open. Raise the limit with ulimit -n',
  ENFILE: 'the system has too many files open',
  EIO: 'the disk has failed (EIO). The kernel log says more',
}

/** Null where the error is not one of the file system's. */
export function fileFault(error: unknown): string | null {
  const { code, path, syscall } = (error ?? {}) as NodeJS.ErrnoException
  const sentence = code === undefined ? undefined : sentences[code]
  if (sentence === undefined || path === undefined) return null
  return `Cannot ${syscall === 'mkdir' ? 'make' : syscall === 'scandir' ? 'list' : 'use'} "${path}": ${sentence}`
}
