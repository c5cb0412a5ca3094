// What is run from the cache lies where nobody else can write.
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { mkdtempDisposable, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { compileCacheDirectory } from './compile-cache.ts'
import { runCommand } from './run-command.ts'
import { childEnvironment } from './supervisor.ts'

test('the cache is made for its owner alone, below XDG_CACHE_HOME or the home', async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), 'cache-'))
  const below = join(home.path, 'xdg', 'tailrace', 'compiled')
  assert.equal(compileCacheDirectory({ XDG_CACHE_HOME: join(home.path, 'xdg') }), below)
  assert.equal(statSync(below).mode & 0o777, 0o700)
  const ofHome = join(home.path, '.cache', 'tailrace', 'compiled')
  assert.equal(compileCacheDirectory({ HOME: home.path, XDG_CACHE_HOME: 'relative' }), ofHome)
  assert.equal(compileCacheDirectory({ HOME: home.path, NODE_COMPILE_CACHE: '/given' }), '/given')
})

test('a cache that others can write in, a link, a place where none can be made: nothing is kept', async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), 'cache-'))
  const environment = { HOME: home.path }
  const directory = compileCacheDirectory(environment)!
  chmodSync(directory, 0o777)
  assert.equal(compileCacheDirectory(environment), null)
  rmSync(directory, { recursive: true })
  mkdirSync(join(home.path, 'elsewhere'), { mode: 0o700 })
  symlinkSync(join(home.path, 'elsewhere'), directory)
  assert.equal(compileCacheDirectory(environment), null)
  assert.equal(compileCacheDirectory({ HOME: '/proc/nothing' }), null)
})

test('the command and what it starts keep theirs there, and nothing among temporary files', async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), 'cache-'))
  await using temporary = await mkdtempDisposable(join(tmpdir(), 'temporary-'))
  const environment = { HOME: home.path, XDG_CACHE_HOME: '', NODE_COMPILE_CACHE: '', TMPDIR: temporary.path }
  const { code } = await runCommand(home.path, ['--version'], { environment })
  assert.equal(code, 0)
  assert.ok((await readdir(join(home.path, '.cache', 'tailrace', 'compiled'))).length > 0)
  assert.deepEqual(await readdir(temporary.path), [])
  assert.doesNotMatch(childEnvironment()['NODE_COMPILE_CACHE'] ?? '', /^\/tmp\/tailrace-compile-cache/)
})
