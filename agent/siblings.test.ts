// Names that rotation gives, and copies of a file that is read: tables, and files that cannot be read.
import assert from 'node:assert/strict'
import { mkdtempDisposable, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { guardOf, headOf } from './guard.ts'
import { isCopyOf, isRotatedNameOf, originalsOf, rotatedSiblings } from './siblings.ts'
import { newTrackedFile } from './tracker.ts'

for (const [name, original, expected] of [
  ['x.log.1', 'x.log', true],
  ['x.log-20261124', 'x.log', true],
  ['x.log_old', 'x.log', true],
  ['x.log', 'x.log', false],
  ['x.logs', 'x.log', false],
  ['y.log.1', 'x.log', false],
] as const) {
  test(`isRotatedNameOf() says that ${name} is ${expected ? '' : 'not '}made of ${original}`, () => {
    assert.equal(isRotatedNameOf(name, original), expected)
  })
}

test('originalsOf() names every shorter name that a rotated one may come from', () => {
  assert.deepEqual(originalsOf('/log/x.log-2.gz'), ['/log/x.log-2', '/log/x.log', '/log/x'])
})

test('isCopyOf() knows a copy, and takes a file that is gone by now for none', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'siblings-'))
  const original = join(directory.path, 'x.log')
  const content = Buffer.from('first\nsecond\n')
  await writeFile(`${original}.1`, content)
  const tracked = newTrackedFile(1n, 1n, original)
  Object.assign(tracked, {
    head: headOf(content.subarray(0, 5)),
    end: content.length,
    endGuard: guardOf(content, content.length, content.length),
  })
  const [sibling] = rotatedSiblings(original)
  assert(sibling)
  assert.equal(
    isCopyOf(sibling, tracked, () => true),
    true,
  )
  await rm(sibling.path)
  assert.equal(
    isCopyOf(sibling, tracked, () => true),
    false,
  )
})
