// Errors of real files become sentences; errors of ours do not.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileFault } from './file-fault.ts'

function faultOf(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}

test('fileFault() names the file, the cause and what to do, and leaves our own faults alone', () => {
  const here = import.meta.dirname
  assert.equal(
    fileFault(faultOf(() => readFileSync(here))) ??
      fileFault(Object.assign(new Error(), { code: 'EISDIR', path: here })),
    `Cannot use "${here}": it is a directory where a file should be`,
  )
  const file = import.meta.filename
  assert.equal(
    fileFault(faultOf(() => readdirSync(file))),
    `Cannot list "${file}": part of it is a file where a directory should be`,
  )
  const denied = Object.assign(new Error('EACCES'), { code: 'EACCES', path: '/d/token', syscall: 'open' })
  assert.match(fileFault(denied)!, /^Cannot use "\/d\/token": permission denied\. .*chown/)
  for (const other of [
    new TypeError('x'),
    undefined,
    Object.assign(new Error(), { code: 'ERR_X', path: '/' }),
  ])
    assert.equal(fileFault(other), null)
})
