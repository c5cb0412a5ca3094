// The tailer on real files. Named cases first; then lists of random actions, played on files and on a model: a line
// of a file that was neither truncated nor deleted is counted exactly once, any other at most once, and what is
// missing stands in the ledger.
import assert from 'node:assert/strict'
import {
  appendFileSync,
  copyFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLog } from '../runtime/log.ts'
import { StoryAgent, TailStory } from './tail-story.ts'

const quiet = createLog('test', () => {})

async function scene(glob = '*.log') {
  const directory = await mkdtempDisposable(join(tmpdir(), 'tail-'))
  const story = new TailStory([{ paths: [join(directory.path, glob)], format: 'raw' }], quiet)
  let agent = new StoryAgent(story)
  return {
    story,
    at: (name: string) => join(directory.path, name),
    get agent() {
      return agent
    },
    restart() {
      agent.crash()
      agent = new StoryAgent(story)
    },
    counts: () => Object.fromEntries([...story.counted].sort()),
    reasons: () => story.ledger.map(loss => loss.reason),
    async [Symbol.asyncDispose]() {
      agent.crash()
      await directory[Symbol.asyncDispose]()
    },
  }
}

test('existing lines, new lines, a file of ten bytes, and an empty one', async () => {
  await using s = await scene()
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
  await using s = await scene()
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
  await using s = await scene()
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
  await using s = await scene()
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
      await using s = await scene(watched)
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
  await using s = await scene('x.log*')
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
  await using s = await scene('x.log*')
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
  await using s = await scene()
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
  await using s = await scene()
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
  await using s = await scene()
  writeFileSync(s.at('a.log'), 'old1\nold2\n')
  s.agent.settle()
  writeFileSync(s.at('a.log'), 'new1\nnew2\nnew3\n')
  s.agent.settle()
  assert.deepEqual(s.counts(), { new1: 1, new2: 1, new3: 1, old1: 1, old2: 1 })
  assert.deepEqual(s.reasons(), ['truncated-before-read'])
})

test('truncated and written again to the same length', async () => {
  await using s = await scene()
  writeFileSync(s.at('a.log'), 'old1\nold2\n')
  s.agent.settle()
  await new Promise(resolve => setTimeout(resolve, 12))
  writeFileSync(s.at('a.log'), 'new1\nnew2\n')
  s.agent.settle()
  assert.deepEqual(s.counts(), { new1: 1, new2: 1, old1: 1, old2: 1 })
})

test('the same inode with other content after a restart is another file', async () => {
  await using s = await scene()
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
  await using s = await scene()
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
  await using s = await scene()
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
  await using s = await scene()
  writeFileSync(s.at('a.log'), 'a1\na2\n')
  s.agent.sweep()
  s.agent.save()
  s.agent.ship(() => false)
  s.restart()
  appendFileSync(s.at('a.log'), 'a3\n')
  s.agent.settle()
  assert.deepEqual(s.counts(), { a1: 1, a2: 1, a3: 1 })
  assert.equal(s.story.lastPosition.size, 2)
})

test('another routing begins another src, and nothing waits for it', async () => {
  await using s = await scene()
  writeFileSync(s.at('a.log'), 'a1\n')
  s.agent.sweep()
  s.story.routing = { ...s.story.routing, partitions: 12 }
  appendFileSync(s.at('a.log'), 'a2\n')
  s.agent.settle()
  assert.deepEqual(s.counts(), { a1: 1, a2: 1 })
  assert.equal(s.story.lastPosition.size, 2)
})

test('one slow file does not keep the others: turns are short and go round', async () => {
  await using s = await scene()
  const lines = Array.from({ length: 50_000 }, (_, index) => `${index}`.padStart(99, '0'))
  writeFileSync(s.at('a.log'), `${lines.join('\n')}\n`)
  writeFileSync(s.at('b.log'), 'fresh\n')
  s.agent.settle()
  const order = [...s.story.counted.keys()].indexOf('fresh')
  assert(order < 10_000, `came after ${order} lines of the other file`)
  assert.equal(s.story.counted.size, 50_001)
})

/** mulberry32: a small generator whose whole state is its seed. */
function dice(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

for (const watched of ['*.log', '*.log*']) {
  test(`random actions on files named ${watched}: every line once, or in the ledger`, async () => {
    for (let seed = 1; seed <= 60; seed++) await play(seed, watched)
  })
}

/**
 * `known`: a durable checkpoint names it, with so many lines. What is written and truncated away between two looks at
 * a file of which nothing was read yet leaves no trace, and nobody promised anything about it.
 */
function newFile() {
  return { lines: [] as string[], partial: '', seen: -1, known: -1 }
}

async function play(seed: number, watched: string): Promise<void> {
  await using s = await scene(watched)
  const roll = dice(seed)
  const story: string[] = []
  let line = 0
  /** Of each file in rotation order, the lines it holds; and whether a truncation or deletion took some of them. */
  let files = [newFile()]
  const safe = new Set<string>()
  const risky = new Set<string>()
  const nameOf = (index: number) => s.at(index === 0 ? 'x.log' : `x.log.${index}`)
  const write = (index: number, ends: boolean) => {
    const file = files[index]!
    const text = file.partial === '' ? `line ${++line} of seed ${seed} ${'.'.repeat(roll(60))}` : 'rest'
    appendFileSync(nameOf(index), ends ? `${text}\n` : text)
    file.partial += text
    if (!ends) return
    file.lines.push(file.partial)
    safe.add(file.partial)
    file.partial = ''
  }
  const lost = (file: ReturnType<typeof newFile>) => {
    file.lines.forEach((text, index) => {
      safe.delete(text)
      if (index < file.known) risky.add(text)
    })
  }
  const sweep = () => {
    s.agent.sweep()
    for (const file of files) file.seen = file.lines.length
  }
  const save = () => {
    s.agent.save()
    for (const file of files) file.known = Math.max(file.known, file.seen)
  }
  const restart = () => {
    s.restart()
    for (const file of files) file.seen = file.known
  }
  const actions: Record<string, () => void> = {
    write: () => write(0, roll(4) > 0),
    writeRotated: () => write(Math.min(files.length - 1, 1), true),
    rotate: () => {
      // A file that came and left the glob while nobody looked is the one thing that cannot be found.
      if (watched === '*.log' && files[0]!.known < 0) {
        sweep()
        save()
      }
      for (let index = files.length - 1; index >= 0; index--) renameSync(nameOf(index), nameOf(index + 1))
      writeFileSync(nameOf(0), '')
      files = [newFile(), ...files]
    },
    truncate: () => {
      const { ino } = statSync(nameOf(0))
      const saved = s.story.checkpoint?.find(file => file.inode === `${ino}`)
      if (!saved || saved.end === 0) files[0]!.known = Math.min(files[0]!.known, 0)
      truncateSync(nameOf(0), 0)
      lost(files[0]!)
      Object.assign(files[0]!, { lines: [], partial: '', seen: Math.min(files[0]!.seen, 0) })
      files[0]!.known = Math.min(files[0]!.known, 0)
    },
    remove: () => {
      if (files.length < 3) return
      rmSync(nameOf(files.length - 1))
      lost(files.pop()!)
    },
    sweep,
    pause: () => {
      s.agent.room = !s.agent.room
    },
    save,
    saveAndDie: () => {
      s.agent.save(true)
      restart()
    },
    ship: () => s.agent.ship(() => roll(3) > 0),
    restart,
    reroute: () => {
      s.story.routing = { ...s.story.routing, partitions: 3 + roll(4) }
    },
  }
  writeFileSync(nameOf(0), '')
  const names = Object.keys(actions)
  const weights = ['write', 'write', 'write', 'write', 'sweep', 'sweep', 'save', 'ship', 'ship']
  for (let step = 0; step < 120; step++) {
    const choice = roll(names.length + weights.length)
    const name = names[choice] ?? weights[choice - names.length]!
    actions[name]!()
    story.push(name)
  }
  s.agent.settle()
  s.agent.settle()
  const told = () => `seed ${seed}: ${story.join(' ')}\n${JSON.stringify(s.story.ledger)}`
  for (const text of safe) assert.equal(s.counts()[text], 1, `${text}\n${told()}`)
  for (const [text, count] of s.story.counted) assert.equal(count, 1, `${text}\n${told()}`)
  const missing = [...risky].filter(text => !s.story.counted.has(text))
  if (missing.length > 0) {
    assert(
      s.story.ledger.some(loss => loss.reason !== 'line-cut'),
      told(),
    )
  }
}
