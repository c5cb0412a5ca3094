// The tailer on real files, case by case. Lists of random actions are played in tail-random.test.ts.
import assert from 'node:assert/strict'
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { test } from 'node:test'
import { tailScene } from './tail-story.ts'

test('existing lines, new lines, a file of ten bytes, and an empty one', async () => {
  await using s = await tailScene()
  writeFileSync(s.at('a.log'), 'one\ntwo\n')
  writeFileSync(s.at('b.log'), 'ten bytes\n')
  writeFileSync(s.at('c.log'), '')
  s.agent.settle()
  appendFileSync(s.at('a.log'), 'three\n')
  appendFileSync(s.at('c.log'), 'first\n')
  s.agent.settle()
  assert.deepEqual(s.counts(), { first: 1, one: 1, 'ten bytes': 1, three: 1, two: 1 })
  assert.deepEqual(s.reasons(), [])
})

test('a partial line waits, over restarts too, and is one line when it ends', async () => {
  await using s = await tailScene()
  writeFileSync(s.at('a.log'), 'x\nabc')
  s.agent.settle()
  assert.deepEqual(s.counts(), { x: 1 })
  s.restart()
  s.agent.settle()
  appendFileSync(s.at('a.log'), 'def\r\n')
  s.agent.settle()
  assert.deepEqual(s.counts(), { abcdef: 1, x: 1 })
})

test('rotated twice while the agent was down, and written to until the last moment', async () => {
  await using s = await tailScene()
  writeFileSync(s.at('x.log'), 'a1\na2\n')
  s.agent.settle()
  s.restart()
  appendFileSync(s.at('x.log'), 'a3\n')
  renameSync(s.at('x.log'), s.at('x.log.1'))
  appendFileSync(s.at('x.log.1'), 'a4\n')
  writeFileSync(s.at('x.log'), 'b1\n')
  renameSync(s.at('x.log.1'), s.at('x.log.2'))
  renameSync(s.at('x.log'), s.at('x.log.1'))
  writeFileSync(s.at('x.log'), 'c1\n')
  s.agent.settle()
  // b1 came and left the glob while nobody looked: it is younger than x.log.2, which is known, so it is read too.
  assert.deepEqual(s.counts(), { a1: 1, a2: 1, a3: 1, a4: 1, b1: 1, c1: 1 })
  assert.deepEqual(s.reasons(), [])
})

test('rotated files that were there before the agent are not taken for missed ones', async () => {
  // To an agent whose clock is a minute ahead they are old.
  await using s = await tailScene('*.log', { wallMs: () => Date.now() + 60_000 })
  writeFileSync(s.at('x.log.2'), 'ancient\n')
  await new Promise(resolve => setTimeout(resolve, 12))
  writeFileSync(s.at('x.log'), 'a1\n')
  s.agent.settle()
  renameSync(s.at('x.log'), s.at('x.log.1'))
  writeFileSync(s.at('x.log'), 'b1\n')
  s.agent.settle()
  assert.deepEqual(s.counts(), { a1: 1, b1: 1 })
})

for (const watched of ['x.log', 'x.log*']) {
  for (const down of [false, true]) {
    test(`copytruncate of ${watched}, agent ${down ? 'down' : 'up'}: the copy is read on, nothing twice`, async () => {
      await using s = await tailScene(watched)
      writeFileSync(s.at('x.log'), 'a1\na2\n')
      s.agent.settle()
      appendFileSync(s.at('x.log'), 'a3\n')
      if (down) s.agent.crash()
      copyFileSync(s.at('x.log'), s.at('x.log.1'))
      if (!down) s.agent.sweep()
      truncateSync(s.at('x.log'), 0)
      appendFileSync(s.at('x.log'), 'b1\n')
      if (down) s.restart()
      s.agent.settle()
      appendFileSync(s.at('x.log'), 'b2\n')
      s.restart()
      s.agent.settle()
      assert.deepEqual(s.counts(), { a1: 1, a2: 1, a3: 1, b1: 1, b2: 1 })
      assert.deepEqual(s.reasons(), [])
    })
  }
}

test('an equal file under a rotated name is no copy while its original stays: counted, a little later', async () => {
  await using s = await tailScene('x.log*')
  writeFileSync(s.at('x.log'), 'a1\n')
  s.agent.settle()
  writeFileSync(s.at('x.log.1'), 'a1\n')
  s.agent.settle()
  assert.deepEqual(s.counts(), { a1: 1 })
  s.story.now += 10_000
  s.agent.settle()
  assert.deepEqual(s.counts(), { a1: 2 })
})

test('with the rotated names in the glob, a file that came and was rotated unseen is read too', async () => {
  await using s = await tailScene('x.log*')
  writeFileSync(s.at('x.log'), 'a1\n')
  s.agent.settle()
  s.restart()
  renameSync(s.at('x.log'), s.at('x.log.2'))
  writeFileSync(s.at('x.log.1'), 'b1\n')
  writeFileSync(s.at('x.log'), 'c1\n')
  s.agent.settle()
  assert.deepEqual(s.counts(), { a1: 1, b1: 1, c1: 1 })
})

test('renamed while it is read: the old file is read on under its new name, also after a restart', async () => {
  await using s = await tailScene()
  writeFileSync(s.at('x.log'), 'a1\n')
  s.agent.settle()
  renameSync(s.at('x.log'), s.at('x.log.1'))
  writeFileSync(s.at('x.log'), 'b1\n')
  appendFileSync(s.at('x.log.1'), 'a2\n')
  s.agent.settle()
  s.restart()
  appendFileSync(s.at('x.log.1'), 'a3\n')
  s.agent.settle()
  assert.deepEqual(s.counts(), { a1: 1, a2: 1, a3: 1, b1: 1 })
})

test('deleted while open and while nothing can be sent: read to the end, then forgotten', async () => {
  await using s = await tailScene()
  writeFileSync(s.at('a.log'), 'a1\n')
  s.agent.sweep()
  s.agent.room = false
  appendFileSync(s.at('a.log'), 'a2\na3\nrest')
  rmSync(s.at('a.log'))
  s.agent.sweep()
  assert.equal(s.counts()['a2'], undefined)
  s.agent.settle()
  s.agent.settle()
  assert.deepEqual(s.counts(), { a1: 1, a2: 1, a3: 1 })
  assert.deepEqual(s.reasons(), ['unterminated-line'])
  assert.equal(s.agent.tailer.fileCount, 0)
  assert.equal(s.story.declared.length, 1)
})

test('truncated and grown past the old position between two looks: read again from byte 0', async () => {
  await using s = await tailScene()
  writeFileSync(s.at('a.log'), 'old1\nold2\n')
  s.agent.settle()
  writeFileSync(s.at('a.log'), 'new1\nnew2\nnew3\n')
  s.agent.settle()
  assert.deepEqual(s.counts(), { new1: 1, new2: 1, new3: 1, old1: 1, old2: 1 })
  assert.deepEqual(s.reasons(), ['truncated-before-read'])
})

test('replaced by lines that end alike: where the guard sees no difference, the first line shows it', async () => {
  await using s = await tailScene()
  writeFileSync(s.at('a.log'), `old ${'='.repeat(80)}\n`)
  s.agent.settle()
  s.restart()
  writeFileSync(s.at('a.log'), `new ${'='.repeat(80)}\nmore\n`)
  s.agent.settle()
  assert.equal(s.story.counted.size, 3)
})

test('truncated and written again to the same length', async () => {
  await using s = await tailScene()
  writeFileSync(s.at('a.log'), 'old1\nold2\n')
  s.agent.settle()
  await new Promise(resolve => setTimeout(resolve, 12))
  writeFileSync(s.at('a.log'), 'new1\nnew2\n')
  s.agent.settle()
  assert.deepEqual(s.counts(), { new1: 1, new2: 1, old1: 1, old2: 1 })
})

test('the same inode with other content after a restart is another file', async () => {
  await using s = await tailScene()
  writeFileSync(s.at('a.log'), 'old1\nold2\n')
  s.agent.settle()
  const { ino } = statSync(s.at('a.log'))
  s.restart()
  writeFileSync(s.at('a.log'), 'another first line\nand a second\n')
  assert.equal(statSync(s.at('a.log')).ino, ino)
  s.agent.settle()
  assert.equal(s.counts()['another first line'], 1)
  assert.equal(s.counts()['old1'], 1)
})

test('files with equal heads, and files that are equal altogether, are each counted', async () => {
  await using s = await tailScene()
  const header = `${'#Fields: date time cs-method '.repeat(150)}\n`
  writeFileSync(s.at('a.log'), `${header}a\n`)
  writeFileSync(s.at('b.log'), `${header}b\n`)
  writeFileSync(s.at('c.log'), `${header}b\n`)
  s.agent.settle()
  s.restart()
  s.agent.settle()
  assert.equal(s.counts()[header.slice(0, -1)], 3)
  assert.deepEqual([s.counts()['a'], s.counts()['b']], [1, 2])
})

test('a line of 3 MiB is cut and ledgered, one of 600 KiB is whole, a run of NULs is skipped', async () => {
  await using s = await tailScene()
  const huge = Buffer.alloc(3_145_728, 'h')
  writeFileSync(s.at('a.log'), Buffer.concat([Buffer.from('first\n'), huge]))
  s.agent.settle()
  appendFileSync(s.at('a.log'), `\n${'w'.repeat(600_000)}\n`)
  truncateSync(s.at('a.log'), statSync(s.at('a.log')).size + 2_000_000)
  appendFileSync(s.at('a.log'), 'last\n')
  s.agent.settle()
  const lengths = [...s.story.counted.keys()].map(line => line.length).sort((a, b) => a - b)
  assert.deepEqual(lengths, [4, 5, 600_000, 1_032_192])
  assert.deepEqual(s.reasons(), ['line-cut'])
})

test('a killed agent sends what may have left again under the same src, and what is new under another', async () => {
  await using s = await tailScene()
  writeFileSync(s.at('a.log'), 'a1\na2\n')
  s.agent.sweep()
  s.agent.save()
  s.agent.ship(() => false)
  s.restart()
  appendFileSync(s.at('a.log'), 'a3\n')
  s.agent.settle()
  assert.deepEqual(s.counts(), { a1: 1, a2: 1, a3: 1 })
  assert.equal(new Set([...s.story.lastPosition.keys()].map(key => key.split(' ')[0])).size, 2)
})

test('another routing begins another src, and nothing waits for it', async () => {
  await using s = await tailScene()
  writeFileSync(s.at('a.log'), 'a1\n')
  s.agent.sweep()
  s.story.routing = { ...s.story.routing, partitions: 12 }
  appendFileSync(s.at('a.log'), 'a2\n')
  s.agent.settle()
  assert.deepEqual(s.counts(), { a1: 1, a2: 1 })
  assert.equal(new Set([...s.story.lastPosition.keys()].map(key => key.split(' ')[0])).size, 2)
})

test('a topic made anew with fewer partitions: what was under way goes under another src', async () => {
  await using s = await tailScene()
  writeFileSync(s.at('a.log'), 'a1\n')
  s.agent.settle()
  appendFileSync(s.at('a.log'), 'a2\n')
  s.agent.sweep()
  s.agent.save()
  s.restart()
  s.story.routing = { ...s.story.routing, partitions: 2 }
  s.story.partitionsMax = 2
  s.agent.settle()
  assert.deepEqual(s.counts(), { a1: 1, a2: 1 })
  assert.deepEqual(s.reasons(), ['possibly-twice: rewritten'])
})

test('one slow file does not keep the others: turns are short and go round', async () => {
  await using s = await tailScene()
  const lines = Array.from({ length: 50_000 }, (_, index) => `${index}`.padStart(99, '0'))
  writeFileSync(s.at('a.log'), `${lines.join('\n')}\n`)
  writeFileSync(s.at('b.log'), 'fresh\n')
  s.agent.settle()
  const order = [...s.story.counted.keys()].indexOf('fresh')
  assert(order < 10_000, `came after ${order} lines of the other file`)
  assert.equal(s.story.counted.size, 50_001)
})

test('a directory that cannot be entered after a restart costs nothing: its files are kept until it can', async () => {
  await using s = await tailScene('app/*.log')
  mkdirSync(s.at('app'))
  writeFileSync(s.at('app/x.log'), 'one\n')
  s.agent.settle()
  renameSync(s.at('app'), s.at('away'))
  // A path that leads to itself fails as a directory without the right to enter it does, also for root.
  symlinkSync('app', s.at('app'))
  s.restart()
  s.agent.settle()
  assert.match(s.agent.tailer.errors.join(), /ELOOP/)
  rmSync(s.at('app'))
  renameSync(s.at('away'), s.at('app'))
  appendFileSync(s.at('app/x.log'), 'two\n')
  s.agent.settle()
  assert.deepEqual(s.counts(), { one: 1, two: 1 })
  assert.deepEqual(s.reasons(), [])
})
