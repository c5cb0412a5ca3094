// Lists of random actions (write, rotate each way, truncate, delete, make anew with the same inode, read,
// pause, die, jump in time), played on real files and on a model: a line of a file that was neither truncated nor
// deleted is counted exactly once, any other at most once, and what is missing stands in the ledger. A floor of 120
// lists here; thousands by `npm run test:long`.
import assert from 'node:assert/strict'
import {
  appendFileSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { storyPartitions, tailScene } from './tail-story.ts'

const firstSeed = Number(process.env['TAILRACE_FIRST_SEED'] ?? 1)

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
    for (let seed = firstSeed; seed < firstSeed + 60; seed++) await play(seed, watched)
  })
}

/**
 * `known`: a durable checkpoint names it, with so many lines. What is written and truncated away between two looks at
 * a file of which nothing was read yet leaves no trace, and nobody promised anything about it.
 */
function newFile() {
  return { lines: [] as string[], partial: '', seen: -1, known: -1 }
}

/** `*.log*` has the rotated names in the glob, `*.log` has not. */
async function play(seed: number, watched: string): Promise<void> {
  // Every third list closes what is read to its end, so that an inode can come back.
  await using s = await tailScene(watched, seed % 3 === 0 ? { idleFilesMax: 1 } : {})
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
      const last = nameOf(files.length - 1)
      if (roll(2) > 0) writeFileSync(`${last}.gz`, gzipSync(readFileSync(last)))
      rmSync(last)
      lost(files.pop()!)
    },
    recreate: () => {
      // What comes and goes between two looks leaves no trace; so somebody looks before and after.
      sweep()
      save()
      lost(files[0]!)
      rmSync(nameOf(0))
      writeFileSync(nameOf(0), '')
      files[0] = newFile()
      sweep()
      save()
    },
    jump: () => {
      s.story.now += roll(2) > 0 ? 3_600_000 : 1_000
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
    ship: () => s.agent.ship(() => roll(3) > 0, roll(storyPartitions + 2)),
    restart,
    /** What an agent does most of the time. */
    work: () => {
      write(0, true)
      sweep()
      save()
      s.agent.ship(() => roll(4) > 0, roll(storyPartitions + 1))
    },
    reroute: () => {
      s.story.routing = { ...s.story.routing, partitions: 3 + roll(4) }
    },
  }
  writeFileSync(nameOf(0), '')
  const names = Object.keys(actions)
  const weights = [
    'write',
    'write',
    'write',
    'write',
    'sweep',
    'save',
    'ship',
    'work',
    'work',
    'work',
    'work',
  ]
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
