// `npm run sim:model -- 8241` tells the story of one seed; `-- 8241 dropSeen` tells it with a rule switched off;
// without a seed it sweeps. Writes to stdout.
import { narrate, seek, sweep } from './exactly-once.ts'
import { preventedBy, type Rule, ruleNames, without } from './rules.ts'

const [seed, ...off] = process.argv.slice(2)
const isRule = (name: string): name is Rule => ruleNames.some(rule => rule === name)

if (!off.every(isRule) || (seed !== undefined && !/^\d+$/.test(seed))) {
  console.error(`Usage: npm run sim:model [-- <seed> [rule …]]\nRules: ${ruleNames.join(', ')}`)
  process.exitCode = 64
} else if (seed === undefined) {
  runSweep()
} else {
  const story = narrate(Number(seed), without(...off))
  console.log(story.trace.join('\n'))
  const { violations } = story
  console.log(violations.length === 0 ? 'Every line is counted once or explained.' : violations.join('\n'))
  if (violations.length > 0) process.exitCode = 1
}

function runSweep(): void {
  const { tried, violations, tally } = sweep(10_000)
  console.log(`all rules: ${tried} seeds, ${violations.length} violations`)
  for (const { seed: at, found } of violations.slice(0, 5)) console.log(`  seed ${at}: ${found[0]}`)
  for (const [what, many] of [...tally].sort()) console.log(`  ${String(many).padStart(8)} ${what}`)
  for (const rule of ruleNames) {
    const sought = seek(rule, 10_000)
    const [first] = sought.violations
    const where = first ? `seed ${first.seed}, the ${sought.tried}. tried` : 'nothing found'
    console.log(`without ${rule}: ${where} (${preventedBy[rule]})`)
  }
  if (violations.length > 0) process.exitCode = 1
}
