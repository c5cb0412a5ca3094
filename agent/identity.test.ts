// Ids: shape, and what survives in the data directory.
import assert from 'node:assert/strict'
import { mkdtempDisposable, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ExitError } from '../runtime/lifecycle.ts'
import { fileIdOf, fileIdOfSrc, mintGeneration, readAgentIdentity, srcOf } from './identity.ts'

test('readAgentIdentity() mints once and then keeps to it; without the file it mints another', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'identity-'))
  const minted = readAgentIdentity(directory.path)
  assert.equal(minted.first, true)
  assert.match(minted.agentId, /^[0-9a-z]{8}$/)
  assert.deepEqual(readAgentIdentity(directory.path), { agentId: minted.agentId, first: false })
  await rm(join(directory.path, 'agent-id'))
  assert.notEqual(readAgentIdentity(directory.path).agentId, minted.agentId)
})

test('readAgentIdentity() refuses a damaged id instead of inventing a second one', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'identity-'))
  await writeFile(join(directory.path, 'agent-id'), '\0\0\0')
  assert.throws(() => readAgentIdentity(directory.path), ExitError)
  assert.equal(await readFile(join(directory.path, 'agent-id'), 'latin1'), '\0\0\0')
})

test('a src is at most 32 ASCII bytes and names its file id', () => {
  const fileId = fileIdOf('abcdefgh', 123n, Buffer.from('first line'))
  assert.equal(fileId.length, 11)
  assert.notEqual(fileId, fileIdOf('abcdefgh', 124n, Buffer.from('first line')))
  const src = srcOf('abcdefgh', fileId, mintGeneration())
  assert.match(src, /^[\w.-]{32}$/)
  assert.equal(fileIdOfSrc(src), fileId)
  assert.notEqual(mintGeneration(), mintGeneration())
})
