// The agent when its memory fails it: a checkpoint of garbage, a full disk, a disk that will not be written. Nothing
// is sent that a checkpoint does not know, nothing is lost, and it never ends in a crash loop.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../runtime/clock.ts'
import { ExitError } from '../runtime/lifecycle.ts'
import { createLog } from '../runtime/log.ts'
import { Agent } from './agent.ts'
import { access, agentScene } from './agent-scene.ts'
import { loadCheckpoint } from './checkpoint.ts'
import { CheckpointWriter } from './checkpoint-writer.ts'
import { lockDirectory } from './lock.ts'
import { countLines, shippedRecords } from './shipped-records.ts'

const quiet = createLog('test', () => {})

const garbage = Buffer.from(Array.from({ length: 4_096 }, (_, index) => (index * index * 31 + index) % 256))
for (const [what, content] of [
  ['garbage', garbage],
  ['nothing', Buffer.alloc(0)],
  ['zeros', Buffer.alloc(4_096)],
  ['half of itself', null],
] as const) {
  for (const both of [false, true]) {
    test(`a checkpoint of ${what}${both ? ', and the one before it' : ''}: told, and every line counts`, async () => {
      await using s = await agentScene()
      writeFileSync(s.at('a.log'), `${access(1)}\n`)
      const first = await s.start()
      await s.until(() => s.lines('logs').length === 1)
      await first.stop()
      const good = readFileSync(s.data('checkpoint'))
      const damaged = content ?? good.subarray(0, good.length >> 1)
      writeFileSync(s.data('checkpoint'), damaged)
      // The two generations are one file with two names while the last words are written.
      rmSync(s.data('checkpoint.previous'))
      writeFileSync(s.data('checkpoint.previous'), both ? damaged : good)
      appendFileSync(s.at('a.log'), `${access(2)}\n`)
      await s.start()
      await s.until(() => countLines(shippedRecords(s.broker, 'logs')).has(access(2)))
      const counts = countLines(shippedRecords(s.broker, 'logs'))
      assert.equal(counts.get(access(1)), both ? 2 : 1)
      assert.equal(counts.get(access(2)), 1)
      const entries = s.lines('__tailrace_losses').map(line => JSON.parse(line).reason)
      assert.deepEqual(entries, ['checkpoint-damaged'])
      assert.equal(loadCheckpoint(s.config.dataDirectory).state, 'current')
    })
  }
}

for (const [what, block] of [
  ['a full disk', (path: string) => symlinkSync('/dev/full', path)],
  ['a disk that cannot be written', (path: string) => mkdirSync(path)],
] as const) {
  test(`${what} under the checkpoint: nothing new is sent, it says why, and goes on when there is room`, async () => {
    await using s = await agentScene()
    writeFileSync(s.at('a.log'), `${access(1)}\n`)
    const agent = await s.start()
    await s.until(() => s.lines('logs').length === 1)
    await agent.stop()
    block(s.data('checkpoint.tmp'))
    appendFileSync(s.at('a.log'), `${access(2)}\n`)
    const told: string[] = []
    const second = new Agent(
      s.config,
      systemClock,
      createLog('test', line => told.push(line)),
    )
    await second.start()
    await s.until(() => told.some(line => line.includes('cannot write the checkpoint; nothing new is sent')))
    assert.deepEqual(s.lines('logs'), [access(1)])
    rmSync(s.data('checkpoint.tmp'), { recursive: true })
    await s.until(() => s.lines('logs').length === 2)
    await second.stop()
    assert.deepEqual(s.lines('logs'), [access(1), access(2)])
    assert.deepEqual(s.lines('__tailrace_losses'), [])
  })
}

test('CheckpointWriter keeps both generations when a write fails at any step', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'checkpoint-'))
  const errors: string[] = []
  let note = 'one'
  const writer = new CheckpointWriter(
    directory.path,
    () => `"files":[],"note":"${note}"`,
    () => {},
    error => errors.push(error.message),
  )
  writer.writeNow()
  note = 'two'
  writer.writeNow()
  for (const block of [(path: string) => symlinkSync('/dev/full', path), (path: string) => mkdirSync(path)]) {
    block(join(directory.path, 'checkpoint.tmp'))
    note = 'three'
    assert.throws(() => writer.writeNow())
    rmSync(join(directory.path, 'checkpoint.tmp'), { recursive: true })
    const noteIn = (name: string) =>
      /"note":"(\w+)"/.exec(readFileSync(join(directory.path, name), 'utf8'))?.[1]
    assert.deepEqual([noteIn('checkpoint'), noteIn('checkpoint.previous')], ['two', 'one'])
  }
  assert.equal(writer.writeNow(), true)
  assert.equal(loadCheckpoint(directory.path).state, 'current')
})

test('a data directory that cannot be written to is refused with a sentence', async () => {
  await using s = await agentScene()
  // Not even root makes files there.
  assert.throws(
    () => new Agent({ ...s.config, dataDirectory: '/proc/self' }, systemClock, quiet),
    (error: unknown) => error instanceof ExitError && /Cannot write in "\/proc\/self"/.test(error.message),
  )
})

test('a first start on a disk that is full ends with a sentence that says what to do', async t => {
  await using s = await agentScene()
  const disk = `${s.config.dataDirectory}-disk`
  mkdirSync(disk)
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', disk]).status !== 0)
    return t.skip('no tmpfs')
  try {
    // What comes before the id is there already.
    lockDirectory(disk).release()
    assert.throws(() => writeFileSync(join(disk, 'filler'), Buffer.alloc(1_048_576)), /ENOSPC/)
    assert.throws(
      () => new Agent({ ...s.config, dataDirectory: disk }, systemClock, quiet),
      (error: unknown) => error instanceof ExitError && /Cannot write in .*Make room/.test(error.message),
    )
  } finally {
    spawnSync('umount', ['-l', disk])
  }
})
