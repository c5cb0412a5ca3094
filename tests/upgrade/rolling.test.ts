// Three brokers that are processes of their own, upgraded from the previous version to this one, one after the other,
// while lines are written: what the old and the new ones agree on together, and back again. Every line is counted once.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePorts } from '../system/appliance.ts'
import { allCounted } from './all-counted.ts'
import { NumberedLines } from './numbered-lines.ts'
import {
  addressesOf,
  type Place,
  previousVersion,
  type Running,
  startAgent,
  startAnalytics,
  startBroker,
  thisVersion,
  type Version,
} from './version.ts'

const brokerIds = [1, 2, 3] as const
/** How long lines flow over brokers of two versions before the next one is exchanged. */
const flowMs = 2_000

/** Resolves when every broker is there and every replica in sync, as docs/operations.md waits for it. */
async function healthy({ root }: Version, place: Place): Promise<void> {
  const args = ['cluster', 'health', '--bootstrap', addressesOf(place).join(',')]
  const until = ['--exit-when-healthy', '--timeout', '90']
  await promisify(execFile)(process.execPath, [join(root, 'cli/tailrace.js'), ...args, ...until], {
    cwd: place.directory,
    env: { ...process.env, TAILRACE_REEXECUTED: '1' },
  })
}

test('three brokers upgraded one after the other, and back', { timeout: 400_000 }, async t => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-rolling-'))
  const previous = previousVersion(directory.path)
  const [kafkaPort, httpPort] = [await freePorts(brokerIds.length), await freePorts(1)]
  const brokers = brokerIds.length
  const place: Place = { directory: directory.path, brokers, kafkaPort, httpPort }
  const began = performance.now()
  const say = (text: string) => t.diagnostic(`${((performance.now() - began) / 1_000).toFixed(0)} s: ${text}`)
  await using started = new AsyncDisposableStack()
  const running = new Map<number, Running>()
  const start = (version: Version, id: number) =>
    void running.set(id, started.use(startBroker(version, place, id)))

  for (const id of brokerIds) start(previous, id)
  await healthy(thisVersion, place)
  const file = join(directory.path, 'site.log')
  const lines = new NumberedLines(file, 'site')
  started.defer(() => lines.stop())
  let agent = started.use(startAgent(previous, place, 'agent', file))
  let analytics = started.use(startAnalytics(previous, place))
  say(`three brokers of ${previous.name}, its agent and its statistics`)

  for (const version of [thisVersion, previous]) {
    for (const id of brokerIds) {
      await pause(flowMs)
      await running.get(id)!.stop()
      start(version, id)
      await healthy(thisVersion, place)
      say(`broker ${id} is of ${version.name}`)
    }
    if (version === previous) break
    await analytics.stop()
    analytics = started.use(startAnalytics(version, place))
    await agent.stop()
    agent = started.use(startAgent(version, place, 'agent', file))
    say(`statistics and agent are of ${version.name}`)
  }
  await pause(flowMs)
  lines.stop()
  const counted = await allCounted('on brokers that were exchanged twice', place, [lines])
  assert(counted > 0)
  say(`${counted} lines, each counted once`)
})
