// The hard cases of tailing, by what stands in a file: other content under the same inode, equal heads, sparse runs,
// lines without an end, bytes that are no text. Each ends in a count or an entry, and what stands around it counts.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { test } from 'node:test'
import { tailScene } from './tail-story.ts'

/** A new file with the inode of the old one, as ext4 likes to give it; otherwise written over, which looks the same. */
function recreate(path: string, content: string): void {
  const { ino } = statSync(path)
  unlinkSync(path)
  writeFileSync(path, content)
  if (statSync(path).ino === ino) return
  renameSync(path, `${path}.other`)
  writeFileSync(path, content)
  rmSync(`${path}.other`)
}

for (const down of [false, true]) {
  test(`deleted and made again with the same inode and more in it, agent ${down ? 'down' : 'up'}`, async () => {
    // No descriptor is kept of what is read to its end: then an inode can come back while the agent lives.
    await using s = await tailScene('*.log', { idleFilesMax: 1 })
    writeFileSync(s.at('a.log'), 'old 1\nold 2\n')
    s.agent.settle()
    writeFileSync(s.at('z.log'), 'other\n')
    s.agent.settle()
    if (down) s.agent.crash()
    recreate(s.at('a.log'), 'new 1\nnew 2\nnew 3\nnew 4\n')
    if (down) s.restart()
    s.agent.settle()
    const counts = s.counts()
    for (const line of ['old 1', 'old 2', 'new 1', 'new 2', 'new 3', 'new 4'])
      assert.equal(counts[line], 1, line)
  })
}

test('a header that every file has, rotated: each header and each line once, nothing taken for a copy', async () => {
  await using s = await tailScene('x.log')
  const header = `#Fields: ${'date time cs-method '.repeat(120)}`
  for (let rotation = 0; rotation < 4; rotation++) {
    writeFileSync(s.at('x.log'), `${header}\n`)
    s.agent.settle()
    appendFileSync(s.at('x.log'), `line ${rotation}\n`)
    if (rotation % 2 === 0) s.agent.settle()
    s.restart()
    renameSync(s.at('x.log'), s.at(`x.log.${rotation + 1}`))
  }
  s.agent.settle()
  s.story.now += 3_000
  s.agent.settle()
  for (let rotation = 0; rotation < 4; rotation++) assert.equal(s.counts()[`line ${rotation}`], 1)
  assert.equal(s.counts()[header], 4)
})

test('one byte, then a line, then a file of newlines only', async () => {
  await using s = await tailScene()
  writeFileSync(s.at('a.log'), 'x')
  writeFileSync(s.at('b.log'), '\n'.repeat(100_000))
  s.agent.settle()
  assert.deepEqual(s.counts(), {})
  appendFileSync(s.at('a.log'), '\n')
  appendFileSync(s.at('b.log'), 'after\n')
  s.agent.settle()
  assert.deepEqual(s.counts(), { after: 1, x: 1 })
})

test('bytes that are no text, and invalid UTF-8, are lines like others, byte for byte', async () => {
  await using s = await tailScene()
  const bytes = Buffer.from(Array.from({ length: 1_024 }, (_, index) => (index * 89 + 1) % 256)).filter(
    byte => byte !== 10,
  )
  const lines = [
    Buffer.from('before'),
    Buffer.from(bytes),
    Buffer.from([0x80, 0xff, 0xc3]),
    Buffer.from('after'),
  ]
  writeFileSync(s.at('a.log'), Buffer.concat(lines.flatMap(line => [line, Buffer.from('\n')])))
  s.agent.settle()
  const counted = [...s.story.counted.keys()]
  assert.deepEqual(
    counted,
    lines.map(line => line.toString('latin1')),
  )
})

test('a writer that keeps its position over a truncation leaves NULs: 300 MB of them cost no memory', async () => {
  await using s = await tailScene()
  const writer = openSync(s.at('a.log'), 'w')
  writeSync(writer, 'before\n')
  s.agent.settle()
  ftruncateSync(writer, 0)
  writeSync(writer, 'after 1\nafter 2\n', 300_000_000)
  closeSync(writer)
  const memory = process.memoryUsage().rss
  s.agent.settle()
  assert.deepEqual(s.counts(), { 'after 1': 1, 'after 2': 1, before: 1 })
  const grown = process.memoryUsage().rss - memory
  assert(grown < 64_000_000, `grew by ${grown} bytes`)
})

test('a line of 100 MB without an end is not kept; when it ends it is cut, and the next line is intact', async () => {
  await using s = await tailScene()
  writeFileSync(s.at('a.log'), 'before\n')
  s.agent.settle()
  const writer = openSync(s.at('a.log'), 'a')
  const piece = Buffer.alloc(1_000_000, 'h')
  const memory = process.memoryUsage().rss
  for (let written = 0; written < 100; written++) {
    writeSync(writer, piece)
    if (written % 25 === 0) s.agent.sweep()
  }
  s.agent.sweep()
  writeSync(writer, '\nafter\n')
  closeSync(writer)
  s.agent.settle()
  const grown = process.memoryUsage().rss - memory
  assert.deepEqual([s.counts()['before'], s.counts()['after'], s.story.counted.size], [1, 1, 3])
  assert.deepEqual(s.reasons(), ['line-cut'])
  assert.match(s.story.ledger[0]!.detail, /a line of 100000000 bytes/)
  assert(grown < 64_000_000, `grew by ${grown} bytes`)
})

test('truncated to the very size it has, and then past the old position, in one look each', async () => {
  await using s = await tailScene()
  writeFileSync(s.at('a.log'), 'one 1\none 2\n')
  s.agent.settle()
  writeFileSync(s.at('a.log'), 'two 1\ntwo 2\nrest')
  truncateSync(s.at('a.log'), 12)
  appendFileSync(s.at('a.log'), 'two 3\n')
  s.agent.settle()
  writeFileSync(s.at('a.log'), 'three\n'.repeat(10))
  s.agent.settle()
  assert.deepEqual(s.counts(), { 'one 1': 1, 'one 2': 1, three: 10, 'two 1': 1, 'two 2': 1, 'two 3': 1 })
})

test('a line written in pieces, each piece seen alone, over restarts, is one line at one place', async () => {
  await using s = await tailScene()
  writeFileSync(s.at('a.log'), '')
  for (const piece of ['ab', 'c', 'd', 'ef\r', '\nne', 'xt\n']) {
    appendFileSync(s.at('a.log'), piece)
    s.agent.settle()
    s.restart()
  }
  s.agent.settle()
  assert.deepEqual(s.counts(), { abcdef: 1, next: 1 })
})

test('FIFOs, devices, sockets and links out of the way among the logs: named once, the logs are counted', async () => {
  await using s = await tailScene('logs/*.log')
  mkdirSync(s.at('logs'))
  writeFileSync(s.at('secret'), 'secret\n')
  writeFileSync(s.at('logs/a.log'), 'line\n')
  execFileSync('mkfifo', [s.at('logs/fifo.log')])
  symlinkSync('/dev/zero', s.at('logs/device.log'))
  symlinkSync('../secret', s.at('logs/link.log'))
  symlinkSync('.', s.at('logs/loop.log'))
  s.agent.settle()
  appendFileSync(s.at('secret'), 'more\n')
  appendFileSync(s.at('logs/a.log'), 'next\n')
  s.agent.settle()
  assert.deepEqual(s.counts(), { line: 1, next: 1 })
  assert.match(s.agent.tailer.errors.join('\n'), /link\.log: .*out of the directories of its input/)
})

test('the same file by a link out of the way and by its own name: refused by one, read by the other', async () => {
  await using s = await tailScene('logs/*.log')
  mkdirSync(s.at('logs'))
  writeFileSync(s.at('x.log'), 'line\n')
  symlinkSync('../x.log', s.at('logs/a.log'))
  s.agent.settle()
  assert.deepEqual(s.counts(), {})
  // It moves in: another name, the same inode.
  renameSync(s.at('x.log'), s.at('logs/b.log'))
  s.agent.settle()
  assert.deepEqual(s.counts(), { line: 1 })
})

test('an inode that comes back under a name that nobody asked for is not read', async () => {
  await using s = await tailScene('a.log')
  writeFileSync(s.at('a.log'), 'one\ntwo\n')
  s.agent.settle()
  s.agent.crash()
  renameSync(s.at('a.log'), s.at('secret'))
  writeFileSync(s.at('secret'), 'secret 1\nsecret 2\nsecret 3\n')
  s.restart()
  s.agent.settle()
  assert.deepEqual(s.counts(), { one: 1, two: 1 })
  assert.deepEqual(s.reasons(), ['truncated-before-read'])
})
