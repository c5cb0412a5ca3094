// System calls of a running process that fail or take long, by strace: on one file, from now until it is lifted.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class SyscallFault implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #tracePath: string

  private constructor(child: ChildProcess, tracePath: string) {
    this.#child = child
    this.#tracePath = tracePath
  }

  /** `how` as strace's -e inject wants it: 'error=EIO', 'delay_enter=2s'. Resolves when every thread is traced. */
  static async on(pid: number, calls: string, how: string, path: string): Promise<SyscallFault> {
    const tracePath = join(tmpdir(), `tailrace-trace-${pid}-${process.hrtime.bigint()}`)
    const args = ['-f', '-p', String(pid), '-o', tracePath, '-P', path]
    args.push('-e', `trace=${calls}`, '-e', `inject=${calls}:${how}`)
    const child = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    child.stderr.on('data', (text: Buffer) => {
      if (text.includes('attached')) resolve()
    })
    child.once('exit', code => reject(new Error(`strace ended with ${code}`)))
    await promise
    return new SyscallFault(child, tracePath)
  }

  async lift(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = new Promise(resolve => this.#child.once('exit', resolve))
    this.#child.kill('SIGINT')
    await exited
  }

  /** How many calls were made to fail, or to take long. */
  async count(): Promise<number> {
    const text = await readFile(this.#tracePath, 'utf8')
    return text.split('\n').filter(line => line.includes('(INJECTED)') || line.includes('(DELAYED)')).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lift()
    await rm(this.#tracePath, { force: true })
  }
}

/** False where strace can inject: tried, not guessed. */
export function whyNoFaults(): string | false {
  if (process.platform !== 'linux') return 'strace is Linux only'
  const trial = spawnSync('strace', ['-qq', '-o', '/dev/null', '-e', 'inject=getcwd:error=EIO', 'true'])
  return trial.status === 0 ? false : 'strace is not here, or may not trace'
}
