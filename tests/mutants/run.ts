// `node tests/mutants/run.ts [M4 M8 …]`: after how many seeds each planted bug is found, as the median of five. Writes
// to stdout and temporary directories.
import { mutants } from './mutants.ts'
import { hunt } from './plant.ts'

const wanted = 5
const asked = process.argv.slice(2)

for (const mutant of mutants.filter(({ id }) => asked.length === 0 || asked.includes(id))) {
  const { tried, found } = await hunt(mutant, 1, mutant.budget, wanted)
  const distances = found.map(({ seed }, index) => seed - (found[index - 1]?.seed ?? 0)).sort((a, b) => a - b)
  const [first] = found
  const median = distances[distances.length >> 1]
  const told = first
    ? `found ${found.length} times in ${tried} seeds, median ${median}; seed ${first.seed}: ${first.violations[0]}`
    : `not found in ${tried} seeds`
  console.log(`${mutant.id.padEnd(4)}${told}`)
  if (!first) process.exitCode = 1
}
