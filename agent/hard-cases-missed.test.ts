// The hard cases of tailing: files that came and were rotated out of the globs before anybody knew of them, and what
// looks like one of them and is none: copies, compressed copies, what was read long ago, what was there before us.
import assert from 'node:assert/strict'
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { rotate } from './many-rotations.ts'
import { tailScene } from './tail-story.ts'

test('killed before any checkpoint knew of a file that was rotated at once: found at the next start', async () => {
  await using s = await tailScene('*.log')
  s.agent.settle()
  writeFileSync(s.at('x.log'), 'a1\na2\n')
  s.agent.sweep()
  rotate(s.at, 5)
  appendFileSync(s.at('x.log'), 'b1\n')
  s.restart()
  s.agent.settle()
  s.restart()
  s.agent.settle()
  assert.deepEqual([s.counts(), s.reasons()], [{ a1: 1, a2: 1, b1: 1 }, []])
})

test('rotated away while nothing stands in its place, in a directory that is new too: found by its name', async () => {
  await using s = await tailScene('*/x.log')
  s.agent.settle()
  s.agent.crash()
  mkdirSync(s.at('shop'))
  writeFileSync(s.at('shop/x.log'), 'a1\n')
  renameSync(s.at('shop/x.log'), s.at('shop/x.log-20261124'))
  s.restart()
  s.agent.settle()
  assert.deepEqual([s.counts(), s.reasons()], [{ a1: 1 }, []])
})

for (const known of [false, true]) {
  test(`come and gone between two looks of a living agent, ${known ? 'not ' : ''}the first of its name`, async () => {
    await using s = await tailScene('x.log')
    if (known) writeFileSync(s.at('x.log'), 'k1\n')
    s.agent.settle()
    // The one that was known goes for good: nothing of it is left that could tell of the others.
    if (known) rmSync(s.at('x.log'))
    for (const line of ['a1', 'b1', 'c1']) {
      writeFileSync(s.at('x.log'), `${line}\n`)
      rotate(s.at, 5)
    }
    s.agent.settle()
    assert.deepEqual([s.counts(), s.reasons()], [{ ...(known && { k1: 1 }), a1: 1, b1: 1, c1: 1 }, []])
  })
}

test('what was sent before the kill is not sent again as something new, however often it dies', async () => {
  await using s = await tailScene('x.log')
  s.agent.settle()
  const lines: Record<string, number> = {}
  for (let round = 0; round < 12; round++) {
    appendFileSync(s.at('x.log'), `line ${round}\n`)
    lines[`line ${round}`] = 1
    s.agent.sweep()
    if (round % 3 === 0) s.agent.save()
    if (round % 3 === 1) s.agent.settle()
    else s.agent.ship(() => round % 2 === 0)
    rotate(s.at, 20)
    s.restart()
  }
  s.agent.settle()
  assert.deepEqual([{ ...s.counts() }, s.reasons()], [Object.fromEntries(Object.entries(lines).sort()), []])
})

for (const down of [false, true]) {
  test(`a copy that stayed while its original was deleted, agent ${down ? 'down' : 'up'}: not read`, async () => {
    await using s = await tailScene('x.log')
    writeFileSync(s.at('x.log'), 'a1\na2\n')
    s.agent.settle()
    if (down) s.agent.crash()
    copyFileSync(s.at('x.log'), s.at('x.log.1'))
    rmSync(s.at('x.log'))
    writeFileSync(s.at('x.log'), 'b1\n')
    if (down) s.restart()
    for (let round = 0; round < 3; round++) {
      s.agent.settle()
      // By now nobody remembers the original.
      s.restart()
    }
    s.agent.settle()
    assert.deepEqual([s.counts(), s.reasons()], [{ a1: 1, a2: 1, b1: 1 }, []])
    rmSync(s.at('x.log.1'))
    s.story.now += 60_000
    s.restart()
    s.agent.settle()
    // Down, it could not know that the original was gone: it went on in the copy.
    assert.deepEqual(s.reasons(), down ? ['deleted-before-read'] : [])
  })
}

test('copied, truncated, grown and renamed while it was down: the copy is read on, the rest once', async () => {
  await using s = await tailScene('x.log')
  writeFileSync(s.at('x.log'), 'a1\na2\n')
  s.agent.settle()
  s.agent.crash()
  appendFileSync(s.at('x.log'), 'a3\n')
  copyFileSync(s.at('x.log'), s.at('x.log.1'))
  truncateSync(s.at('x.log'), 0)
  appendFileSync(s.at('x.log'), 'b1\nb2\n')
  rotate(s.at, 5)
  appendFileSync(s.at('x.log'), 'c1\n')
  s.restart()
  s.agent.settle()
  s.restart()
  s.agent.settle()
  assert.deepEqual(s.counts(), { a1: 1, a2: 1, a3: 1, b1: 1, b2: 1, c1: 1 })
})

test('compressed copies, locks and what was made beside a log that stands are left alone', async () => {
  await using s = await tailScene('x.log')
  s.agent.settle()
  s.agent.crash()
  writeFileSync(s.at('x.log'), 'a1\n')
  writeFileSync(s.at('x.log.1.gz'), gzipSync(readFileSync(s.at('x.log'))))
  for (const name of ['x.log.pos', 'x.log.lock', 'y.log.1']) writeFileSync(s.at(name), 'no line of ours\n')
  await new Promise(resolve => setTimeout(resolve, 20))
  copyFileSync(s.at('x.log'), s.at('x.log.20261124'))
  s.restart()
  s.agent.settle()
  s.story.now += 60_000
  s.agent.settle()
  assert.deepEqual([s.counts(), s.reasons()], [{ a1: 1 }, []])
})

test('the first start reads no file that had been rotated before it', async () => {
  // To an agent whose clock is a minute ahead these files are old.
  await using s = await tailScene('x.log', { wallMs: () => Date.now() + 60_000 })
  writeFileSync(s.at('x.log.2'), 'older\n')
  writeFileSync(s.at('x.log.1'), 'old\n')
  writeFileSync(s.at('x.log'), 'a1\n')
  s.agent.settle()
  s.restart()
  s.agent.settle()
  assert.deepEqual([s.counts(), s.reasons()], [{ a1: 1 }, []])
})

test('rotated files of one header: read, and said to be possibly twice where nothing else tells', async () => {
  await using s = await tailScene('x.log')
  writeFileSync(s.at('x.log'), 'header\n')
  s.agent.settle()
  s.agent.crash()
  rotate(s.at, 5)
  rmSync(s.at('x.log'))
  writeFileSync(s.at('x.log'), 'header\na1\n')
  rotate(s.at, 5)
  appendFileSync(s.at('x.log'), 'header\nb1\n')
  s.restart()
  for (let round = 0; round < 10; round++) s.agent.settle()
  const { a1, b1 } = s.counts()
  assert.deepEqual([a1, b1], [1, 1])
})
