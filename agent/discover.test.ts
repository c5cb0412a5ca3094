// Discovery on a real tree.
import assert from 'node:assert/strict'
import { mkdir, mkdtempDisposable, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Discovery } from './discover.ts'

test('scan() finds what the globs name, leaves out what is excluded, and the first input wins', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'discover-'))
  const at = (...parts: string[]) => join(directory.path, ...parts)
  await mkdir(at('nginx', 'old'), { recursive: true })
  await mkdir(at('deep', 'er', 'still'), { recursive: true })
  for (const name of [
    'a.log',
    'a.log.1.gz',
    'b.txt',
    'nginx/access.log',
    'nginx/old/access.log',
    'c.skip.log',
  ]) {
    await writeFile(at(name), 'x\n')
  }
  await writeFile(at('deep', 'er', 'still', 'z.log'), 'x\n')
  await symlink(at('b.txt'), at('link.log'))
  const discovery = new Discovery([
    { paths: [at('nginx', '*.log')], format: 'combined' },
    {
      paths: [at('*.log*'), at('**', 'z.log'), at('nginx', 'access.log')],
      exclude: ['*.skip.log'],
      format: 'raw',
    },
  ])
  const found = discovery.scan().map(({ path, input }) => [path.slice(directory.path.length + 1), input])
  assert.deepEqual(
    found.sort((a, b) => (a[0]! < b[0]! ? -1 : 1)),
    [
      ['a.log', 1],
      ['deep/er/still/z.log', 1],
      ['link.log', 1],
      ['nginx/access.log', 0],
    ],
  )
  assert.equal(discovery.inputOf(at('nginx', 'access.log')), 0)
  assert.equal(discovery.inputOf(at('a.log.1.gz')), -1)
})

test('a base directory that is not there yet is no error', () => {
  const discovery = new Discovery([{ paths: ['/nonexistent-tailrace/*.log'], format: 'raw' }])
  assert.deepEqual(discovery.scan(), [])
  assert.equal(discovery.unreadable.size, 0)
})
