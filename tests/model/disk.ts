// Files as inodes with lines, and everything that can happen to them. Pure.
import type { Scene } from './scene.ts'

/** A complete line that was written, and every place where it stands: more than one after a disk is copied. */
export interface Line {
  readonly id: number
  readonly text: string
  /** A header is the same in every file. It is there to confuse identities and is not itself counted. */
  readonly header: boolean
  /** It belongs to the record that the lines above it began, as a line of a stack trace does. */
  readonly continues: boolean
  readonly places: Place[]
}

export interface Place {
  readonly file: LogFile
  readonly pos: number
  readonly epoch: number
  goneAt: number | null
  /** A power cut or a rollback took it back: no file ever durably held it. */
  unwritten: boolean
  /** What its agent decided when it last cut the line. */
  pass: 'unread' | 'sent' | 'filtered'
}

/** One inode's content. Positions count lines, not bytes: a line is the unit that is read and counted. */
export class LogFile {
  readonly uid: number
  readonly inode: number
  /** The step in which it was made. */
  readonly born: number
  lines: Line[] = []
  /** Grows whenever what is written next does not follow what was there. Only the oracle looks at it. */
  epoch = 0
  linked = true
  current = true
  /**
   * Epochs of which a durable checkpoint knew more than a header. What was truncated or deleted before that,
   * nobody can have noticed and nobody promised.
   */
  readonly known = new Set<number>()

  constructor(uid: number, inode: number, born: number) {
    this.uid = uid
    this.born = born
    this.inode = inode
  }
}

export class Disk {
  files: LogFile[] = []
  /** Until then no checkpoint can be written. */
  fullUntil = 0
  readonly #written: Line[]
  #uid: () => number
  #freeInodes: number[] = []
  #nextInode = 1

  constructor(written: Line[], uid: () => number) {
    this.#written = written
    this.#uid = uid
  }

  get linked(): LogFile[] {
    return this.files.filter(file => file.linked)
  }

  create(header: boolean, now: number, held: (file: LogFile) => boolean): LogFile {
    for (const file of this.files) file.current = false
    // A file system hands out a freed inode at once, but never one that somebody still holds open.
    const free = this.#freeInodes.findIndex(inode => !this.files.some(f => f.inode === inode && held(f)))
    const inode = free < 0 ? this.#nextInode++ : this.#freeInodes.splice(free, 1)[0]!
    const file = new LogFile(this.#uid(), inode, now)
    this.files.push(file)
    if (header) this.append(file, 'H')
    return file
  }

  append(file: LogFile, text?: string, continues = false): Line {
    const id = this.#written.length
    const line: Line = {
      id,
      text: text ?? `line ${id}`,
      header: text !== undefined,
      continues: continues && file.lines.length > 0,
      places: [
        { file, pos: file.lines.length, epoch: file.epoch, goneAt: null, unwritten: false, pass: 'unread' },
      ],
    }
    this.#written.push(line)
    file.lines.push(line)
    return line
  }

  /** As `copytruncate` does it, with the copy out of reach: the content goes, the inode stays. */
  truncate(file: LogFile, now: number): void {
    for (const line of file.lines) placeIn(line, file).goneAt = now
    file.lines = []
    file.epoch += 1
  }

  unlink(file: LogFile, now: number): void {
    file.linked = false
    file.current = false
    for (const line of file.lines) placeIn(line, file).goneAt ??= now
    this.#freeInodes.push(file.inode)
  }

  /** The host loses power: the tail that the page cache had not written is gone, and was never durable. */
  losePower(scene: Scene): void {
    for (const file of this.linked) {
      const kept = Math.max(0, file.lines.length - scene.random.below(4))
      const lost = file.lines.splice(kept)
      for (const line of lost) placeIn(line, file).unwritten = true
      if (lost.length > 0) file.epoch += 1
    }
  }

  /** A copy of the disk, as a snapshot or a golden image makes it: same inodes, same bytes. */
  copy(): { disk: Disk; twins: Map<LogFile, LogFile> } {
    const disk = new Disk(this.#written, this.#uid)
    const twins = new Map<LogFile, LogFile>()
    disk.#freeInodes = [...this.#freeInodes]
    disk.#nextInode = this.#nextInode
    for (const file of this.linked) {
      const twin = new LogFile(this.#uid(), file.inode, file.born)
      twin.current = file.current
      twin.epoch = file.epoch
      for (const line of file.lines) {
        const place = placeIn(line, file)
        line.places.push({ ...place, file: twin })
        twin.lines.push(line)
      }
      twins.set(file, twin)
      disk.files.push(twin)
    }
    return { disk, twins }
  }
}

/** Where content came from. Only the oracle looks at it. */
export interface Origin {
  readonly file: LogFile
  readonly epoch: number
}

export function originOf(file: LogFile): Origin {
  const first = file.lines[0]
  return { file, epoch: first ? placeIn(first, file).epoch : file.epoch }
}

export function placeIn(line: Line, file: LogFile): Place {
  return line.places.find(place => place.file === file)!
}
