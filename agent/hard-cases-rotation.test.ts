// The hard cases of tailing, by what rotation does: while nothing can be sent, while the agent is down, by renaming,
// copying, compressing, by flipping symbolic links; and a thousand times in a row.
import assert from 'node:assert/strict'
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { rotate, rotateMany, rotationsFault, rotationWays } from './many-rotations.ts'
import { tailScene } from './tail-story.ts'

const numbered = (count: number) => Array.from({ length: count }, (_, index) => [`line ${index}`, 1] as const)

const mtimeOf = (path: string) => statSync(path, { bigint: true }).mtimeNs

function eachOnce(counted: ReadonlyMap<string, number>, count: number): void {
  assert.equal(counted.size, count)
  for (const [line, times] of numbered(count)) assert.equal(counted.get(line), times, line)
}

for (const watched of ['x.log', 'x.log*']) {
  test(`rotated ten times, three kept, while nothing can be sent: no gap (${watched})`, async () => {
    await using s = await tailScene(watched)
    writeFileSync(s.at('x.log'), '')
    s.agent.settle()
    s.agent.room = false
    let written = 0
    for (let rotation = 0; rotation < 10; rotation++) {
      for (let index = 0; index < 20; index++) appendFileSync(s.at('x.log'), `line ${written++}\n`)
      s.agent.sweep()
      rotate(s.at, 3)
      s.agent.sweep()
    }
    assert.equal(s.story.counted.size, 0)
    assert(s.agent.tailer.pinnedDeletedBytes > 0)
    s.agent.settle()
    s.agent.settle()
    eachOnce(s.story.counted, written)
    assert.deepEqual(s.reasons(), [])
    assert.equal(s.agent.tailer.pinnedDeletedBytes, 0)
  })
}

test('killed while nothing can be sent, rotated twice before it starts again: read where they are now', async () => {
  await using s = await tailScene('x.log')
  writeFileSync(s.at('x.log'), 'line 0\n')
  s.agent.room = false
  s.agent.sweep()
  s.agent.save()
  appendFileSync(s.at('x.log'), 'line 1\n')
  rotate(s.at, 5)
  appendFileSync(s.at('x.log'), 'line 2\n')
  s.agent.sweep()
  s.agent.save()
  s.agent.crash()
  for (let index = 3; index < 5; index++) {
    rotate(s.at, 5)
    appendFileSync(s.at('x.log'), `line ${index}\n`)
  }
  s.restart()
  s.agent.settle()
  eachOnce(s.story.counted, 5)
  assert.deepEqual(s.reasons(), [])
})

test('renamed away and back: one file all the time', async () => {
  await using s = await tailScene('x.log')
  writeFileSync(s.at('x.log'), 'line 0\n')
  s.agent.settle()
  renameSync(s.at('x.log'), s.at('x.log.1'))
  appendFileSync(s.at('x.log.1'), 'line 1\n')
  s.story.now += 10_000
  s.agent.settle()
  renameSync(s.at('x.log.1'), s.at('x.log'))
  appendFileSync(s.at('x.log'), 'line 2\n')
  s.restart()
  s.agent.settle()
  eachOnce(s.story.counted, 3)
  assert.equal(s.agent.tailer.fileCount, 1)
})

for (const open of [true, false]) {
  test(`compressed at once after renaming, ${open ? 'up' : 'down'}: the .gz is left alone`, async () => {
    await using s = await tailScene('x.log*')
    writeFileSync(s.at('x.log'), 'line 0\nline 1\n')
    s.agent.settle()
    if (!open) s.agent.crash()
    else appendFileSync(s.at('x.log'), 'line 2\n')
    renameSync(s.at('x.log'), s.at('x.log.1'))
    writeFileSync(s.at('x.log'), open ? 'line 3\n' : 'line 2\n')
    if (open) s.agent.sweep()
    writeFileSync(s.at('x.log.1.gz'), gzipSync(readFileSync(s.at('x.log.1'))))
    rmSync(s.at('x.log.1'))
    if (!open) s.restart()
    s.agent.settle()
    s.agent.settle()
    eachOnce(s.story.counted, open ? 4 : 3)
    // Down, nobody can know whether more had been written to it before it was compressed.
    assert.deepEqual(s.reasons(), open ? [] : ['deleted-before-read'])
  })
}

test('copytruncate with the copy in reach, again and again, the writer never stopping: no gap', async () => {
  await using s = await tailScene('x.log')
  let written = 0
  const write = (count: number) => {
    for (let index = 0; index < count; index++) appendFileSync(s.at('x.log'), `line ${written++}\n`)
  }
  for (let rotation = 0; rotation < 20; rotation++) {
    write(5)
    if (rotation % 3 > 0) s.agent.settle()
    else s.agent.sweep()
    write(5)
    for (let index = 19; index >= 1; index--) {
      if (existsSync(s.at(`x.log.${index}`))) renameSync(s.at(`x.log.${index}`), s.at(`x.log.${index + 1}`))
    }
    copyFileSync(s.at('x.log'), s.at('x.log.1'))
    truncateSync(s.at('x.log'), 0)
    write(rotation % 2)
    s.agent.sweep()
  }
  s.agent.settle()
  eachOnce(s.story.counted, written)
  assert.deepEqual(s.reasons(), [])
})

test('links as Kubernetes keeps them: the file behind a link rotates, also while the agent is down', async () => {
  const followInto = (directory: string) => ({ followInto: [`${directory}/pods`] })
  await using s = await tailScene('containers/*.log', {}, followInto)
  for (const folder of ['containers', 'pods', 'pods/shop']) mkdirSync(s.at(folder))
  writeFileSync(s.at('pods/shop/0.log'), 'line 0\n')
  symlinkSync('../pods/shop/0.log', s.at('containers/shop.log'))
  s.agent.settle()
  assert.deepEqual(s.agent.tailer.errors, [])
  const rotateBehind = (time: string) => {
    renameSync(s.at('pods/shop/0.log'), s.at(`pods/shop/0.log.${time}`))
    writeFileSync(s.at('pods/shop/0.log'), '')
  }
  appendFileSync(s.at('pods/shop/0.log'), 'line 1\n')
  rotateBehind('20261124-1')
  appendFileSync(s.at('pods/shop/0.log'), 'line 2\n')
  s.agent.settle()
  s.agent.crash()
  appendFileSync(s.at('pods/shop/0.log'), 'line 3\n')
  rotateBehind('20261124-2')
  appendFileSync(s.at('pods/shop/0.log'), 'line 4\n')
  rotateBehind('20261124-3')
  appendFileSync(s.at('pods/shop/0.log'), 'line 5\n')
  s.restart()
  s.agent.settle()
  eachOnce(s.story.counted, 6)
  assert.deepEqual(s.reasons(), [])
})

test('a link that is flipped to another file: the old one is read to its end, the new one from its start', async () => {
  await using s = await tailScene('current.log')
  writeFileSync(s.at('a.txt'), 'line 0\n')
  symlinkSync('a.txt', s.at('current.log'))
  s.agent.settle()
  appendFileSync(s.at('a.txt'), 'line 1\n')
  writeFileSync(s.at('b.txt'), 'line 2\n')
  symlinkSync('b.txt', s.at('next'))
  renameSync(s.at('next'), s.at('current.log'))
  s.agent.settle()
  appendFileSync(s.at('a.txt'), 'line 3\n')
  s.restart()
  s.agent.settle()
  eachOnce(s.story.counted, 4)
  rmSync(s.at('current.log'))
  symlinkSync('nowhere', s.at('current.log'))
  s.agent.settle()
  assert.deepEqual([s.agent.tailer.errors, s.reasons()], [[], []])
})

test('lines read between the copy and the truncation: the shorter copy is not read once more', async () => {
  await using s = await tailScene('x.log*')
  for (let line = 0; line < 3; line++) {
    appendFileSync(s.at('x.log'), `line ${line}\n`)
    s.agent.sweep()
  }
  copyFileSync(s.at('x.log'), s.at('x.log.1'))
  appendFileSync(s.at('x.log'), 'line 3\n')
  s.agent.sweep()
  truncateSync(s.at('x.log'), 0)
  appendFileSync(s.at('x.log'), 'line 4\n')
  s.agent.sweep()
  s.agent.settle()
  eachOnce(s.story.counted, 5)
  assert.deepEqual(s.reasons(), ['truncated-before-read'])
})

test('a copy like its original in nothing but the first line is read, and the ledger says so', async () => {
  await using s = await tailScene('x.log*')
  appendFileSync(s.at('x.log'), 'line 0\n')
  s.agent.settle()
  copyFileSync(s.at('x.log'), s.at('x.log.1'))
  appendFileSync(s.at('x.log'), 'line 1\n')
  s.agent.sweep()
  truncateSync(s.at('x.log'), 0)
  s.story.now += 60_000
  s.agent.settle()
  assert.deepEqual(s.counts(), { 'line 0': 2, 'line 1': 1 })
  assert.deepEqual(s.reasons(), ['possibly-twice: rewritten', 'truncated-before-read'])
})

test('copied and found together with its original, before either was read: read once', async () => {
  await using s = await tailScene('x.log*')
  appendFileSync(s.at('x.log'), 'line 0\n')
  copyFileSync(s.at('x.log'), s.at('x.log.1'))
  s.agent.sweep()
  truncateSync(s.at('x.log'), 0)
  s.agent.settle()
  eachOnce(s.story.counted, 1)
})

test('copied, truncated and renamed between two looks: the copy is found beside the name of before', async () => {
  await using s = await tailScene('x.log*')
  appendFileSync(s.at('x.log'), 'line 0\n')
  s.agent.settle()
  appendFileSync(s.at('x.log'), 'line 1\n')
  copyFileSync(s.at('x.log'), s.at('x.log.1'))
  truncateSync(s.at('x.log'), 0)
  rotate(s.at, 3)
  s.agent.settle()
  eachOnce(s.story.counted, 2)
})

test('copied and truncated twice between two looks: what came in between is in a copy, and read', async () => {
  await using s = await tailScene('x.log')
  for (let line = 0; line < 3; line++) {
    appendFileSync(s.at('x.log'), `line ${line}\n`)
    if (line === 0) s.agent.settle()
    if (line === 2) break
    if (existsSync(s.at('x.log.1'))) renameSync(s.at('x.log.1'), s.at('x.log.2'))
    copyFileSync(s.at('x.log'), s.at('x.log.1'))
    truncateSync(s.at('x.log'), 0)
  }
  s.agent.settle()
  eachOnce(s.story.counted, 3)
})

for (const watched of ['x.log', 'x.log*']) {
  test(`a copy found after a crash and deleted before its original's turn: once (${watched})`, async () => {
    await using s = await tailScene(watched)
    writeFileSync(s.at('x.log'), 'line 0\n')
    s.agent.sweep()
    s.agent.save()
    s.agent.ship(() => true)
    copyFileSync(s.at('x.log'), s.at('x.log.1'))
    truncateSync(s.at('x.log'), 0)
    s.agent.sweep()
    rotate(s.at, 3)
    s.restart()
    rmSync(s.at('x.log.2'))
    s.agent.settle()
    s.agent.settle()
    assert.deepEqual([s.counts(), s.reasons()], [{ 'line 0': 1 }, []])
  })

  test(`copied and truncated before anything of it was read: no loss (${watched})`, async () => {
    await using s = await tailScene(watched)
    writeFileSync(s.at('x.log'), '')
    s.agent.settle()
    for (const isDown of [false, true]) {
      s.agent.room = false
      appendFileSync(s.at('x.log'), `line ${isDown}\n`)
      s.agent.sweep()
      s.agent.save()
      if (isDown) s.agent.crash()
      copyFileSync(s.at('x.log'), s.at('x.log.1'))
      truncateSync(s.at('x.log'), 0)
      if (isDown) s.restart()
      s.agent.settle()
      rmSync(s.at('x.log.1'))
    }
    s.agent.settle()
    assert.deepEqual([s.counts(), s.reasons()], [{ 'line false': 1, 'line true': 1 }, []])
  })
}

test('a copy written over an empty file that is known, found before its original is read: read once', async () => {
  await using s = await tailScene('x.log')
  writeFileSync(s.at('x.log'), '')
  s.agent.settle()
  rotate(s.at, 3)
  writeFileSync(s.at('x.log'), 'line 0\n')
  s.agent.settle()
  copyFileSync(s.at('x.log'), s.at('x.log.1'))
  truncateSync(s.at('x.log'), 0)
  s.agent.sweep()
  s.restart()
  rotate(s.at, 3)
  s.agent.settle()
  s.agent.settle()
  assert.deepEqual([s.counts(), s.reasons()], [{ 'line 0': 1 }, []])
})

test('a copy of what stands under an inode that comes back, found before that is read: read once', async () => {
  await using s = await tailScene('x.log', { idleFilesMax: 0 })
  writeFileSync(s.at('x.log'), 'other\n')
  s.agent.settle()
  const before = statSync(s.at('x.log')).ino
  rmSync(s.at('x.log'))
  // As ext4 likes to give it. Made in the same moment as its copy, nothing tells which is older.
  for (let tries = 0; tries < 50; tries++) {
    for (const name of ['x.log', 'x.log.1']) rmSync(s.at(name), { force: true })
    writeFileSync(s.at('x.log'), 'line 0\n')
    copyFileSync(s.at('x.log'), s.at('x.log.1'))
    const [one, copy] = [statSync(s.at('x.log')), statSync(s.at('x.log.1'))]
    if (one.ino === before && one.birthtimeMs === copy.birthtimeMs) break
  }
  appendFileSync(s.at('x.log'), 'line 1\n')
  s.agent.sweep()
  truncateSync(s.at('x.log'), 0)
  s.agent.settle()
  const { 'line 0': first, ...others } = s.counts()
  assert.deepEqual(others, { 'line 1': 1, other: 1 })
  // No more than the first line tells the copy, and then the ledger says that it is read.
  assert(first === 1 || s.reasons().includes('possibly-twice: rewritten'), JSON.stringify(s.story.ledger))
})

test('truncated before anything of it was read, and no copy beside it: the ledger says so', async () => {
  // To an agent whose clock is a minute ahead these files are old.
  await using s = await tailScene('x.log', { wallMs: () => Date.now() + 60_000 })
  writeFileSync(s.at('x.log.1'), 'of an earlier day\n')
  writeFileSync(s.at('x.log'), '')
  s.agent.settle()
  s.agent.room = false
  // A coarse clock gives the same time to what happens together.
  while (mtimeOf(s.at('x.log')) <= mtimeOf(s.at('x.log.1'))) writeFileSync(s.at('x.log'), 'line 0\n')
  s.agent.sweep()
  writeFileSync(s.at('x.log.lock'), 'no log of ours\n')
  truncateSync(s.at('x.log'), 0)
  s.agent.settle()
  assert.deepEqual([s.counts(), s.reasons()], [{}, ['truncated-before-read']])
})

for (const how of rotationWays) {
  test(`1,000 rotations by ${how}: files, ranges, descriptors and checkpoint stay bounded`, async () => {
    assert.equal(rotationsFault(how, await rotateMany(how, 1_000)), undefined)
  })
}
