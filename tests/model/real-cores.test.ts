// The contract on the real cores: see real-cores.ts for which they are. A fixed number of seeds; thousands by
// TAILRACE_LISTS.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { playOnRealCores } from './real-cores.ts'

const first = Number(process.env['TAILRACE_FIRST_SEED'] ?? 1)
const lists = Number(process.env['TAILRACE_LISTS'] ?? 30)

test('the real agent and the real count, killed again and again: what the model says, line by line', async t => {
  let lines = 0
  let kills = 0
  for (let seed = first; seed < first + lists; seed++) {
    const outcome = await playOnRealCores(seed)
    lines += outcome.lines
    kills += outcome.kills
  }
  assert(lines > lists * 20, `${lines} lines`)
  assert(kills > lists / 4, `the counts were killed only ${kills} times`)
  t.diagnostic(`${lists} seeds: ${lines} lines, the counts killed ${kills} times`)
})

test('without src and pos what is sent again is counted again, and is seen', async () => {
  let found = 0
  for (let seed = 1; seed <= 4; seed++) await playOnRealCores(seed, true).catch(() => found++)
  assert(found > 0)
})
