// `npm test`: everything, in stages, with counts and seconds; `npm run check` is its quick part. Ends with one
// line "N passed, N failed, N skipped". Starts processes of this project and of its tools, nothing else.
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { relative } from 'node:path'
import { run } from 'node:test'
import { findBrowser } from './find-browser.ts'

interface Stage {
  readonly name: string
  /** A tool that passes or fails as a whole, or globs of test files. */
  readonly command?: readonly string[]
  readonly globs?: readonly string[]
  readonly concurrency?: number
  /** Part of `npm run check`. */
  readonly quick: boolean
}

const unitRooms = ['runtime', 'broker', 'agent', 'analytics', 'dashboard', 'cli', 'fixtures', 'scripts']
const stages: readonly Stage[] = [
  {
    name: 'format and lint',
    command: ['biome', 'ci', '--colors=off', '--error-on-warnings', '.'],
    quick: true,
  },
  { name: 'types', command: ['tsc', '-p', 'tsconfig.json'], quick: true },
  { name: 'tidy', command: ['node', 'scripts/tidy.ts'], quick: true },
  {
    name: 'unit',
    globs: [...unitRooms.map(room => `${room}/**/*.test.ts`), 'tests/bench/*.test.ts'],
    concurrency: 2,
    quick: true,
  },
  { name: 'model', globs: ['tests/model/*.test.ts'], concurrency: 2, quick: false },
  {
    name: 'simulation',
    globs: ['tests/sim/*.test.ts', 'tests/mutants/*.test.ts'],
    concurrency: 2,
    quick: false,
  },
  { name: 'golden frames', globs: ['tests/golden/*.test.ts'], concurrency: 2, quick: true },
  { name: 'real clients', globs: ['tests/clients/*.test.ts'], concurrency: 2, quick: false },
  { name: 'fuzz', globs: ['tests/fuzz/*.test.ts'], concurrency: 1, quick: false },
  { name: 'whole system', globs: ['tests/system/*.test.ts'], concurrency: 2, quick: false },
  { name: 'chaos', globs: ['tests/chaos/**/*.test.ts'], concurrency: 1, quick: false },
  { name: 'browser', globs: ['tests/browser/*.test.ts'], concurrency: 2, quick: false },
]

interface Tally {
  passed: number
  failed: number
  skipped: number
}

/** For one test; a hung one must not take the run with it. */
const testTimeoutMs = 240_000

const quick = process.argv.includes('--quick')
/** Also prints what each file of tests took. */
const withTimes = process.argv.includes('--times')
const only = process.argv.find(argument => argument.startsWith('--only='))?.slice('--only='.length)
const total: Tally = { passed: 0, failed: 0, skipped: 0 }
const startedAt = performance.now()
for (const stage of stages) {
  if ((quick && !stage.quick) || (only !== undefined && stage.name !== only)) continue
  await runStage(stage)
}
const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0)
console.log(`\n${quick ? 'check' : 'test'}: ${seconds} s`)
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exit(total.failed === 0 ? 0 : 1)

async function runStage(stage: Stage): Promise<void> {
  const began = performance.now()
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 }
  if (stage.command) runCommand(stage.command, tally)
  else await runTests(stage, tally)
  total.passed += tally.passed
  total.failed += tally.failed
  total.skipped += tally.skipped
  const took = ((performance.now() - began) / 1_000).toFixed(1)
  const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : ''
  console.log(
    `${tally.failed === 0 ? 'ok  ' : 'FAIL'} ${stage.name.padEnd(16)} ${tally.passed} passed${skipped}  ${took} s`,
  )
}

function runCommand(command: readonly string[], tally: Tally): void {
  const [program, ...args] = command
  const result = spawnSync(program!, args, { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } })
  if (result.status === 0) {
    tally.passed++
    return
  }
  tally.failed++
  const reason = result.error
    ? `${program} did not start: ${result.error.message}`
    : `${result.stdout}${result.stderr}`
  console.log(reason.trimEnd().split('\n').slice(-80).join('\n'))
}

async function runTests(stage: Stage, tally: Tally): Promise<void> {
  const files = globSync([...stage.globs!], { exclude: ['**/node_modules/**', '**/dist/**'] }).sort()
  if (files.length === 0) return
  if (stage.name === 'browser') {
    const browser = await findBrowser()
    if (browser.path === undefined) {
      tally.failed++
      console.log(`No browser: ${browser.detail}`)
      return
    }
    process.env['TAILRACE_CHROMIUM'] = browser.path
  }
  const took = new Map<string, number>()
  // What a failed test leaves running must not hold up the others.
  const stream = run({ files, concurrency: stage.concurrency ?? 1, timeout: testTimeoutMs, forceExit: true })
  for await (const event of stream) {
    if ((event.type === 'test:pass' || event.type === 'test:fail') && event.data.nesting === 0) {
      const file = relative('.', event.data.file ?? '')
      took.set(file, (took.get(file) ?? 0) + event.data.details.duration_ms)
    }
    if (event.type === 'test:pass') {
      // A file that only wraps its tests is not a test of its own.
      if (event.data.skip !== undefined) {
        tally.skipped++
        console.log(`skip ${event.data.name}: ${String(event.data.skip)}`)
      } else if (event.data.details.type !== 'suite') tally.passed++
    } else if (event.type === 'test:fail') {
      tally.failed++
      const { error } = event.data.details
      const cause =
        error.cause instanceof Error
          ? (error.cause.stack ?? error.cause.message)
          : String(error.cause ?? error)
      console.log(`FAIL ${relative('.', event.data.file ?? '')}: ${event.data.name}\n${cause}`)
    } else if (event.type === 'test:diagnostic' && event.data.message.startsWith('figure ')) {
      console.log(`     ${event.data.message.slice('figure '.length)}`)
    }
  }
  if (!withTimes) return
  for (const [file, ms] of [...took].sort((a, b) => b[1] - a[1])) {
    if (ms >= 1_000) console.log(`${(ms / 1_000).toFixed(1).padStart(9)} s  ${file}`)
  }
}
