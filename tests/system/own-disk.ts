// A small file system of a test's own, to be filled up or to lose power: a tmpfs, or an ext4 image on a loop device.
// Needs root and mount(2); where there is neither, `whyNoMounts` says so and the tests that need one are skipped.
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, truncateSync } from 'node:fs'
import { appendFile, mkdtemp, rm, statfs, truncate } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const mebibyte = 1024 * 1024
/** FS_IOC_SHUTDOWN, and its flag that says: not even the journal is written out. */
const shutdownRequest = 0x8004587d
const withoutLogFlush = 2

export class OwnDisk implements AsyncDisposable {
  /** Where it is mounted. */
  readonly path: string
  readonly #image: string | null

  private constructor(path: string, image: string | null) {
    this.path = path
    this.#image = image
  }

  static async tmpfs(sizeMebibytes: number): Promise<OwnDisk> {
    const path = await mkdtemp(join(tmpdir(), 'tailrace-disk-'))
    run('mount', ['-t', 'tmpfs', '-o', `size=${sizeMebibytes}m`, 'tmpfs', path])
    return new OwnDisk(path, null)
  }

  static async ext4(sizeMebibytes: number): Promise<OwnDisk> {
    const path = await mkdtemp(join(tmpdir(), 'tailrace-disk-'))
    const image = `${path}.image`
    closeSync(openSync(image, 'w'))
    truncateSync(image, sizeMebibytes * mebibyte)
    run('mkfs.ext4', ['-q', '-F', image])
    const disk = new OwnDisk(path, image)
    disk.mount()
    return disk
  }

  mount(): void {
    run('mount', ['-o', 'loop', this.#image!, this.path])
  }

  /**
   * From this instant on nothing reaches the device, and what was not written out is gone: the image is what a disk
   * holds after a power cut. The processes that use it get EIO; kill them, then `mountAgain`.
   */
  cutPower(): void {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
    const ioctl = koffi.load(null).func('int ioctl(int fd, unsigned long request, _In_ uint32_t *flags)')
    const fd = openSync(this.path, 'r')
    const result = ioctl(fd, shutdownRequest, [withoutLogFlush]) as number
    closeSync(fd)
    if (result !== 0) throw new Error('Cannot cut the power: the file system refuses FS_IOC_SHUTDOWN')
  }

  mountAgain(): void {
    run('umount', [this.path])
    this.mount()
  }

  /** Others' data: leaves so much. */
  async fillUpTo(freeBytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.path)
    await appendFile(join(this.path, 'of-others'), Buffer.alloc(Math.max(bavail * bsize - freeBytes, 0)))
  }

  async makeRoom(): Promise<void> {
    await truncate(join(this.path, 'of-others'), 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    spawnSync('umount', ['-l', this.path])
    await rm(this.path, { recursive: true, force: true })
    if (this.#image) await rm(this.#image, { force: true })
  }
}

/** Null where file systems can be mounted: tried, not guessed. */
export function whyNoMounts(type: 'tmpfs' | 'ext4'): string | null {
  if (process.platform !== 'linux') return 'mounts are made on Linux only'
  if (process.getuid?.() !== 0) return 'only root may mount a file system'
  const trial = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()])
  if (trial.status !== 0) return 'mount(2) is not allowed here'
  if (type === 'tmpfs') return null
  const hasLoop = spawnSync('losetup', ['-f']).status === 0
  const hasMkfs = spawnSync('mkfs.ext4', ['-V']).status === 0
  return hasLoop && hasMkfs ? null : 'there is no loop device or no mkfs.ext4 here'
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr}`)
}
