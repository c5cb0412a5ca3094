// The hard cases of tailing, by number and size: thousands of files, a large backlog, deleted files that keep the disk
// full. What is bounded is asked for its bound; nothing here depends on how fast the machine is.
import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { Looks } from './looks.ts'
import { tailScene } from './tail-story.ts'

test('3,000 files, 20 of them written to: few looks, few descriptors, and every line', async () => {
  await using s = await tailScene('*.log', { rescanMs: 1_000 })
  for (let file = 0; file < 3_000; file++) writeFileSync(s.at(`${file}.log`), '')
  s.agent.settle()
  let looks = 0
  let descriptors = 0
  const { tailer } = s.agent
  const look = tailer.look.bind(tailer)
  tailer.look = (...args) => {
    looks++
    look(...args)
  }
  for (let hot = 0; hot < 20; hot++) tailer.hint(s.at(`${hot}.log`), s.story.now)
  for (let sweep = 0; sweep < 32; sweep++) {
    for (let hot = 0; hot < 20; hot++) appendFileSync(s.at(`${hot}.log`), `${hot}-${sweep}\n`)
    // A hint for each: what is hot is known by then, and looked at every time.
    if (sweep === 0) for (let hot = 0; hot < 20; hot++) tailer.hint(s.at(`${hot}.log`), s.story.now)
    s.agent.sweep()
    descriptors = Math.max(descriptors, tailer.openFileCount)
  }
  assert(looks < 32 * 150, `${looks} looks`)
  for (let cold = 2_000; cold < 2_500; cold++) appendFileSync(s.at(`${cold}.log`), `cold ${cold}\n`)
  for (let sweep = 0; sweep < 32; sweep++) s.agent.sweep()
  assert(descriptors <= 200, `${descriptors} descriptors`)
  s.agent.save()
  s.agent.ship(() => true)
  assert.equal(s.story.counted.size, 20 * 32 + 500)
  assert(tailer.openFileCount <= 200, `${tailer.openFileCount} descriptors at the end`)
})

test('Looks: of 50,000 paths all have a turn within 32 sweeps, and those that are hot in every one', () => {
  const looks = new Looks()
  const paths = new Map(Array.from({ length: 50_000 }, (_, index) => [`/log/${index}`, 0]))
  looks.replace(paths, 0)
  assert.equal(looks.due(0).size, 50_000)
  looks.touch('/log/7', 250)
  const seen = new Set<string>()
  for (let sweep = 1; sweep <= 32; sweep++) {
    const due = looks.due(sweep * 250)
    assert(due.size <= 1_600, `${due.size} looks in one sweep`)
    assert(due.has('/log/7'))
    for (const path of due) seen.add(path)
  }
  assert.equal(seen.size, 50_000)
  looks.replace(new Map([...paths, ['/log/new', 0]]), 9_000)
  assert(looks.due(9_000).has('/log/new'))
})

test('Looks: few paths are all due in every sweep', () => {
  const looks = new Looks()
  looks.replace(new Map([['/a', 0]]), 0)
  assert.deepEqual([looks.due(0), looks.due(1_000_000)], [new Set(['/a']), new Set(['/a'])])
})

test('a backlog in 50 files: a fresh line of another one comes after a turn of each, and all of it once', async () => {
  await using s = await tailScene()
  const lines = (file: number) =>
    Array.from({ length: 6_000 }, (_, index) => `${file} ${index} ${'.'.repeat(50)}\n`).join('')
  for (let file = 0; file < 50; file++) writeFileSync(s.at(`${file}.log`), lines(file))
  writeFileSync(s.at('fresh.log'), '')
  s.agent.room = false
  s.agent.sweep()
  appendFileSync(s.at('fresh.log'), 'fresh\n')
  s.agent.sweep()
  s.agent.settle()
  const order = [...s.story.counted.keys()].indexOf('fresh')
  // 262,144 bytes a turn, 58 and more a line.
  assert(order < 50 * 4_600, `came after ${order} lines of the others`)
  assert.equal(s.story.counted.size, 300_001)
})

test('deleted while nothing can be sent: what they pin is known, bounded, and given up with an entry', async () => {
  await using s = await tailScene('*.log', { pinnedBytesMax: 250_000 })
  writeFileSync(s.at('a.log'), 'a\n')
  s.agent.settle()
  s.agent.room = false
  for (const name of ['a.log', 'b.log', 'c.log']) {
    appendFileSync(s.at(name), `${name} ${'.'.repeat(94)}\n`.repeat(1_000))
    s.agent.sweep()
    rmSync(s.at(name))
    s.agent.sweep()
  }
  assert(s.agent.tailer.pinnedDeletedBytes > 150_000 && s.agent.tailer.pinnedDeletedBytes <= 250_000)
  s.agent.settle()
  assert.deepEqual(s.reasons(), ['deleted-before-read'])
  assert.deepEqual([s.story.ledger[0]!.from, s.story.ledger[0]!.to], [2, 101_002])
  assert.match(s.story.ledger[0]!.detail, /a\.log was deleted before it was read/)
  assert.deepEqual([...s.story.counted.values()].sort(), [1, 1_000, 1_000])
  assert.equal(s.agent.tailer.openFileCount, 0)
  assert.equal(s.agent.tailer.fileCount, 0)
})

test('more files than descriptors, all with something to read and nothing to be sent: bounded, all read', async () => {
  await using s = await tailScene('*.log', { openFilesMax: 20, idleFilesMax: 10 })
  s.agent.room = false
  for (let file = 0; file < 100; file++) writeFileSync(s.at(`${file}.log`), `line ${file}\n`)
  s.agent.sweep()
  assert.equal(s.agent.tailer.openFileCount, 20)
  s.agent.settle()
  assert.equal(s.story.counted.size, 100)
  assert(s.agent.tailer.openFileCount <= 20)
})

test('a directory renamed with its files, and made anew: both are read', async () => {
  await using s = await tailScene('*/x.log')
  mkdirSync(s.at('app'))
  writeFileSync(s.at('app/x.log'), 'one\n')
  s.agent.settle()
  renameSync(s.at('app'), s.at('old'))
  mkdirSync(s.at('app'))
  writeFileSync(s.at('app/x.log'), 'two\n')
  appendFileSync(s.at('old/x.log'), 'three\n')
  s.agent.settle()
  assert.deepEqual(s.counts(), { one: 1, three: 1, two: 1 })
  assert.deepEqual(s.reasons(), [])
})
