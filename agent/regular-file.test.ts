// What may be opened as a log, and what is refused: devices, FIFOs, sockets, directories, links out of the way.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chownSync, closeSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isSuspectLink, openRegular, RefusedFileError } from './regular-file.ts'
import { swapSymlinks } from './symlink-swap.ts'

const none = () => false

test('openRegular() opens a file under its own name, and knows where a link within the allowed leads', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'regular-'))
  const at = (name: string) => join(directory.path, name)
  writeFileSync(at('x.log'), 'x\n')
  symlinkSync('x.log', at('link.log'))
  for (const [path, admits] of [
    [at('x.log'), none],
    [at('link.log'), (real: string) => real.startsWith(directory.path)],
  ] as const) {
    const opened = openRegular(path, admits)
    assert(opened)
    closeSync(opened.descriptor)
    assert.equal(opened.path, at('x.log'))
  }
  assert.throws(() => openRegular(at('link.log'), none), /leads to ".*x\.log", out of the directories/)
  assert.equal(openRegular(at('nothing.log'), none), null)
  assert.equal(openRegular(at('x.log/y.log'), none), null)
})

test('openRegular() refuses devices, directories and FIFOs, and does not wait for a writer', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'regular-'))
  const at = (name: string) => join(directory.path, name)
  mkdirSync(at('directory.log'))
  symlinkSync('/dev/zero', at('device.log'))
  execFileSync('mkfifo', [at('fifo.log')])
  for (const name of ['directory.log', 'device.log', 'fifo.log']) {
    assert.throws(
      () => openRegular(at(name), () => true),
      (error: unknown) => error instanceof RefusedFileError && /is not a regular file/.test(error.message),
      name,
    )
  }
})

const owned = (uid: number, mode = 0o755) => ({ uid: BigInt(uid), mode: BigInt(mode) })
for (const [what, file, directory, suspect] of [
  ['of the directory of its owner', owned(1000), owned(1000), false],
  ["of another user, in somebody's own directory", owned(0), owned(1000), true],
  ["of any user, in root's directory", owned(104), owned(0), false],
  ['of root, in a directory where everybody may write', owned(0), owned(0, 0o1777), true],
  ['of its owner, in a directory where everybody may write', owned(1000), owned(1000, 0o777), true],
] as const) {
  test(`isSuspectLink() says ${suspect} for a second name ${what}`, () => {
    assert.equal(isSuspectLink(file, directory), suspect)
  })
}

test('a hard link to a file of another owner is refused', {
  skip: process.getuid?.() !== 0 && 'needs root to give files away',
}, async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'regular-'))
  const at = (name: string) => join(directory.path, name)
  mkdirSync(at('app'))
  chownSync(at('app'), 1000, 1000)
  writeFileSync(at('secret'), 'secret\n')
  linkSync(at('secret'), at('app/x.log'))
  assert.throws(() => openRegular(at('app/x.log'), none), /is a hard link to a file/)
  chownSync(at('secret'), 1000, 1000)
  const opened = openRegular(at('app/x.log'), none)
  assert(opened)
  closeSync(opened.descriptor)
})

for (const directory of [false, true]) {
  test(`a ${directory ? 'directory' : 'file'} swapped 1,000 times while opened never gives the secret`, async () => {
    const outcome = await swapSymlinks(1_000, directory)
    assert(outcome.opened > 0 && outcome.refused > 0, JSON.stringify(outcome))
    assert.equal(outcome.leaked, 0, JSON.stringify(outcome))
  })
}
