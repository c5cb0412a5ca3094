// The log of a process turns over and keeps one predecessor.
import assert from 'node:assert/strict'
import { mkdtempDisposable, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { LogFile } from './log-file.ts'

test('LogFile begins anew at its limit, keeps what came before as .1, and goes on after a restart', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'log-'))
  const path = join(directory.path, 'broker.log')
  const first = new LogFile(path, 30)
  for (const line of ['one 0123456789', 'two 0123456789']) first.write(line)
  await first.end()
  const second = new LogFile(path, 30)
  second.write('three 0123456789')
  await second.end()
  assert.equal(await readFile(`${path}.1`, 'utf8'), 'one 0123456789\ntwo 0123456789\n')
  assert.equal(await readFile(path, 'utf8'), 'three 0123456789\n')
})
