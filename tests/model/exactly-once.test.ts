import assert from 'node:assert/strict'
import { test } from 'node:test'
import { narrate, sweep } from './exactly-once.ts'
import { preventedBy, ruleNames, without } from './rules.ts'

const seeds = 4000

test('with all rules, every line is counted once or explained', t => {
  const [first, ...more] = sweep(seeds)
  t.diagnostic(`${seeds} seeds`)
  assert.equal(first, undefined, `seed ${first?.seed} and ${more.length} more: ${first?.found[0]}`)
})

// Two of the rules guard coincidences that these seeds do not meet yet.
const unmet = ['retireAfterSockets', 'knowFinished']

for (const rule of ruleNames) {
  test(`without ${rule}: ${preventedBy[rule]}`, { todo: unmet.includes(rule) }, t => {
    const [first] = sweep(seeds, without(rule), { stopAtFirst: true })
    assert(first, `${rule} was not missed in ${seeds} seeds`)
    t.diagnostic(`seed ${first.seed}: ${first.found[0]}`)
  })
}

test('one seed tells one story', () => {
  for (const seed of [1, 17, 2024]) {
    const story = narrate(seed)
    assert.equal(story.traceHash, narrate(seed).traceHash)
    assert.notEqual(story.traceHash, narrate(seed + 1).traceHash)
    assert(story.trace.length > 100, 'a story of this length has something in it')
  }
})
