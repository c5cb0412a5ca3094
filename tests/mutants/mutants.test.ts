// The simulator's exam: eight planted bugs are found, the sources without them are not accused, and every replacement
// of the catalogue still fits. `node tests/mutants/run.ts` looks for all of them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mutants } from './mutants.ts'
import { checkFit, hunt } from './plant.ts'

const quick = mutants.filter(({ isQuick }) => isQuick)

for (const mutant of quick) {
  test(`found: ${mutant.id}, ${mutant.bug}`, async t => {
    const { tried, found } = await hunt(mutant, 1, mutant.budget)
    const [first] = found
    assert(first, `${mutant.id} was not found in ${tried} seeds`)
    t.diagnostic(`seed ${first.seed}: ${first.violations[0]}`)
  })
}

test('a copy without a bug is not accused', async () => {
  const { tried, found } = await hunt({ id: 'none', bug: 'none', patches: [], budget: 10 }, 1, 10)
  assert.deepEqual(found, [])
  assert.equal(tried, 10)
})

test('every replacement of the catalogue fits its source, once; one that does not is an error', async () => {
  assert.equal(quick.length, 8)
  for (const mutant of mutants) await checkFit(mutant)
  const patches = [{ file: 'broker/replication/replica.ts', from: 'no such text', to: '' }]
  await assert.rejects(checkFit({ id: 'odd', bug: 'odd', patches, budget: 0 }), /odd no longer fits/)
})
