// The files that lines without a file are written into: whole lines, moved aside when full, removed when acknowledged.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Spool } from './spool.ts'

const bounds = { fileBytesMax: 100, bytesMax: 300 }

function described(path: string, acknowledged: number) {
  return {
    path,
    topic: null,
    format: null,
    size: acknowledged,
    read: acknowledged,
    acknowledged,
    gone: false,
  }
}

test('chunks that end anywhere are parted between files at lines', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'spool-'))
  const spool = new Spool(directory.path, 'stdin', bounds)
  const text = Array.from({ length: 20 }, (_, index) => `line ${index} ${'x'.repeat(index)}\n`).join('')
  for (let at = 0; at < text.length; at += 7) spool.append(Buffer.from(text.slice(at, at + 7)))
  spool.close()
  const place = join(directory.path, 'spool')
  const names = readdirSync(place).sort(
    (a, b) => Number(a.split('.')[2] ?? 99) - Number(b.split('.')[2] ?? 99),
  )
  assert(names.length >= 3)
  const files = names.map(name => readFileSync(join(place, name), 'utf8'))
  assert.equal(files.join(''), text)
  for (const file of files) assert(file.endsWith('\n'), 'each file ends with a line')
})

test('full, it says so until what was moved aside is acknowledged to its end', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'spool-'))
  const spool = new Spool(directory.path, 'statsd', bounds)
  const line = Buffer.from(`${'m'.repeat(59)}\n`)
  while (!spool.isFull) spool.append(line)
  const place = join(directory.path, 'spool')
  const aside = readdirSync(place).filter(name => name !== 'statsd.log')
  assert(aside.length >= 2)
  spool.tidy(aside.map(name => described(join(place, name), 59)))
  assert(spool.isFull, 'one byte short is not acknowledged')
  spool.tidy(aside.map(name => described(join(place, name), 120)))
  assert(!spool.isFull)
  assert.deepEqual(readdirSync(place), ['statsd.log'])
  spool.close()
})

test('after a start it goes on, on a line of its own', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'spool-'))
  const first = new Spool(directory.path, 'stdin', bounds)
  first.append(Buffer.from('half a li'))
  first.close()
  const second = new Spool(directory.path, 'stdin', bounds)
  second.append(Buffer.from('a whole one\nand a last'))
  second.finish()
  second.close()
  assert.equal(readFileSync(second.path, 'utf8'), 'half a li\na whole one\nand a last\n')
})
