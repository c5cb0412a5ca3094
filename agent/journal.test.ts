// The journal of a checkpoint at every point where a crash may cut it off, with damage in every place, and on a disk
// that is full: what is told to be durable is there, and what is missing is said.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadCheckpoint } from './checkpoint.ts'
import { CheckpointWriter } from './checkpoint-writer.ts'

/** Files of which one more grows with every epoch, and the first is forgotten now and then. */
function memory() {
  const ends = new Map<number, number>()
  let changed = new Set<number>()
  let forgotten: number[] = []
  const textOf = (serials: Iterable<number>) =>
    `[${[...serials].map(serial => JSON.stringify({ serial, end: ends.get(serial), ranges: [] })).join(',\n')}]`
  const clear = () => {
    changed = new Set()
    forgotten = []
  }
  return {
    step(turn: number) {
      ends.set(turn % 7, turn)
      changed.add(turn % 7)
      if (turn % 5 !== 4) return
      forgotten.push(turn % 7)
      ends.delete(turn % 7)
      changed.delete(turn % 7)
    },
    now: () => JSON.stringify([...ends].sort(([a], [b]) => a - b)),
    snapshot() {
      clear()
      return `"files":${textOf(ends.keys())}`
    },
    changes() {
      const text = `{"forgotten":[${forgotten}],"changed":${textOf(changed)}}`
      clear()
      return text
    },
  }
}

function loaded(directory: string): { state: string; ends: string } {
  const found = loadCheckpoint(directory)
  const files = 'checkpoint' in found ? (found.checkpoint?.files ?? []) : []
  const ends = files.map(({ serial, end }) => [serial!, end] as const).sort(([a], [b]) => a - b)
  return { state: found.state, ends: JSON.stringify(ends) }
}

function journalsIn(directory: string): string[] {
  return readdirSync(directory).filter(name => name.startsWith('checkpoint.journal.'))
}

async function written(directory: string, turns: number) {
  const known = memory()
  let settle: (error: Error | null) => void = () => {}
  const writer = new CheckpointWriter(
    directory,
    known.snapshot,
    () => settle(null),
    error => settle(error),
    known.changes,
  )
  const save = () =>
    new Promise<Error | null>(resolve => {
      settle = resolve
      writer.request()
    })
  const states: string[] = []
  const sizes: number[] = []
  for (let turn = 0; turn < turns; turn++) {
    known.step(turn)
    assert.equal(await save(), null)
    states.push(known.now())
    const journal = journalsIn(directory).map(name => readFileSync(join(directory, name)).length)
    sizes.push(Math.max(0, ...journal))
  }
  return { known, save, writer, states, sizes }
}

test('a journal cut off at any byte: everything up to its last whole entry is there', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'journal-'))
  const { states, sizes } = await written(directory.path, 24)
  const [name] = journalsIn(directory.path)
  const path = join(directory.path, name!)
  const whole = readFileSync(path)
  assert.equal(sizes.at(-1), whole.length)
  for (let length = whole.length; length >= 0; length--) {
    truncateSync(path, length)
    const last = sizes.findLastIndex(size => size <= length)
    assert.deepEqual(loaded(directory.path), { state: 'current', ends: states[last] }, `cut at ${length}`)
  }
})

test('damage before the last entry is said, and what stands before it is used', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'journal-'))
  const { states, sizes } = await written(directory.path, 12)
  const path = join(directory.path, journalsIn(directory.path)[0]!)
  const whole = readFileSync(path)
  for (let at = 0; at < sizes.at(-2)!; at++) {
    const damaged = Buffer.from(whole)
    damaged[at]! ^= 0x55
    writeFileSync(path, damaged)
    const last = sizes.findLastIndex(size => size <= at)
    assert.deepEqual(loaded(directory.path), { state: 'damaged', ends: states[last] }, `damage at ${at}`)
  }
  rmSync(path)
  assert.deepEqual(loaded(directory.path), { state: 'damaged', ends: states[0] })
})

test('a journal that has outgrown its checkpoint makes room for another; the one before stays whole', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'journal-'))
  const { states, sizes, writer } = await written(directory.path, 1_500)
  assert.deepEqual(loaded(directory.path), { state: 'current', ends: states.at(-1) })
  assert(Math.max(...sizes) < 80_000, `${Math.max(...sizes)} bytes`)
  assert.equal(journalsIn(directory.path).length, 2)
  // The one before ends where the current one begins: a turn earlier.
  const renewed = sizes.findLastIndex((size, turn) => turn > 0 && size < sizes[turn - 1]!)
  writeFileSync(join(directory.path, 'checkpoint'), 'garbage')
  assert.equal(loaded(directory.path).state, 'damaged')
  assert.equal(renewed > 0, loaded(directory.path).ends === states[renewed - 1])
  // Last words are whole, and need no journal.
  assert.equal(writer.writeNow(), true)
  assert.deepEqual(loaded(directory.path), { state: 'current', ends: states.at(-1) })
})

test('a disk that is full in the middle of an entry: what was durable stays, then all is written anew', async t => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'journal-'))
  const disk = join(directory.path, 'disk')
  spawnSync('mkdir', [disk])
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=96k', 'none', disk]).status !== 0)
    return t.skip('no tmpfs')
  try {
    const { known, save, states } = await written(disk, 5)
    for (let filler = 0; ; filler++) {
      try {
        writeFileSync(join(disk, `filler-${filler}`), Buffer.alloc(4_096))
      } catch {
        break
      }
    }
    let turn = 5
    let failed: Error | null = null
    for (; failed === null; turn++) {
      known.step(turn)
      failed = await save()
      if (failed === null) states.push(known.now())
      assert(turn < 5_000)
    }
    assert.deepEqual(loaded(disk), { state: 'current', ends: states.at(-1) })
    assert.match(failed.message, /ENOSPC|wrote/)
    for (const name of readdirSync(disk)) if (name.startsWith('filler')) rmSync(join(disk, name))
    assert.equal(await save(), null)
    assert.deepEqual(loaded(disk), { state: 'current', ends: known.now() })
  } finally {
    // The journal is still open.
    spawnSync('umount', ['-l', disk])
  }
})
