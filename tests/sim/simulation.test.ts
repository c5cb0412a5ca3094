// Replication and control survive what 200 seeds do to them, every kind of fault occurs, and one seed is one story.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Outcome, simulate } from './simulation.ts'
import { faults } from './swarm.ts'

const seeds = 200

test(`${seeds} clusters lose nothing, show nothing twice, and come to rest`, async t => {
  const tally = new Map<string, number>()
  const failed: Outcome[] = []
  let events = 0
  for (let seed = 1; seed <= seeds; seed++) {
    const outcome = await simulate(seed)
    events += outcome.events
    if (outcome.violations.length > 0) failed.push(outcome)
    for (const [what, many] of outcome.tally) tally.set(what, (tally.get(what) ?? 0) + many)
  }
  const [first] = failed
  assert.equal(first, undefined, `seed ${first?.seed} and ${failed.length - 1} more: ${first?.violations[0]}`)
  t.diagnostic(
    `${seeds} seeds, ${events} events: ${[...tally].map(([what, many]) => `${many} ${what}`).join(', ')}`,
  )

  // Seeds in which nothing goes wrong prove nothing.
  for (const fault of faults) assert(tally.get(fault)! > seeds / 4, `${fault} hardly occurred`)
  assert(tally.get('elections')! > 3 * seeds)
  assert(tally.get('proposed sets')! > 3 * seeds)
  assert(tally.get('acknowledged')! > 30 * seeds)
})

test('one seed tells one story', async () => {
  for (const seed of [3, 1_717, 90_001]) {
    const told = await simulate(seed, true)
    const again = await simulate(seed, true)
    assert.equal(told.traceHash, again.traceHash)
    assert.deepEqual(told.trace, again.trace)
    assert(told.trace.length > 50, 'a story of this length has something in it')
    const silent = await simulate(seed)
    assert.equal(silent.traceHash, told.traceHash, 'whether it is told or not')
    assert.notEqual((await simulate(seed + 1)).traceHash, told.traceHash)
  }
})
