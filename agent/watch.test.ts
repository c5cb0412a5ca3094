// The watcher is a hint: with a sweep that never comes a line still arrives by it, and without it everything works.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createLog } from '../runtime/log.ts'
import { access, agentScene } from './agent-scene.ts'
import type { AgentConfig } from './config.ts'
import { watchDirectories } from './watch.ts'

const main = fileURLToPath(new URL('main.ts', import.meta.url))

test('swept every ten minutes, a line, a new file and a rotated one still arrive at once, by the hint', async () => {
  await using s = await agentScene({ watch: true, sweepMs: 600_000 })
  writeFileSync(s.at('a.log'), `${access(0)}\n`)
  await s.start()
  await s.until(() => s.lines('logs').length === 1)
  appendFileSync(s.at('a.log'), `${access(1)}\n`)
  await s.until(() => s.lines('logs').length === 2)
  writeFileSync(s.at('b.log'), `${access(2)}\n`)
  await s.until(() => s.lines('logs').length === 3)
  renameSync(s.at('a.log'), s.at('a.log.1'))
  writeFileSync(s.at('a.log'), `${access(3)}\n`)
  await s.until(() => s.lines('logs').length === 4)
  assert.deepEqual(s.lines('logs').sort(), [0, 1, 2, 3].map(access).sort())
})

test('swept every 10 s, an appended line is with the broker before the next sweep, by the hint', async t => {
  await using s = await agentScene({ watch: true, sweepMs: 10_000 })
  writeFileSync(s.at('a.log'), `${access(0)}\n`)
  const began = performance.now()
  await s.start()
  await s.until(() => s.lines('logs').length === 1)
  const took: number[] = []
  for (let line = 1; line <= 5; line++) {
    const appended = performance.now()
    appendFileSync(s.at('a.log'), `${access(line)}\n`)
    await s.until(() => s.lines('logs').length === line + 1)
    took.push(performance.now() - appended)
  }
  // No sweep can have brought any of them; and one of five within a second, however slow this machine is today.
  assert(performance.now() - began < 10_000)
  const [fastest, , median, , slowest] = took.toSorted((a, b) => a - b).map(Math.round)
  assert(fastest! < 1_000 && slowest! < 5_000, `${took.map(Math.round)} ms`)
  t.diagnostic(`from append to broker: median ${median} ms, slowest of five ${slowest} ms`)
})

/** In a user namespace of its own a process can be given limits that hold for nobody else. */
const canLimit =
  spawnSync('unshare', ['-Ur', 'sh', '-c', 'echo 0 > /proc/sys/user/max_inotify_watches']).status === 0

for (const limit of ['max_inotify_instances', 'max_inotify_watches']) {
  test(`with ${limit} of 0 it sweeps, says so, and ships`, {
    skip: !canLimit && 'no user namespaces here',
  }, async () => {
    await using s = await agentScene()
    writeFileSync(s.at('a.log'), `${access(0)}\n`)
    const config: AgentConfig = { ...s.config, watch: true, sweepMs: 50 }
    const script = `echo 0 > /proc/sys/user/${limit} && exec "$0" "$@"`
    const limited = ['-Ur', 'sh', '-c', script, process.execPath, main, JSON.stringify(config)]
    const child = spawn('unshare', limited, { stdio: ['ignore', 'pipe', 'pipe'] })
    const told: string[] = []
    const lines = createInterface({ input: child.stderr })
    lines.on('line', line => told.push(line))
    try {
      await s.until(() => s.lines('logs').length === 1)
      appendFileSync(s.at('a.log'), `${access(1)}\n`)
      await s.until(() => s.lines('logs').length === 2)
      await s.until(() => told.length > 0)
    } finally {
      const ended = once(child, 'close')
      child.kill()
      await ended
    }
    assert.match(told.join('\n'), /the file watcher failed, sweeping alone finds what is new/)
  })
}

test('what is not watched is known: a directory that is not there, and it is no error', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'watch-'))
  const at = (name: string) => join(directory.path, name)
  mkdirSync(at('there'))
  const bases = ['there', 'missing'].map(name => ({ base: at(name), depth: 0 }))
  const watcher = await watchDirectories(
    bases,
    () => {},
    createLog('test', () => {}),
  )
  assert.deepEqual(watcher.unwatched, [at('missing')])
  await watcher.close()
})

test('the description says what is held open, what deleted files keep, and what is not watched', async () => {
  await using s = await agentScene()
  s.broker.autoCreatePartitions = 0
  writeFileSync(s.at('a.log'), `${access(0)}\n`)
  const agent = await s.start()
  rmSync(s.at('a.log'))
  await s.until(() => agent.describe().pinnedDeletedBytes > 0)
  const { openFiles, pinnedDeletedBytes, unwatchedDirectories } = agent.describe()
  assert.deepEqual([openFiles, pinnedDeletedBytes, unwatchedDirectories], [1, access(0).length + 1, 1])
})
