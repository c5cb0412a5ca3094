// The fuzzer's floor in every test run, and that it is what it says: the same seed is the same frames, every API and
// version is among them, and a log that is not sound is seen.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { everyVersion } from '../../broker/protocol/apis.ts'
import { Random } from '../chaos/random.ts'
import { soundBatch } from './batches.ts'
import { conversation } from './conversations.ts'
import { faultsOfLogs, fuzz } from './fuzz.ts'
import { nothingKnown } from './grammar.ts'

const framesFloor = 20_000
const known = { ...nothingKnown(), topicIds: ['AAAAAAAAAAAAAAAAAAAAAQ'] }

function digest(seed: number): string {
  const hash = createHash('sha256')
  for (let talk = 0; talk < 300; talk++) {
    for (const step of conversation(seed + talk, talk).steps) hash.update(step.build(known))
  }
  return hash.digest('hex')
}

test('the same seed makes the same frames, another one others', () => {
  assert.equal(digest(1), digest(1))
  assert.notEqual(digest(1), digest(1_000))
})

test('every version of every API is asked for', () => {
  const asked = new Set<string>()
  for (let seed = 1; seed < 4_000; seed++) {
    for (const { api, version } of conversation(seed, 1).steps) asked.add(`${api.name} ${version}`)
  }
  const missing = [...everyVersion()].filter(({ api, version }) => !asked.has(`${api.name} ${version}`))
  assert.deepEqual(missing, [])
})

test(`${framesFloor} frames: the broker lives, serves a neighbour, keeps memory and records`, async context => {
  const { failures, ...result } = await fuzz(20_261_124, framesFloor)
  assert.deepEqual(failures, [])
  assert.ok(result.frames >= framesFloor)
  assert.ok(result.answers > framesFloor / 4, `${result.answers} answers: nothing gets past the header`)
  assert.ok(result.refusals > framesFloor / 10, `${result.refusals} refusals: nothing is damaged`)
  const { frames, seconds, slowestMs, grownBytes } = result
  const took = `${frames} frames in ${seconds.toFixed(1)} s, slowest answer ${slowestMs.toFixed(0)} ms`
  context.diagnostic(`figure fuzz: ${took}, memory +${(grownBytes / 2 ** 20).toFixed(0)} MiB`)
})

test('a log with a cut batch or a changed byte is reported', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-fuzz-'))
  await mkdir(join(directory.path, 'logs-0'))
  const path = join(directory.path, 'logs-0', '00000000000000000000.log')
  const batch = soundBatch(new Random(1))
  await writeFile(path, batch)
  assert.deepEqual(faultsOfLogs(directory.path), [])
  await writeFile(path, batch.subarray(0, -1))
  assert.match(faultsOfLogs(directory.path)[0]!, /at 0: cut off/)
  batch[batch.length - 1]! ^= 1
  await writeFile(path, batch)
  assert.match(faultsOfLogs(directory.path)[0]!, /at 0: corruptMessage/)
})
