// The command from outside, for tests: typed in a directory, with what it printed and how it ended. Starts the one
// process and waits for its end.
import { spawn } from 'node:child_process'
import { join } from 'node:path'

export const launcher = join(import.meta.dirname, 'tailrace.js')

export interface Ended {
  readonly code: number | null
  readonly output: string
  readonly errors: string
}

export interface Typed {
  readonly environment?: NodeJS.ProcessEnv
  readonly input?: string | Buffer
}

export async function runCommand(
  directory: string,
  args: readonly string[],
  { environment = {}, input }: Typed = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [launcher, ...args], {
    cwd: directory,
    env: { ...process.env, TAILRACE_REEXECUTED: '1', ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const exited = new Promise<number | null>(resolve => child.once('exit', resolve))
  const text = (stream: AsyncIterable<Buffer>) =>
    Array.fromAsync(stream).then(chunks => Buffer.concat(chunks).toString())
  const [output, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), exited])
  return { code, output, errors }
}
