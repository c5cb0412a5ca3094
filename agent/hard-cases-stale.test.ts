// The hard cases of tailing: a network file system whose server has forgotten what is open. Reading and looking at a
// descriptor fails with ESTALE; by its path the file is there, or is not.
import assert from 'node:assert/strict'
import fs, { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { type TestContext, test } from 'node:test'
import { tailScene } from './tail-story.ts'

function stale(): NodeJS.ErrnoException {
  return Object.assign(new Error('ESTALE: stale file handle'), { code: 'ESTALE', errno: -116 })
}

/** Every descriptor that is open now is stale from here on; what is opened later is not. */
function forgetDescriptors(context: TestContext): { failed: number } {
  const outcome = { failed: 0 }
  const fresh = new Set<number>()
  const { openSync, readSync, fstatSync } = fs
  const guarded = <Call extends (descriptor: number, ...rest: never[]) => unknown>(call: Call) =>
    ((descriptor: number, ...rest: never[]) => {
      if (fresh.has(descriptor)) return call(descriptor, ...rest)
      outcome.failed++
      throw stale()
    }) as Call
  context.mock.method(fs, 'openSync', ((...options: Parameters<typeof openSync>) => {
    const descriptor = openSync(...options)
    fresh.add(descriptor)
    return descriptor
  }) as typeof openSync)
  context.mock.method(fs, 'readSync', guarded(readSync as never) as typeof readSync)
  context.mock.method(fs, 'fstatSync', guarded(fstatSync as never) as typeof fstatSync)
  syncBuiltinESMExports()
  context.after(() => {
    context.mock.restoreAll()
    syncBuiltinESMExports()
  })
  return outcome
}

for (const renamed of [false, true]) {
  test(`ESTALE: opened anew and read on where it stood${renamed ? ', under its rotated name' : ''}`, async context => {
    await using s = await tailScene('x.log')
    writeFileSync(s.at('x.log'), 'a1\na2\n')
    s.agent.settle()
    const outcome = forgetDescriptors(context)
    appendFileSync(s.at('x.log'), 'a3\n')
    if (renamed) {
      renameSync(s.at('x.log'), s.at('x.log.1'))
      writeFileSync(s.at('x.log'), 'b1\n')
    }
    s.agent.settle()
    assert(outcome.failed > 0)
    assert.deepEqual(s.counts(), { a1: 1, a2: 1, a3: 1, ...(renamed && { b1: 1 }) })
    assert.deepEqual([s.reasons(), s.agent.tailer.errors], [[], []])
    assert.equal(
      new Set([...s.story.lastPosition.keys()].map(key => key.split(' ')[0])).size,
      renamed ? 2 : 1,
    )
  })
}

test('ESTALE, and another file stands there: the old one is a loss with a name, the new one is read', async context => {
  await using s = await tailScene('x.log')
  writeFileSync(s.at('x.log'), 'a1\na2\n')
  s.agent.settle()
  // Its inode must not come back.
  writeFileSync(s.at('other'), 'b1\n')
  const outcome = forgetDescriptors(context)
  rmSync(s.at('x.log'))
  renameSync(s.at('other'), s.at('x.log'))
  s.agent.settle()
  s.story.now += 10_000
  s.agent.settle()
  assert(outcome.failed > 0)
  assert.deepEqual([s.counts(), s.reasons()], [{ a1: 1, a2: 1, b1: 1 }, ['deleted-before-read']])
})
