// The checkpoint survives damage to any of its bytes, and keeps the generation before it.
import assert from 'node:assert/strict'
import { mkdtempDisposable, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeCheckpoint, encodeCheckpoint, loadCheckpoint } from './checkpoint.ts'
import { CheckpointWriter } from './checkpoint-writer.ts'

const body = (mark: string) => JSON.stringify({ format: 1, files: [], note: mark })
const noteOf = (checkpoint: unknown) => (checkpoint as { note: string }).note

function writerOf(directory: string, next: () => string | null) {
  const durable: number[] = []
  let wake = () => {}
  const writer = new CheckpointWriter(
    directory,
    next,
    epoch => {
      durable.push(epoch)
      wake()
    },
    error => assert.fail(error),
  )
  const once = () => new Promise<void>(resolve => (wake = resolve))
  return { writer, durable, once }
}

test('requests while one is being written are served by one more', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'checkpoint-'))
  let count = 0
  const { writer, durable, once } = writerOf(directory.path, () => body(`${++count}`))
  writer.request()
  assert.equal(writer.epoch, 2)
  writer.request()
  writer.request()
  while (durable.length < 2) await once()
  assert.deepEqual([durable, count, writer.durableEpoch], [[1, 2], 2, 2])
  const loaded = loadCheckpoint(directory.path)
  assert(loaded.state === 'current')
  assert.equal(noteOf(loaded.checkpoint), '2')
})

test('whatever byte range of the checkpoint is damaged, the one before it is used', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'checkpoint-'))
  let note = 'old'
  const { writer } = writerOf(directory.path, () => body(note))
  assert.equal(writer.writeNow(), true)
  note = 'new'
  assert.equal(writer.writeNow(), true)
  const path = join(directory.path, 'checkpoint')
  const good = await readFile(path)
  const damages: Buffer[] = []
  for (let at = 0; at < good.length; at++) {
    damages.push(good.subarray(0, at))
    for (const width of [1, 8, good.length - at]) {
      const zeroed = Buffer.from(good)
      zeroed.fill(0, at, Math.min(at + width, good.length))
      damages.push(zeroed)
    }
  }
  damages.push(Buffer.concat([good, Buffer.from('tail of an older, longer one')]))
  for (const damaged of damages) {
    await writeFile(path, damaged)
    const loaded = loadCheckpoint(directory.path)
    assert(loaded.state === 'damaged', damaged.toString('latin1'))
    assert.equal(noteOf(loaded.checkpoint), 'old')
  }
})

test('nothing at all is missing; both generations damaged is damaged, never a throw', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'checkpoint-'))
  assert.deepEqual(loadCheckpoint(directory.path), { state: 'missing' })
  await writeFile(join(directory.path, 'checkpoint'), 'tailrace-checkpoint 1 1\n{')
  await writeFile(join(directory.path, 'checkpoint.previous'), Buffer.alloc(100))
  const loaded = loadCheckpoint(directory.path)
  assert(loaded.state === 'damaged' && loaded.checkpoint === null)
  await rm(join(directory.path, 'checkpoint'))
  assert.equal(loadCheckpoint(directory.path).state, 'damaged')
})

test('a snapshot that must wait is written when it is asked for again', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'checkpoint-'))
  let ready = false
  const { writer, durable, once } = writerOf(directory.path, () => (ready ? body('x') : null))
  writer.request()
  assert.equal(writer.epoch, 1)
  ready = true
  writer.request()
  await once()
  assert.deepEqual(durable, [1])
})

test('a checkpoint of another format is refused by name', () => {
  assert.match(decodeCheckpoint(encodeCheckpoint('{"format":2,"files":[]}')) as string, /format 2/)
})
