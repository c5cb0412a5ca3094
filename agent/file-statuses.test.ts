// What an agent tells of its files: rates, how long behind, errors first, and never more than a record may hold.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FileDescription } from './description.ts'
import { FileStatuses } from './file-statuses.ts'

const file = (path: string, size: number, acknowledged: number): FileDescription => {
  return { path, topic: 'logs', format: 'combined', size, read: acknowledged, acknowledged, gone: false }
}
const noErrors = new Map<string, string>()

test('rate, bytes and time behind, and the time of the last line come from two tellings', () => {
  const statuses = new FileStatuses()
  statuses.tell([file('/a', 100, 100), file('/b', 100, 100)], noErrors, 1_000)
  const [b, a] = statuses.tell([file('/a', 600, 600), file('/b', 900, 200)], noErrors, 6_000)
  assert.deepEqual([a?.bytesPerSecond, a?.bytesBehind, a?.behindMs, a?.lastLineAt], [100, 0, 0, 6_000])
  assert.deepEqual([b?.bytesPerSecond, b?.bytesBehind, b?.behindMs, b?.lastLineAt], [20, 700, 4_375, 6_000])
  const [stuck] = statuses.tell([file('/b', 900, 200)], noErrors, 11_000)
  assert.deepEqual([stuck?.bytesPerSecond, stuck?.behindMs, stuck?.lastLineAt], [0, 10_000, 6_000])
})

test('a busy file that is never read to its end is behind by as much as it lacks, not since its beginning', () => {
  const statuses = new FileStatuses()
  statuses.tell([file('/busy', 1_000, 900)], noErrors, 0)
  for (let telling = 1; telling <= 100; telling++) {
    const end = 1_000 + telling * 5_000
    const [busy] = statuses.tell([file('/busy', end, end - 200)], noErrors, telling * 5_000)
    assert.equal(busy?.bytesBehind, 200)
    assert(busy.behindMs <= 250, `${busy.behindMs} ms at the ${telling}th telling`)
  }
  // The sink is gone for a quarter of an hour, and what it missed is sent in three tellings.
  for (let telling = 101; telling <= 280; telling++) {
    const [stuck] = statuses.tell(
      [file('/busy', 1_000 + telling * 5_000, 500_800)],
      noErrors,
      telling * 5_000,
    )
    // A thousand bytes a second are written: so old is the first that is missing.
    assert.equal(stuck?.behindMs, 1_000 + telling * 5_000 - 500_800)
  }
  const [half] = statuses.tell([file('/busy', 1_401_000, 950_000)], noErrors, 281 * 5_000)
  // The end was there at the 189th or 190th telling, 455 s ago; of tellings so long ago only some are remembered.
  assert(half!.behindMs >= 450_000 && half!.behindMs <= 470_000, `${half!.behindMs}`)
})

test('a truncated file has no negative rate', () => {
  const statuses = new FileStatuses()
  statuses.tell([file('/a', 500, 500)], noErrors, 0)
  assert.equal(statuses.tell([file('/a', 10, 10)], noErrors, 5_000)[0]?.bytesPerSecond, 0)
})

test('files with errors come first, those that were never opened too', () => {
  const errors = new Map([
    ['/secret', 'EACCES'],
    ['/a', 'EIO'],
  ])
  const told = new FileStatuses().tell([file('/b', 9_000, 0), file('/a', 1, 1)], errors, 0)
  assert.deepEqual(
    told.map(({ path, error }) => [path, error]),
    [
      ['/a', 'EIO'],
      ['/secret', 'EACCES'],
      ['/b', null],
    ],
  )
})

test('of very many files the 200 that matter are told, and a record stays readable', () => {
  const many = Array.from({ length: 5_000 }, (_, index) => file(`/${index}`, index, 0))
  const told = new FileStatuses().tell(many, noErrors, 0)
  assert.equal(told.length, 200)
  assert.equal(told[0]?.path, '/4999')
  const long = Array.from({ length: 500 }, (_, index) => file(`/${'x'.repeat(4_000)}${index}`, index, 0))
  assert.ok(JSON.stringify(new FileStatuses().tell(long, noErrors, 0)).length < 95_000)
})
