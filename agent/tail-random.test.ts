// Lists of random actions, played on real files and on a model (random-actions.ts): a floor of 120 lists here,
// thousands by `npm run test:long`. A list that fails is told by its seed, and by the shortest part that still fails.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { play, shrink, stepsOf } from './random-actions.ts'

const firstSeed = Number(process.env['TAILRACE_FIRST_SEED'] ?? 1)
const listsPerGlob = Number(process.env['TAILRACE_LISTS'] ?? 60)

for (const watched of ['*.log', '*.log*']) {
  test(`random actions on files named ${watched}: every line once, or in the ledger`, async () => {
    for (let seed = firstSeed; seed < firstSeed + listsPerGlob; seed++) {
      const steps = stepsOf(seed)
      const failure: unknown = await play(seed, steps, watched).catch(error => error)
      if (failure === undefined) continue
      const shortest = await shrink(seed, steps, watched)
      const names = shortest.map(step => step.name).join(' ')
      assert.fail(`seed ${seed} on ${watched}: ${names}\n${(failure as Error).message}`)
    }
  })
}
