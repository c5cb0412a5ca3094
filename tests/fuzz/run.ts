// `node tests/fuzz/run.ts SEED [FRAMES]`: the fuzzer with one seed, what came of it on one line; exits 1 if anything
// failed. The same seed sends the same frames.
import { fuzz } from './fuzz.ts'

const [seed = Number.NaN, frames = 20_000] = process.argv.slice(2).map(Number)
if (!Number.isSafeInteger(seed) || !(frames > 0)) {
  console.error('Usage: node tests/fuzz/run.ts SEED [FRAMES]')
  process.exit(64)
}
const result = await fuzz(seed, frames)
console.log(JSON.stringify({ seed, ...result }))
process.exit(result.failures.length === 0 ? 0 : 1)
