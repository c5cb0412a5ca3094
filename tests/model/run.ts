/** `npm run sim -- 8241` tells the story of one seed; `-- 8241 dropSeen` tells it with a rule switched off. */
import { narrate, sweep } from './exactly-once.ts'
import { preventedBy, type Rule, ruleNames, without } from './rules.ts'

const [seed, ...off] = process.argv.slice(2)
const unknown = off.filter(name => !ruleNames.includes(name as Rule))

if (unknown.length > 0 || (seed !== undefined && !/^\d+$/.test(seed))) {
  console.error(`Usage: npm run sim [-- <seed> [rule …]]\nRules: ${ruleNames.join(', ')}`)
  process.exitCode = 64
} else if (seed === undefined) {
  runSweep()
} else {
  const story = narrate(Number(seed), without(...(off as Rule[])))
  console.log(story.trace.join('\n'))
  console.log(story.found.length === 0 ? 'Every line is counted once or explained.' : story.found.join('\n'))
  if (story.found.length > 0) process.exitCode = 1
}

function runSweep(): void {
  const seeds = 10_000
  const found = sweep(seeds)
  console.log(`all rules: ${seeds} seeds, ${found.length} violations`)
  for (const { seed: at, found: what } of found.slice(0, 5)) console.log(`  seed ${at}: ${what[0]}`)
  for (const rule of ruleNames) {
    const [first] = sweep(seeds, without(rule), { stopAtFirst: true })
    console.log(`without ${rule}: ${first ? `seed ${first.seed}` : 'nothing found'} (${preventedBy[rule]})`)
  }
  if (found.length > 0) process.exitCode = 1
}
