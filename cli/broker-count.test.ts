// How many brokers are started over which data, and when that is refused.
import assert from 'node:assert/strict'
import { mkdir, mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { brokersToStart } from './broker-count.ts'

test('brokersToStart() begins with three, takes what the data has, more when asked, never fewer', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'brokers-'))
  const data = directory.path
  assert.deepEqual(brokersToStart({ data: join(data, 'not-there'), brokers: undefined }), [1, 2, 3])
  assert.deepEqual(brokersToStart({ data, brokers: 1 }), [1])
  assert.deepEqual(brokersToStart({ data, brokers: 3 }), [1, 2, 3])
  await mkdir(join(data, 'broker-1'))
  assert.deepEqual(brokersToStart({ data, brokers: undefined }), [1], 'data of one broker stays with one')
  for (const id of [2, 3]) await mkdir(join(data, `broker-${id}`))
  assert.deepEqual(brokersToStart({ data, brokers: undefined }), [1, 2, 3])
  assert.deepEqual(brokersToStart({ data, brokers: 4 }), [1, 2, 3, 4])
  assert.throws(
    () => brokersToStart({ data, brokers: 1 }),
    (error: unknown) =>
      error instanceof ExitError &&
      error.exitCode === exitCodes.config &&
      error.message.includes(`tailrace up --brokers 3 --data ${data}`),
  )
})
