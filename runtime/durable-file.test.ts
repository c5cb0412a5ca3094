// What a small secret file promises: all of it or none, with its own mode. Touches temporary directories.
import assert from 'node:assert/strict'
import { mkdtempDisposableSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { writeDurably } from './durable-file.ts'

test('writeDurably() replaces the whole file and gives it its mode, also over what an interrupted one left', () => {
  using directory = mkdtempDisposableSync(join(tmpdir(), 'tailrace-durable-'))
  const path = join(directory.path, 'secret')
  writeFileSync(path, 'an older and longer text', { mode: 0o644 })
  writeFileSync(`${path}.tmp`, 'half of', { mode: 0o644 })
  writeDurably(path, 'new', 0o600)
  assert.equal(readFileSync(path, 'utf8'), 'new')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(directory.path), ['secret'])
})

test('writeDurably() leaves the file as it was where it cannot write', () => {
  using directory = mkdtempDisposableSync(join(tmpdir(), 'tailrace-durable-'))
  assert.throws(() => writeDurably(join(directory.path, 'missing', 'secret'), 'new', 0o600), {
    code: 'ENOENT',
  })
  assert.deepEqual(readdirSync(directory.path), [])
})
