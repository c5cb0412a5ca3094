// `npm run test:long -- --hours 8 [--only simulation]`: the generators of the test suites, on and on, a minute each in
// turn. Where each of them has got to is kept in a state file, so that the next run begins there; what was tried is
// appended to docs/evidence.ndjson, one line a turn. Exits 1 if anything failed.
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Generator, generators } from './generators.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const turnMs = 60_000

const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '1' },
    only: { type: 'string', multiple: true, default: [] },
    state: { type: 'string', default: 'tests/artefacts/long-state.json' },
    evidence: { type: 'string', default: 'docs/evidence.ndjson' },
  },
})
const hours = Number(values.hours)
const isKnown = values.only.every(name => generators.some(generator => generator.name === name))
if (!(hours > 0) || !isKnown) {
  console.error('Usage: npm run test:long -- [--hours N] [--only NAME …] [--state FILE] [--evidence FILE]')
  for (const { name, what } of generators) console.error(`  ${name.padEnd(12)} ${what}`)
  process.exit(64)
}
process.chdir(root)
const next = readState(values.state)
const asked = generators.filter(({ name }) => values.only.length === 0 || values.only.includes(name))
const endMs = performance.now() + hours * 3_600_000
let failures = 0
while (performance.now() < endMs) {
  for (const generator of asked) {
    if (performance.now() >= endMs) break
    failures += await takeTurn(generator)
  }
}
process.exit(failures === 0 ? 0 : 1)

/** One line of evidence, whatever came of it. */
async function takeTurn(generator: Generator): Promise<number> {
  const { name, what, atOnce } = generator
  const from = next[name] ?? 1
  const began = performance.now()
  const untilMs = Math.min(began + turnMs, endMs)
  const failed: string[] = []
  let to = from
  do {
    failed.push(...(await generator.run(to, to + atOnce)))
    to += atOnce
  } while (performance.now() < untilMs)
  next[name] = to
  writeState(values.state, next)
  const seconds = Math.round((performance.now() - began) / 1_000)
  const line = { commit: commit(), date: new Date().toISOString(), name, what, from, to: to - 1, seconds }
  const evidence = JSON.stringify({ ...line, failures: failed.length, ...(failed.length > 0 && { failed }) })
  appendFileSync(values.evidence, `${evidence}\n`)
  console.log(evidence)
  return failed.length
}

/** With a plus when the sources are not quite those of the commit. */
function commit(): string {
  const git = (...argv: string[]) => execFileSync('git', argv, { encoding: 'utf8' }).trim()
  const isClean = git('status', '--porcelain', '--untracked-files=no', '--', '.', ':!docs') === ''
  return `${git('rev-parse', '--short=10', 'HEAD')}${isClean ? '' : '+'}`
}

function readState(path: string): Record<string, number> {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw error
  }
}

function writeState(path: string, state: Readonly<Record<string, number>>): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.new`, `${JSON.stringify(state, null, 2)}\n`)
  renameSync(`${path}.new`, path)
}
