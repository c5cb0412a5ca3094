// The file that says up to where a log is on the medium. Touches that file only.
import { formatDurablePoint, partitionFiles } from './checkpoints.ts'
import { type Disk, writeFully } from './disk.ts'
import { SharedFile } from './log-file.ts'

export class DurablePoint {
  readonly #disk: Disk
  readonly #file: SharedFile

  constructor(disk: Disk, directory: string) {
    this.#disk = disk
    this.#file = SharedFile.created(disk, `${directory}/${partitionFiles.durablePoint}`)
  }

  get path(): string {
    return this.#file.path
  }

  write(offset: number): void {
    writeFully(this.#disk, this.#file.fd, formatDurablePoint(offset), 0)
  }

  /** Where that fails, an older point is as true, only less precise. */
  note(offset: number): void {
    try {
      this.write(offset)
    } catch {
      // Written with the next one.
    }
  }

  /** What is about to go must not be called damage: synced at once. */
  lower(offset: number): void {
    this.write(offset)
    this.#disk.sync(this.#file.fd)
  }

  close(): void {
    this.#file.close()
  }
}
