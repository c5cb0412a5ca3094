// The rules suffice, and each of them is needed. Reads docs/delivery.md to see that it states them all.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { narrate, seek, simulate, sweep } from './exactly-once.ts'
import { firstDraft, preventedBy, ruleNames, without } from './rules.ts'

const seeds = 4000

test('with all rules, every line is counted once or explained', t => {
  const { violations, tally } = sweep(seeds)
  const [first, ...more] = violations
  assert.equal(first, undefined, `seed ${first?.seed} and ${more.length} more: ${first?.found[0]}`)
  t.diagnostic(`${seeds} seeds: ${[...tally].map(([what, many]) => `${many} ${what}`).join(', ')}`)

  // Excuses must stay what they are: every kind occurs, and no kind has become the rule.
  const reasons = ['truncated-before-read', 'deleted-before-read', 'retention-gap', 'checkpoint-lost']
  const doubts = ['rewritten', 'resumed', 'forked'].map(doubt => `possibly-twice: ${doubt}`)
  for (const what of [...reasons, ...doubts]) assert(tally.get(what), `${what} never occurred`)
  assert(tally.get('counted once')! > 3 * tally.get('lost, ledgered')!)
  assert(tally.get('counted once')! > 3 * tally.get('counted more than once, ledgered')!)
})

for (const rule of ruleNames) {
  test(`without ${rule}: ${preventedBy[rule]}`, t => {
    const { tried, violations } = seek(rule, seeds)
    const [first] = violations
    assert(first, `${rule} was not missed in ${tried} seeds`)
    t.diagnostic(`seeds to find: ${tried}; seed ${first.seed}: ${first.found[0]}`)
  })
}

test('the rules we began with lose a line, and nothing says so', t => {
  const rules = without(...firstDraft)
  const isSilent = (sentence: string): boolean => sentence.includes('is not counted, and no entry')
  let seed = 1
  while (seed <= seeds && !simulate(seed, rules).violations.some(isSilent)) seed += 1
  assert(seed <= seeds)
  t.diagnostic(`seed ${seed}`)
})

test('docs/delivery.md states every rule', () => {
  const page = readFileSync(new URL('../../docs/delivery.md', import.meta.url), 'utf8')
  for (const rule of ruleNames) assert(page.includes(`\`${rule}\``), rule)
})

test('one seed tells one story', () => {
  for (const seed of [1, 17, 2024]) {
    const story = narrate(seed)
    assert.equal(story.traceHash, narrate(seed).traceHash)
    assert.notEqual(story.traceHash, narrate(seed + 1).traceHash)
    assert(story.trace.length > 100, 'a story of this length has something in it')
  }
})
