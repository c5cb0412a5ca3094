// The disk of a start: it knows what is on the medium already, and syncs nothing twice. What a killed broker left is
// flushed side by side, off the event loop; recovery then asks for each sync that it relies on, one after the other,
// and waits only for those of what it has changed itself. Even a sync of what is clean costs a flush of the device.
// Holds only while one process has the directory: take the lock before the first flush.
import { dirname } from 'node:path'
import type { Disk, FileStatus, OpenMode } from './disk.ts'

export class SettledDisk implements Disk {
  readonly #disk: Disk
  /** Files and directories that were flushed and not changed since; null once the start is over. */
  #settled: Set<string> | null = new Set()
  readonly #paths = new Map<number, string>()
  /** Counts changes: of what changed while a flush was under way nobody knows whether it took part. */
  #changes = 0

  constructor(disk: Disk) {
    this.#disk = disk
  }

  /** From now on every sync is one. */
  end(): void {
    this.#settled = null
    this.#paths.clear()
  }

  open(path: string, mode: OpenMode): number {
    if (this.#settled && mode === 'create' && !this.#disk.status(path)) this.#changed(path, dirname(path))
    const fd = this.#disk.open(path, mode)
    if (this.#settled) this.#paths.set(fd, path)
    return fd
  }

  close(fd: number): void {
    this.#paths.delete(fd)
    this.#disk.close(fd)
  }

  write(fd: number, buffer: Buffer, start: number, length: number, position: number): number {
    if (this.#settled) this.#changed(this.#paths.get(fd))
    return this.#disk.write(fd, buffer, start, length, position)
  }

  read(fd: number, buffer: Buffer, start: number, length: number, position: number): number {
    return this.#disk.read(fd, buffer, start, length, position)
  }

  truncate(fd: number, length: number): void {
    this.#changed(this.#paths.get(fd))
    this.#disk.truncate(fd, length)
  }

  sizeOf(fd: number): number {
    return this.#disk.sizeOf(fd)
  }

  sync(fd: number): void {
    const path = this.#paths.get(fd)
    if (path !== undefined && this.#settled?.has(path)) return
    this.#disk.sync(fd)
    if (path !== undefined) this.#settled?.add(path)
  }

  syncDirectory(path: string): void {
    if (this.#settled?.has(path)) return
    this.#disk.syncDirectory(path)
    this.#settled?.add(path)
  }

  flush(fd: number, done: (error: Error | null) => void): void {
    this.#disk.flush(fd, this.#settling(this.#paths.get(fd), done))
  }

  flushDirectory(path: string, done: (error: Error | null) => void): void {
    this.#disk.flushDirectory(path, this.#settling(path, done))
  }

  rename(from: string, to: string): void {
    this.#changed(from, to, dirname(to))
    this.#disk.rename(from, to)
  }

  unlink(path: string): void {
    this.#changed(path, dirname(path))
    this.#disk.unlink(path)
  }

  status(path: string): FileStatus | null {
    return this.#disk.status(path)
  }

  freeBytes(path: string): number {
    return this.#disk.freeBytes(path)
  }

  totalBytes(path: string): number {
    return this.#disk.totalBytes(path)
  }

  list(path: string): string[] {
    return this.#disk.list(path)
  }

  makeDirectory(path: string): void {
    this.#changed(path, dirname(path))
    this.#disk.makeDirectory(path)
  }

  removeDirectory(path: string): void {
    this.#settled?.clear()
    this.#changes++
    this.#disk.removeDirectory(path)
  }

  #changed(...paths: readonly (string | undefined)[]): void {
    this.#changes++
    for (const path of paths) if (path !== undefined) this.#settled?.delete(path)
  }

  #settling(path: string | undefined, done: (error: Error | null) => void): (error: Error | null) => void {
    const before = this.#changes
    if (!this.#settled || path === undefined) return done
    return error => {
      if (!error && before === this.#changes) this.#settled?.add(path)
      done(error)
    }
  }
}
