// A short form of `npm run bench -- busy`: programs that only compute hold every core for longer than two leases, and
// nobody is declared dead for it.
import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'
import { keepBusy } from '../bench/busy.ts'

const seconds = 5

test('brokers on cores that others hold keep their leaderships', async () => {
  const { elections, latenciesMs } = await keepBusy(seconds, 2 * availableParallelism())
  assert.equal(elections, 0)
  assert(latenciesMs.length > 0)
})
