// The data directory across versions and starts.
import assert from 'node:assert/strict'
import { mkdtempDisposable, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { openDataDirectory } from './data-directory.ts'

const temporary = () => mkdtempDisposable(join(tmpdir(), 'data-'))

test('openDataDirectory() keeps its secrets between starts, readable by their owner alone', async () => {
  await using directory = await temporary()
  const first = openDataDirectory(directory.path, {})
  const seed = await readFile(first.keySeedPath, 'utf8')
  const second = openDataDirectory(directory.path, {})
  assert.deepEqual([first.fresh, second.fresh], [true, false])
  assert.equal(await readFile(second.keySeedPath, 'utf8'), seed)
  for (const path of [first.tokenPath, first.keySeedPath])
    assert.equal((await stat(path)).mode & 0o777, 0o600)
})

test('openDataDirectory() takes a preset admin token', async () => {
  await using directory = await temporary()
  const opened = openDataDirectory(directory.path, { TAILRACE_ADMIN_TOKEN: 'preset' })
  assert.equal(await readFile(opened.tokenPath, 'utf8'), 'preset\n')
})

test('openDataDirectory() trims a preset token, and refuses what no header can carry', async () => {
  await using directory = await temporary()
  const opened = openDataDirectory(directory.path, { TAILRACE_ADMIN_TOKEN: ' preset\n' })
  assert.equal(await readFile(opened.tokenPath, 'utf8'), 'preset\n')
  assert.throws(
    () => openDataDirectory(directory.path, { TAILRACE_ADMIN_TOKEN: 'two words' }),
    (error: unknown) => error instanceof ExitError && error.exitCode === exitCodes.config,
  )
})

test('openDataDirectory() takes an empty preset for none, and an empty secret for a lost one', async () => {
  await using directory = await temporary()
  await writeFile(join(directory.path, 'token'), '')
  const opened = openDataDirectory(directory.path, { TAILRACE_ADMIN_TOKEN: '' })
  assert.match(await readFile(opened.tokenPath, 'utf8'), /^[\w-]{32}\n$/)
  assert.equal((await stat(opened.tokenPath)).mode & 0o777, 0o600)
})

for (const [name, content, expected] of [
  ['a newer format', '{"format":99}', /written by a newer Tailrace/],
  ['a broken format file', 'garbage', /it should hold/],
] as const) {
  test(`openDataDirectory() refuses ${name} and says what to do`, async () => {
    await using directory = await temporary()
    await writeFile(join(directory.path, 'format'), content)
    assert.throws(
      () => openDataDirectory(directory.path, {}),
      (error: unknown) =>
        error instanceof ExitError && error.exitCode === exitCodes.config && expected.test(error.message),
    )
  })
}

for (const [name, pathIn] of [
  ['a file', (directory: string) => join(directory, 'file')],
  ['a place where nothing can be made', () => '/proc/tailrace'],
] as const) {
  test(`openDataDirectory() refuses ${name} and says what to do`, async () => {
    await using directory = await temporary()
    await writeFile(join(directory.path, 'file'), '')
    assert.throws(
      () => openDataDirectory(pathIn(directory.path), {}),
      (error: unknown) =>
        error instanceof ExitError && error.exitCode === exitCodes.config && /--data/.test(error.message),
    )
  })
}
