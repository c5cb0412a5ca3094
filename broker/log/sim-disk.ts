// A disk in memory that forgets at a crash what was not synced: bytes until their file is flushed, names until
// their directory is. For tests and simulations. Every operation can be made to fail, to be short, or to be the
// last one before the power goes. Deterministic: the only randomness is handed to `crash`.
import assert from 'node:assert/strict'
import type { Disk, FileStatus, OpenMode } from './disk.ts'
import {
  applied,
  type Change,
  type CrashMode,
  crashDirectory,
  type Directory,
  directory,
  editEntries,
  type File,
  settle,
  settleDirectory,
  usedBytes,
} from './sim-files.ts'

export type { CrashMode }

/** Thrown by every operation from the chosen one on, until `crash` restarts the machine. */
export class PowerCut extends Error {
  override readonly name = 'PowerCut'
}

export type Operation =
  | 'open'
  | 'write'
  | 'truncate'
  | 'sync'
  | 'syncDirectory'
  | 'rename'
  | 'unlink'
  | 'make'

interface OpenFile {
  readonly path: string
  readonly file: File
  readonly mode: OpenMode
}

interface Flush {
  readonly run: () => Error | null
  readonly done: (error: Error | null) => void
}

export class SimDisk implements Disk {
  nowMs = 0
  /** Mutating operations since the last restart. */
  operations = 0
  /** The operation, counted from 1, at which the power goes, before it takes effect. */
  cutAt = Number.POSITIVE_INFINITY
  /** Room for the bytes of all files: what would go beyond is written in part, then refused. */
  capacityBytes = Number.POSITIVE_INFINITY
  /** Longest write taken in one call. */
  writeBytesMax = Number.POSITIVE_INFINITY
  /** Returns an error to fail an operation with. A failed sync loses the file's dirty bytes and says so once. */
  fault: (operation: Operation, path: string) => Error | null = () => null

  readonly #root: Directory = directory()
  #open = new Map<number, OpenFile>()
  #nextFd = 3
  #flushes: Flush[] = []

  get openFiles(): number {
    return this.#open.size
  }

  get pendingFlushes(): number {
    return this.#flushes.length
  }

  open(path: string, mode: OpenMode): number {
    const parent = this.#directoryAt(parentOf(path))
    const name = nameOf(path)
    let file = parent.entries.get(name)
    if (!file) {
      if (mode !== 'create') throw failure('ENOENT', path)
      this.#operate('open', path)
      file = {
        type: 'file',
        view: Buffer.alloc(0),
        durable: Buffer.alloc(0),
        changes: [],
        modifiedMs: this.nowMs,
      }
      editEntries(parent, [{ name, node: file }])
    }
    if (file.type !== 'file') throw failure('EISDIR', path)
    const fd = this.#nextFd++
    this.#open.set(fd, { path, file, mode })
    return fd
  }

  close(fd: number): void {
    if (!this.#open.delete(fd)) throw failure('EBADF', String(fd))
  }

  write(fd: number, buffer: Buffer, start: number, length: number, position: number): number {
    const { file, path } = this.#writable(fd)
    this.#operate('write', path)
    const grows = Math.max(position + Math.min(length, this.writeBytesMax) - file.view.length, 0)
    const lacking = grows > 0 ? Math.max(grows - this.freeBytes(), 0) : 0
    const count = Math.min(length, this.writeBytesMax) - lacking
    if (count <= 0) throw failure('ENOSPC', path)
    const change: Change = {
      type: 'write',
      position,
      bytes: Buffer.from(buffer.subarray(start, start + count)),
    }
    file.view = applied(file.view, change)
    file.changes.push(change)
    file.modifiedMs = this.nowMs
    return count
  }

  read(fd: number, buffer: Buffer, start: number, length: number, position: number): number {
    const { file } = this.#opened(fd)
    return file.view.copy(buffer, start, position, position + length)
  }

  truncate(fd: number, length: number): void {
    const { file, path } = this.#writable(fd)
    this.#operate('truncate', path)
    const change: Change = { type: 'truncate', length }
    file.view = applied(file.view, change)
    file.changes.push(change)
    file.modifiedMs = this.nowMs
  }

  sizeOf(fd: number): number {
    return this.#opened(fd).file.view.length
  }

  sync(fd: number): void {
    const { file, path } = this.#opened(fd)
    this.#operateSync(path, file)
    settle(file, file.changes.length)
  }

  syncDirectory(path: string): void {
    const node = this.#directoryAt(path)
    this.#operate('syncDirectory', path)
    settleDirectory(node, node.changes.length)
  }

  flush(fd: number, done: (error: Error | null) => void): void {
    const { file, path } = this.#opened(fd)
    const covered = file.changes.length
    const run = () => {
      this.#operateSync(path, file)
      settle(file, Math.min(covered, file.changes.length))
      return null
    }
    this.#flushes.push({ run, done })
  }

  flushDirectory(path: string, done: (error: Error | null) => void): void {
    const node = this.#directoryAt(path)
    const covered = node.changes.length
    const run = () => {
      this.#operate('syncDirectory', path)
      settleDirectory(node, Math.min(covered, node.changes.length))
      return null
    }
    this.#flushes.push({ run, done })
  }

  /** Lets the medium finish the flushes in flight, and those that their completion asks for. */
  completeFlushes(): void {
    for (let flush = this.#flushes.shift(); flush; flush = this.#flushes.shift()) this.#complete(flush)
  }

  completeOneFlush(): void {
    const flush = this.#flushes.shift()
    assert(flush, 'a flush is in flight')
    this.#complete(flush)
  }

  rename(from: string, to: string): void {
    assert.equal(parentOf(from), parentOf(to), 'renames stay within their directory')
    const parent = this.#directoryAt(parentOf(from))
    const node = parent.entries.get(nameOf(from))
    if (!node) throw failure('ENOENT', from)
    this.#operate('rename', from)
    editEntries(parent, [
      { name: nameOf(to), node },
      { name: nameOf(from), node: null },
    ])
  }

  unlink(path: string): void {
    const parent = this.#directoryAt(parentOf(path))
    if (parent.entries.get(nameOf(path))?.type !== 'file') throw failure('ENOENT', path)
    this.#operate('unlink', path)
    editEntries(parent, [{ name: nameOf(path), node: null }])
  }

  status(path: string): FileStatus | null {
    const node = this.#nodeAt(path)
    if (!node) return null
    if (node.type === 'directory') return { sizeBytes: 0, modifiedMs: 0, isDirectory: true }
    return { sizeBytes: node.view.length, modifiedMs: node.modifiedMs, isDirectory: false }
  }

  freeBytes(): number {
    return Number.isFinite(this.capacityBytes)
      ? Math.max(this.capacityBytes - usedBytes(this.#root), 0)
      : Infinity
  }

  totalBytes(): number {
    return this.capacityBytes
  }

  list(path: string): string[] {
    return [...this.#directoryAt(path).entries.keys()].sort()
  }

  makeDirectory(path: string): void {
    const parent = this.#directoryAt(parentOf(path))
    if (parent.entries.has(nameOf(path))) throw failure('EEXIST', path)
    this.#operate('make', path)
    editEntries(parent, [{ name: nameOf(path), node: directory() }])
  }

  removeDirectory(path: string): void {
    if (!this.#nodeAt(path)) return
    this.#operate('unlink', path)
    editEntries(this.#directoryAt(parentOf(path)), [{ name: nameOf(path), node: null }])
  }

  /** The machine stops and starts again: descriptors are gone, and of what was dirty only `mode` is left. */
  crash(mode: CrashMode, random: () => number): void {
    if (mode !== 'process') crashDirectory(this.#root, mode, random)
    this.#open = new Map()
    this.#flushes = []
    this.operations = 0
    this.cutAt = Number.POSITIVE_INFINITY
    this.fault = () => null
  }

  /** Damages a file in the cache and on the medium alike, as a bad sector or a stray write would. */
  damage(path: string, change: (bytes: Buffer) => Buffer): void {
    const file = this.#nodeAt(path)
    assert(file?.type === 'file', `there is a file ${path}`)
    file.view = change(Buffer.from(file.view))
    file.durable = Buffer.from(file.view)
    file.changes = []
  }

  bytesOf(path: string): Buffer {
    const file = this.#nodeAt(path)
    assert(file?.type === 'file', `there is a file ${path}`)
    return Buffer.from(file.view)
  }

  #complete(flush: Flush): void {
    let error: Error | null = null
    try {
      error = flush.run()
    } catch (thrown) {
      if (thrown instanceof PowerCut) throw thrown
      error = thrown as Error
    }
    flush.done(error)
  }

  #operate(operation: Operation, path: string): void {
    if (++this.operations >= this.cutAt) throw new PowerCut(`power cut at ${operation} ${path}`)
    const error = this.fault(operation, path)
    if (error) throw error
  }

  #operateSync(path: string, file: File): void {
    try {
      this.#operate('sync', path)
    } catch (error) {
      // The kernel marks the pages clean although they never reached the medium: the next sync will succeed.
      if (!(error instanceof PowerCut)) file.changes = []
      throw error
    }
  }

  #opened(fd: number): OpenFile {
    const open = this.#open.get(fd)
    if (!open) throw failure('EBADF', String(fd))
    return open
  }

  #writable(fd: number): OpenFile {
    const open = this.#opened(fd)
    if (open.mode === 'read') throw failure('EBADF', open.path)
    return open
  }

  #nodeAt(path: string): File | Directory | undefined {
    let node: File | Directory | undefined = this.#root
    for (const name of path.split('/')) {
      if (name === '') continue
      if (node?.type !== 'directory') return undefined
      node = node.entries.get(name)
    }
    return node
  }

  #directoryAt(path: string): Directory {
    const node = this.#nodeAt(path)
    if (node?.type !== 'directory') throw failure('ENOENT', path)
    return node
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}
