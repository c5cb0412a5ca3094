// The share of a processor that a process may have, by a control group of its own (cgroup v1), where this user may make
// one. heal() moves processes back and takes the groups away.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const periodUs = 100_000
const v1 = '/sys/fs/cgroup/cpu'

export class CpuQuota {
  readonly #groups = new Set<string>()
  #made = 0

  /** Or why not. */
  static open(): CpuQuota | string {
    if (!existsSync(join(v1, 'cgroup.procs'))) return 'no cpu control group (v1) here'
    const quota = new CpuQuota()
    try {
      quota.#group(1)
      return quota
    } catch (error) {
      return `no cpu control group: ${(error as Error).message}`
    } finally {
      quota.heal()
    }
  }

  /** False of one that has ended. */
  starve(pid: number, share: number): boolean {
    return moveTo(this.#group(share), String(pid))
  }

  heal(): void {
    for (const group of this.#groups) {
      const pids = readFileSync(join(group, 'cgroup.procs'), 'latin1').split('\n').filter(Boolean)
      for (const pid of pids) moveTo(v1, pid)
      try {
        rmdirSync(group)
        this.#groups.delete(group)
      } catch {
        // What has just been killed is still in it: the next time.
      }
    }
  }

  #group(share: number): string {
    const group = join(v1, `tailrace-chaos-${process.pid}-${this.#made++}`)
    mkdirSync(group)
    this.#groups.add(group)
    writeFileSync(join(group, 'cpu.cfs_period_us'), String(periodUs))
    writeFileSync(join(group, 'cpu.cfs_quota_us'), String(Math.round(share * periodUs)))
    return group
  }
}

function moveTo(group: string, pid: string): boolean {
  try {
    writeFileSync(join(group, 'cgroup.procs'), pid)
    return true
  } catch {
    return false
  }
}
