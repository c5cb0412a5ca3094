// From the previous version to this one and back, on the same data and while lines are written: each line is counted
// once. With one broker and three, after a clean stop and after kill -9 of everything; agents of either version with
// the server of the other. The way back is typed as docs/install.md writes it.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, mkdtempDisposable, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { eventually } from '../eventually.ts'
import { freePorts } from '../system/appliance.ts'
import { allCounted } from './all-counted.ts'
import { NumberedLines } from './numbered-lines.ts'
import {
  countedIn,
  type Place,
  previousVersion,
  startAgent,
  startUp,
  thisVersion,
  type Version,
} from './version.ts'

/** How long lines flow between one step and the next. */
const flowMs = 3_000

let shelf: string
let previous: Version

before(async () => {
  shelf = await mkdtemp(join(tmpdir(), 'tailrace-previous-'))
  previous = previousVersion(shelf)
})

after(() => rm(shelf, { recursive: true, force: true }))

/** The block of docs/install.md that goes back. */
function wayBack(): string {
  const page = readFileSync(join(thisVersion.root, 'docs/install.md'), 'utf8')
  return /^```sh downgrade\n(.*?)^```$/ms.exec(page)![1]!
}

for (const brokers of [1, 3]) {
  for (const how of ['stop', 'kill'] as const) {
    test(`upgrade and downgrade of ${brokers} brokers, the old one by ${how}`, {
      timeout: 400_000,
    }, async t => {
      await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-upgrade-'))
      const [kafkaPort, httpPort] = [await freePorts(brokers), await freePorts(1)]
      const place: Place = { directory: directory.path, brokers, kafkaPort, httpPort }
      const at = (name: string) => join(directory.path, name)
      const began = performance.now()
      const say = (text: string) =>
        t.diagnostic(`${((performance.now() - began) / 1_000).toFixed(0)} s: ${text}`)
      await using started = new AsyncDisposableStack()
      const write = (name: string) => {
        const lines = new NumberedLines(at(`${name}.log`), name)
        started.defer(() => lines.stop())
        return lines
      }

      const own = write('own')
      const old = started.use(await startUp(previous, place, at('own.log')))
      say(`${previous.name} is up`)
      const [ofNewAgent, ofOldAgent] = [write('new'), write('old')]
      const newAgent = started.use(startAgent(thisVersion, place, 'new-agent', at('new.log')))
      started.use(startAgent(previous, place, 'old-agent', at('old.log')))
      await pause(flowMs)
      ofNewAgent.stop()
      await eventually(
        'the new agent is done',
        () => countedIn(place),
        counts => [...ofNewAgent.written].every(([path, count]) => (counts.get(path) ?? 0) >= count),
      )
      await newAgent.stop()
      say(`the old server counted ${ofNewAgent.total} lines of a new agent`)

      await old[how]()
      const current = started.use(await startUp(thisVersion, place, at('own*.log')))
      say('this version is up on its data')
      assert(existsSync(at('data/analytics/windows.db')))
      await pause(flowMs)
      ofOldAgent.stop()
      own.stop()
      await allCounted('after the upgrade', place, [own, ofNewAgent, ofOldAgent])
      say(`this version counted ${own.total + ofNewAgent.total + ofOldAgent.total} lines, each once`)
      const more = write('own-after')
      await pause(flowMs)

      await current.stop()
      execFileSync('sh', ['-ec', wayBack()], { cwd: directory.path, stdio: 'pipe' })
      started.use(await startUp(previous, place, at('own*.log')))
      say(`${previous.name} is up again`)
      await pause(flowMs)
      more.stop()
      await allCounted('after the downgrade', place, [own, ofNewAgent, ofOldAgent, more])
      say('and counted on, each line once')
    })
  }
}
