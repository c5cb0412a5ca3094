// The real logs survive what 150 seeds do to their disk, every kind of fault occurs, and one seed is one story.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulate } from './disk-simulation.ts'

const seeds = 150
const faults = ['power cuts', 'kills', 'failed syncs', 'failed logs', 'damages', 'clean stops']

test(`${seeds} disks give back what was acknowledged, or say what is damaged`, async t => {
  const tally = new Map<string, number>()
  for (let seed = 1; seed <= seeds; seed++) {
    const outcome = await simulate(seed)
    assert.deepEqual(outcome.violations, [], `seed ${seed}`)
    for (const [what, many] of outcome.tally) tally.set(what, (tally.get(what) ?? 0) + many)
  }
  t.diagnostic([...tally].map(([what, many]) => `${many} ${what}`).join(', '))
  for (const fault of faults) assert(tally.get(fault)! > seeds / 4, `${fault} hardly occurred`)
})

test('one seed tells one story', async () => {
  for (const seed of [7, 1_717]) assert.deepEqual(await simulate(seed), await simulate(seed))
})
