// What `npm run test:long` goes through, as a table: each row makes cases from numbers, for ever, and says which of
// them failed. The suites of `npm test` run the first few. In this process or, where a row is a test file or a
// program, in a child, which is told where to begin by TAILRACE_FIRST_SEED or by an argument.
import { spawn } from 'node:child_process'
import { rotateMany, rotationsFault, rotationWays } from '../../agent/many-rotations.ts'
import { outrun } from '../../agent/outrun.ts'
import { swapSymlinks } from '../../agent/symlink-swap.ts'
import { simulate as simulateLine } from '../model/exactly-once.ts'
import { mutants } from '../mutants/mutants.ts'
import { hunt } from '../mutants/plant.ts'
import { simulate as simulateDisk } from '../sim/disk-simulation.ts'
import { simulate as simulateCluster } from '../sim/simulation.ts'

export interface Generator {
  readonly name: string
  readonly what: string
  /** Cases between two looks at the clock. */
  readonly atOnce: number
  /** Case by case, `from` up to but without `to`; a sentence for each that failed. */
  run(from: number, to: number): Promise<readonly string[]>
}

export const generators: readonly Generator[] = [
  {
    name: 'model',
    what: 'model of the delivery contract, seeds',
    atOnce: 100,
    run: (from, to) => eachOf(from, to, async seed => simulateLine(seed).violations[0]),
  },
  {
    name: 'simulation',
    what: 'replica, controller and group cores under the simulator, seeds',
    atOnce: 10,
    run: (from, to) => eachOf(from, to, async seed => (await simulateCluster(seed)).violations[0]),
  },
  {
    name: 'disk',
    what: 'real logs on a simulated disk, seeds',
    atOnce: 50,
    run: (from, to) => eachOf(from, to, async seed => (await simulateDisk(seed)).violations[0]),
  },
  {
    name: 'mutants',
    what: 'planted bugs found within their budgets, each round from another seed, hunts',
    atOnce: 1,
    run: (from, to) => eachOf(from, to, huntOne),
  },
  testFile('hostile', 'hostile bytes at the decoders, runs', 'broker/protocol/hostile.test.ts', 100),
  testFile(
    'checker',
    'mutations that the chaos checker must see, runs',
    'tests/chaos/checker/mutation.test.ts',
    40,
  ),
  testFile(
    'agent',
    'random actions on real files at the tailer, 60 lists each way, runs',
    'agent/tail-random.test.ts',
    60,
  ),
  {
    name: 'rotations',
    what: 'one file rotated 100,000 times under one agent, three ways in turn, state bounded, runs',
    atOnce: 1,
    run: (from, to) => eachOf(from, to, rotateOne),
  },
  testFile(
    'exactness',
    'crash schedules of the count: kills between statements, takeovers, power cuts; 5 schedules each, runs',
    'analytics/ingest/crash-schedules.test.ts',
    5,
  ),
  {
    name: 'outrun',
    what: '50 MB/s rotated every second while nothing can be sent for 10 s, runs',
    atOnce: 1,
    run: (from, to) => eachOf(from, to, outrunOnce),
  },
  {
    name: 'symlinks',
    what: 'a link swapped 100,000 times while it is opened, runs',
    atOnce: 1,
    run: (from, to) => eachOf(from, to, swapOne),
  },
  testFile('crash', 'power cuts at every write of the log, runs', 'broker/log/crash-sweep.test.ts', 30_011),
  {
    name: 'fuzz',
    what: 'a real broker under 20,000 frames by the grammar, most of them damaged, seeds',
    atOnce: 1,
    run: (from, to) => eachOf(from, to, fuzzOne),
  },
  {
    name: 'chaos',
    what: 'three real brokers under faults for a minute, runs',
    atOnce: 1,
    run: (from, to) =>
      eachOf(from, to, async seed => {
        const store = seed % 2 === 0 ? 'zookeeper' : 'sqlite'
        const run = ['tests/chaos/run.ts', '--minutes', '1', '--store', store, '--seed', String(seed)]
        const { code, lastLines } = await child(['--disable-warning=TimeoutNegativeWarning', ...run], seed)
        // A minute is too short to meet every fault: only a history that is wrong is a failure.
        return code === 1 ? `${store}: ${lastLines}` : undefined
      }),
  },
]

/** A test file whose cases begin with the first seed; each run takes so many of them. */
function testFile(name: string, what: string, file: string, seedsEach: number): Generator {
  const one = async (run: number) => {
    const { code, lastLines } = await child(['--test', '--test-reporter=tap', file], run * seedsEach)
    return code === 0 ? undefined : lastLines
  }
  return { name, what, atOnce: 1, run: (from, to) => eachOf(from, to, one) }
}

async function outrunOnce(): Promise<string | undefined> {
  const shape = { seconds: 15, bytesPerSecond: 50_000_000, rotateMs: 1_000, keep: 3, blockedMs: 10_000 }
  const outcome = await outrun(shape)
  const isWhole = outcome.missing === 0 && outcome.doubled === 0 && outcome.losses.length === 0
  return isWhole ? undefined : JSON.stringify(outcome)
}

async function rotateOne(run: number): Promise<string | undefined> {
  const how = rotationWays[run % rotationWays.length]!
  return rotationsFault(how, await rotateMany(how, 100_000))
}

async function swapOne(run: number): Promise<string | undefined> {
  const { leaked, swaps } = await swapSymlinks(100_000, run % 2 === 0)
  return leaked === 0 ? undefined : `the secret was read ${leaked} times in ${swaps} swaps`
}

async function fuzzOne(seed: number): Promise<string | undefined> {
  const { code, lastLines } = await child(['tests/fuzz/run.ts', String(seed)], 0)
  return code === 0 ? undefined : lastLines
}

async function huntOne(turn: number): Promise<string | undefined> {
  const mutant = mutants[turn % mutants.length]!
  const round = Math.floor(turn / mutants.length)
  const { found, tried } = await hunt(mutant, 1 + round * mutant.budget, mutant.budget)
  return found.length === 0
    ? `${mutant.id} not found in ${tried} seeds from ${1 + round * mutant.budget}`
    : undefined
}

async function eachOf(
  from: number,
  to: number,
  one: (seed: number) => Promise<string | undefined>,
): Promise<readonly string[]> {
  const failures: string[] = []
  for (let seed = from; seed < to; seed++) {
    const failure = await one(seed)
    if (failure !== undefined) failures.push(`${seed}: ${failure}`)
  }
  return failures
}

const keptCharacters = 2_000

function child(
  argv: readonly string[],
  firstSeed: number,
): Promise<{ readonly code: number | null; readonly lastLines: string }> {
  const env = { ...process.env, TAILRACE_FIRST_SEED: String(firstSeed) }
  const started = spawn(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let told = ''
  started.stdout.setEncoding('utf8').on('data', text => (told = (told + text).slice(-keptCharacters)))
  return new Promise((resolve, reject) => {
    started.on('error', reject)
    started.on('close', code => resolve({ code, lastLines: told }))
  })
}
