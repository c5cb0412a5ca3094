// `tailrace demo` from outside: it serves, and after Ctrl-C nothing is left, neither directory nor process. And what
// `cluster health` says of it, as a script would ask.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { launcher, runCommand } from '../../cli/run-command.ts'
import { freePorts } from './appliance.ts'

/** Processes whose command line names the directory. */
function processesNaming(directory: string): string[] {
  return readdirSync('/proc').filter(pid => {
    if (!/^\d+$/.test(pid)) return false
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory)
    } catch {
      return false
    }
  })
}

test('a demo runs in a directory of its own, and leaves nothing', { timeout: 90_000 }, async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-demo-test-'))
  const [kafka, http] = [await freePorts(1), await freePorts(1)]
  const ports = ['--kafka-port', String(kafka), '--http-port', String(http)]
  const child = spawn(process.execPath, [launcher, 'demo', '--brokers', '1', ...ports], {
    cwd: directory.path,
  })
  let said = ''
  const exited = new Promise<number | null>(resolve => child.once('exit', resolve))
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk
      if (said.includes('  Open http')) resolve()
    })
    child.once('exit', code => reject(new Error(`tailrace demo ended with ${code}:\n${said}`)))
  })
  const data = /^ {2}data {5}(\S+)/m.exec(said)?.[1] ?? ''
  assert.match(data, /tailrace-demo-/)
  const asked = ['cluster', 'health', '--bootstrap', `127.0.0.1:${kafka}`]
  const wait = [...asked, '--exit-when-healthy', '--timeout', '30', '--json']
  const health = await runCommand(directory.path, wait)
  assert.deepEqual([health.code, (JSON.parse(health.output) as { healthy: boolean }).healthy], [0, true])
  const taken = await runCommand(directory.path, ['demo', '--brokers', '1', '--http-port', String(http)])
  assert.equal(taken.code, 78)
  assert.match(taken.errors, new RegExp(`HTTP port ${http} .*Choose another: --http-port ${http + 100}`))
  child.kill('SIGINT')
  assert.equal(await exited, 0)
  assert.equal(existsSync(data), false)
  assert.deepEqual(processesNaming(data), [])
  assert.deepEqual(readdirSync(directory.path), [])
  const gone = await runCommand(directory.path, asked)
  assert.equal(gone.code, 69)
})
