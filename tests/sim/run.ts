// `node tests/sim/run.ts 8241` tells the story of one seed; `sweep <seeds> [first seed]` looks at many.
// Writes to stdout.
import { type Outcome, simulate } from './simulation.ts'

const [first = 'sweep', second, third] = process.argv.slice(2)

if (first === 'sweep') await sweep(Number(second ?? 1_000), Number(third ?? 1))
else if (/^\d+$/.test(first)) await tell(Number(first))
else {
  console.error('Usage: node tests/sim/run.ts <seed> | sweep [seeds [first seed]]')
  process.exitCode = 64
}

async function tell(seed: number): Promise<void> {
  const { trace, violations, events, virtualMs, traceHash } = await simulate(seed, true)
  console.log(trace.join('\n'))
  console.log(`${events} events, ${virtualMs} ms, trace ${traceHash.toString(16)}`)
  console.log(violations.length === 0 ? 'Nothing was lost, nothing was seen twice.' : violations.join('\n'))
  if (violations.length > 0) process.exitCode = 1
}

async function sweep(seeds: number, from: number): Promise<void> {
  const tally = new Map<string, number>()
  const failed: Outcome[] = []
  const began = process.hrtime.bigint()
  let events = 0
  for (let seed = from; seed < from + seeds; seed++) {
    const outcome = await simulate(seed)
    events += outcome.events
    for (const [what, many] of outcome.tally) tally.set(what, (tally.get(what) ?? 0) + many)
    if (outcome.violations.length === 0) continue
    failed.push(outcome)
    console.log(`seed ${seed}: ${outcome.violations[0]}`)
  }
  const seconds = Number(process.hrtime.bigint() - began) / 1e9
  console.log(`${seeds} seeds, ${failed.length} with violations, ${events} events, ${seconds.toFixed(1)} s`)
  for (const [what, many] of [...tally].sort()) console.log(`${String(many).padStart(9)} ${what}`)
  if (failed.length > 0) process.exitCode = 1
}
