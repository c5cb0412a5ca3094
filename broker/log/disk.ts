// The file system as the log sees it: an interface small enough to simulate, and the real one on node:fs.
// Writes go to the page cache at once and synchronously (a half of the CPU of the pool); only flushes that
// somebody waits for leave the event loop. Everything above must assume short writes, errors and lost caches.
import fs from 'node:fs'
import { dirname } from 'node:path'

/** `read` and `write` want the file to exist; `create` makes it if it is absent. All but `read` may write. */
export type OpenMode = 'read' | 'write' | 'create'

export interface FileStatus {
  readonly sizeBytes: number
  readonly modifiedMs: number
  readonly isDirectory: boolean
}

export interface Disk {
  open(path: string, mode: OpenMode): number
  close(fd: number): void
  /** May write less than asked without an error: see `writeFully`. */
  write(fd: number, buffer: Buffer, start: number, length: number, position: number): number
  /** May read less than asked; 0 at the end of the file. */
  read(fd: number, buffer: Buffer, start: number, length: number, position: number): number
  truncate(fd: number, length: number): void
  sizeOf(fd: number): number
  /** Blocks until the file's bytes are on the medium: for recovery and creation, never for a produce. */
  sync(fd: number): void
  syncDirectory(path: string): void
  /** The same off the event loop. `done` is never called before `flush` returns. */
  flush(fd: number, done: (error: Error | null) => void): void
  flushDirectory(path: string, done: (error: Error | null) => void): void
  rename(from: string, to: string): void
  unlink(path: string): void
  status(path: string): FileStatus | null
  /** What may still be written to the file system of a directory. */
  freeBytes(path: string): number
  /** The whole of it. */
  totalBytes(path: string): number
  /** Names in a directory, sorted. */
  list(path: string): string[]
  /** With those above it that are missing. */
  makeDirectory(path: string): void
  /** With everything in it. */
  removeDirectory(path: string): void
}

const openFlags: Readonly<Record<OpenMode, number>> = {
  read: fs.constants.O_RDONLY,
  write: fs.constants.O_RDWR,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT,
}

export const realDisk: Disk = {
  open: (path, mode) => fs.openSync(path, openFlags[mode], 0o640),
  close: fd => fs.closeSync(fd),
  write: (fd, buffer, start, length, position) => fs.writeSync(fd, buffer, start, length, position),
  read: (fd, buffer, start, length, position) => fs.readSync(fd, buffer, start, length, position),
  truncate: (fd, length) => fs.ftruncateSync(fd, length),
  sizeOf: fd => fs.fstatSync(fd).size,
  sync: fd => fs.fdatasyncSync(fd),
  syncDirectory: path => {
    const fd = fs.openSync(path, 'r')
    try {
      fs.fsyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
  },
  flush: (fd, done) => fs.fdatasync(fd, done),
  flushDirectory: (path, done) => {
    fs.open(path, 'r', (openError, fd) => {
      if (openError) {
        done(openError)
        return
      }
      fs.fsync(fd, syncError => fs.close(fd, closeError => done(syncError ?? closeError ?? null)))
    })
  },
  rename: (from, to) => fs.renameSync(from, to),
  unlink: path => fs.unlinkSync(path),
  status: path => {
    const status = fs.statSync(path, { throwIfNoEntry: false })
    if (!status) return null
    return { sizeBytes: status.size, modifiedMs: status.mtimeMs, isDirectory: status.isDirectory() }
  },
  freeBytes: path => {
    const { bavail, bsize } = fs.statfsSync(path)
    return bavail * bsize
  },
  totalBytes: path => {
    const { blocks, bsize } = fs.statfsSync(path)
    return blocks * bsize
  },
  list: path => fs.readdirSync(path).sort(),
  makeDirectory: path => {
    fs.mkdirSync(path, { recursive: true, mode: 0o750 })
  },
  removeDirectory: path => fs.rmSync(path, { recursive: true, force: true }),
}

const passingErrors = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EMFILE', 'ENFILE'])

/** Whether the next try may well succeed. After any other error the disk cannot be trusted. */
export function isPassing(error: NodeJS.ErrnoException): boolean {
  return passingErrors.has(error.code ?? '')
}

/** Whether it passes only when somebody makes room. */
export function isOutOfSpace(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ENOSPC' || error.code === 'EDQUOT'
}

/** A write can be short without an error (a full disk, a signal): goes on until everything is written or one fails. */
export function writeFully(disk: Disk, fd: number, buffer: Buffer, position: number): void {
  let written = 0
  while (written < buffer.length) {
    const count = disk.write(fd, buffer, written, buffer.length - written, position + written)
    if (count === 0) {
      const message = `Cannot write ${buffer.length - written} bytes: the disk took none`
      throw Object.assign(new Error(message), { code: 'ENOSPC' })
    }
    written += count
  }
}

/** Reads until `length` bytes or the end of the file; returns how many. */
export function readFully(
  disk: Disk,
  fd: number,
  buffer: Buffer,
  start: number,
  length: number,
  position: number,
): number {
  let count = 0
  while (count < length) {
    const got = disk.read(fd, buffer, start + count, length - count, position + count)
    if (got === 0) break
    count += got
  }
  return count
}

/** The whole file, or null when it is absent. */
export function readFile(disk: Disk, path: string): Buffer | null {
  if (!disk.status(path)) return null
  const fd = disk.open(path, 'read')
  try {
    const bytes = Buffer.allocUnsafe(disk.sizeOf(fd))
    return bytes.subarray(0, readFully(disk, fd, bytes, 0, bytes.length, 0))
  } finally {
    disk.close(fd)
  }
}

/** Replaces a file as a whole: after a crash it holds the old bytes or the new ones. Durable when it returns. */
export function replaceFile(disk: Disk, path: string, bytes: Buffer): void {
  const fd = writeBeside(disk, path, bytes)
  try {
    disk.sync(fd)
  } finally {
    disk.close(fd)
  }
  disk.rename(besidePath(path), path)
  disk.syncDirectory(dirname(path))
}

/** Writes the bytes that are to replace `path` into a file beside it; open, not synced, and not yet renamed. */
export function writeBeside(disk: Disk, path: string, bytes: Buffer): number {
  const fd = disk.open(besidePath(path), 'create')
  try {
    disk.truncate(fd, 0)
    writeFully(disk, fd, bytes, 0)
    return fd
  } catch (error) {
    disk.close(fd)
    throw error
  }
}

export function besidePath(path: string): string {
  return `${path}.tmp`
}
