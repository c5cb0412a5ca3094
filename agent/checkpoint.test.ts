// The checkpoint survives damage to any of its bytes, and keeps the generation before it.
import assert from 'node:assert/strict'
import { appendFileSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { decodeCheckpoint, encodeCheckpoint, journalNameOf, loadCheckpoint } from './checkpoint.ts'
import { CheckpointWriter } from './checkpoint-writer.ts'
import { Discovery } from './discover.ts'
import { encodeEntry, journalPath } from './journal.ts'
import { Tailer } from './tail.ts'
import { tailScene } from './tail-story.ts'

const body = (mark: string) => `"files":[],"note":"${mark}"`
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

test('a checkpoint names its journal and has a format of its own; one without can be read by the first agents', () => {
  const whole = encodeCheckpoint('"files":[]').toString('latin1')
  assert.match(whole, /^tailrace-checkpoint \d+ \d+\n\{"format":1,"files":\[\]\}$/)
  const journalled = encodeCheckpoint('"files":[]', 'a-_1')
  assert.deepEqual(decodeCheckpoint(journalled), { checkpoint: { format: 2, journal: 'a-_1', files: [] } })
  // Written for a while: the first format, with the journal's name in the header.
  const between = Buffer.from(whole.replace('\n', ' b-2\n'), 'latin1')
  assert.deepEqual(decodeCheckpoint(between), { checkpoint: { format: 1, journal: 'b-2', files: [] } })
})

test('a checkpoint of a newer format is neither read nor damaged; journals of both ways are found', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'checkpoint-'))
  const path = join(directory.path, 'checkpoint')
  const body = Buffer.from('{"format":3,"files":[]}')
  await writeFile(
    path,
    Buffer.concat([Buffer.from(`tailrace-checkpoint ${crc32(body)} ${body.length}\n`), body]),
  )
  assert.deepEqual(loadCheckpoint(directory.path), { state: 'newer', format: 3 })
  for (const [bytes, name] of [
    [encodeCheckpoint('"files":[]', 'x-1'), 'x-1'],
    [encodeCheckpoint('"files":[]'), ''],
    [Buffer.from(encodeCheckpoint('"files":[]').toString('latin1').replace('\n', ' y-1\n')), 'y-1'],
  ] as const) {
    await writeFile(path, bytes)
    assert.equal(journalNameOf(path), name)
  }
})

test('what a later agent adds to a checkpoint or its journal, format unchanged, is passed over', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'checkpoint-'))
  const file = (serial: number) => `{"serial":${serial},"path":"/${serial}","later":[1]}`
  const bytes = encodeCheckpoint(`"later":{"a":1},"files":[${file(1)}]`, 'x-1')
  // As those before `looked` asked: no other format than these two, and files.
  assert.match(bytes.toString(), /^tailrace-checkpoint \d+ \d+\n\{"format":2,"journal":"x-1",/)
  await writeFile(join(directory.path, 'checkpoint'), bytes)
  const entry = encodeEntry(`{"later":2,"looked":7,"forgotten":[],"changed":[${file(2)}]}`)
  await writeFile(journalPath(directory.path, 'x-1'), entry)
  const loaded = loadCheckpoint(directory.path)
  assert(loaded.state === 'current', loaded.state)
  assert.deepEqual(
    [loaded.checkpoint.files.map(({ path }) => path), loaded.checkpoint.looked],
    [['/1', '/2'], 7],
  )
})

test('a checkpoint that does not say by when its agent had looked: begun as on a first start', async () => {
  await using s = await tailScene('x.log')
  writeFileSync(s.at('x.log'), 'one\n')
  s.agent.settle()
  s.agent.crash()
  appendFileSync(s.at('x.log'), 'two\n')
  const { story } = s
  const tailer = new Tailer({
    discovery: new Discovery(story.inputs),
    sink: s.agent,
    log: story.log,
    // To an agent whose clock is a minute ahead what was rotated is old.
    wallMs: () => Date.now() + 60_000,
  })
  writeFileSync(s.at('x.log.1'), 'rotated\n')
  tailer.restore({ files: story.checkpoint! }, story.now)
  s.agent.room = true
  tailer.sweep(story.now)
  tailer.close()
  assert.deepEqual([...s.agent.handed], ['one', 'two'])
})
