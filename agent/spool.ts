// What comes without a file gets one of the agent's own, which is tailed like any other: from the moment it is written
// down every rule of files holds for it. Whole lines to a file; full files are moved aside, and removed once all of
// them is acknowledged. Bounded: when that much waits, whoever writes is told to wait or to drop.
// Touches `<data>/spool/<name>.log` and `<name>.log.<number>`.
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { FileDescription } from './description.ts'

export interface SpoolBounds {
  readonly fileBytesMax: number
  readonly bytesMax: number
}

const usualBounds: SpoolBounds = { fileBytesMax: 8_388_608, bytesMax: 134_217_728 }
const newline = 0x0a

export class Spool {
  readonly path: string
  readonly #bounds: SpoolBounds
  #file: number
  #size: number
  #asideBytes = 0
  #next = 1
  #endsInLine = false

  constructor(dataDirectory: string, name: string, bounds = usualBounds) {
    this.path = join(dataDirectory, 'spool', `${name}.log`)
    this.#bounds = bounds
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 })
    for (const aside of this.#aside()) {
      this.#next = Math.max(this.#next, aside.number + 1)
      this.#asideBytes += aside.size
    }
    this.#file = openSync(this.path, 'a+', 0o600)
    this.#size = fstatSync(this.#file).size
    const last = Buffer.of(newline)
    if (this.#size > 0) readSync(this.#file, last, 0, 1, this.#size - 1)
    // Half a line of an end that came too soon must not run into what comes now.
    if (last[0] !== newline) this.#write(Buffer.of(newline))
  }

  /** Nothing more is taken until something was acknowledged and `tidy` was called. */
  get isFull(): boolean {
    return this.#asideBytes + this.#size >= this.#bounds.bytesMax
  }

  append(bytes: Buffer): void {
    let rest = bytes
    if (this.#size + bytes.length > this.#bounds.fileBytesMax) {
      const end = bytes.lastIndexOf(newline) + 1
      if (end > 0 || !this.#endsInLine) {
        if (end > 0) this.#write(bytes.subarray(0, end))
        this.#rotate()
        rest = bytes.subarray(end)
      }
    }
    if (rest.length > 0) this.#write(rest)
  }

  /** A last line without a newline is a line. */
  finish(): void {
    if (this.#endsInLine) this.#write(Buffer.of(newline))
  }

  /** Removes what was moved aside and is acknowledged to its end. */
  tidy(files: readonly FileDescription[]): void {
    const acknowledged = new Map(files.map(file => [basename(file.path), file.acknowledged]))
    for (const { name, size } of this.#aside()) {
      if ((acknowledged.get(name) ?? 0) < size) continue
      rmSync(join(dirname(this.path), name), { force: true })
      this.#asideBytes -= size
    }
  }

  /** Everything that was written. */
  isAcknowledged(files: readonly FileDescription[]): boolean {
    const acknowledged = new Map(files.map(file => [file.path, file.acknowledged]))
    const current = this.#size === 0 || (acknowledged.get(this.path) ?? 0) >= this.#size
    return (
      current &&
      this.#aside().every(({ name, size }) => {
        return (acknowledged.get(join(dirname(this.path), name)) ?? 0) >= size
      })
    )
  }

  close(): void {
    closeSync(this.#file)
  }

  #write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at)
    this.#size += bytes.length
    this.#endsInLine = bytes.at(-1) !== newline
  }

  #rotate(): void {
    closeSync(this.#file)
    renameSync(this.path, `${this.path}.${this.#next++}`)
    this.#asideBytes += this.#size
    this.#file = openSync(this.path, 'a', 0o600)
    this.#size = 0
  }

  #aside(): { readonly name: string; readonly number: number; readonly size: number }[] {
    const prefix = `${basename(this.path)}.`
    return readdirSync(dirname(this.path)).flatMap(name => {
      if (!name.startsWith(prefix) || !/^\d+$/.test(name.slice(prefix.length))) return []
      const size = statSync(join(dirname(this.path), name), { throwIfNoEntry: false })?.size
      return size === undefined ? [] : [{ name, number: Number(name.slice(prefix.length)), size }]
    })
  }
}
