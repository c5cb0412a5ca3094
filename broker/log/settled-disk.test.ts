// What a start need not sync again, and what it must.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SettledDisk } from './settled-disk.ts'
import { SimDisk } from './sim-disk.ts'

function settled() {
  const sim = new SimDisk()
  sim.makeDirectory('/data')
  sim.close(sim.open('/data/a', 'create'))
  const synced: string[] = []
  sim.fault = (operation, path) => {
    if (operation === 'sync' || operation === 'syncDirectory') synced.push(path)
    return null
  }
  const disk = new SettledDisk(sim)
  return { sim, disk, synced, fd: disk.open('/data/a', 'write') }
}

const bytes = Buffer.from('x')
const noop = () => undefined

test('what was flushed is not synced again, until it changes', () => {
  const { sim, disk, synced, fd } = settled()
  disk.flush(fd, noop)
  disk.flushDirectory('/data', noop)
  sim.completeFlushes()
  synced.length = 0
  disk.sync(fd)
  disk.syncDirectory('/data')
  assert.deepEqual(synced, [])
  disk.write(fd, bytes, 0, 1, 0)
  disk.sync(fd)
  disk.truncate(fd, 0)
  disk.sync(fd)
  disk.sync(fd)
  assert.deepEqual(synced, ['/data/a', '/data/a'])
})

test('names that come, go or change are to be synced', () => {
  const { disk, synced } = settled()
  const changes: [what: string, change: () => void, isChange: boolean][] = [
    ['a new file', () => disk.close(disk.open('/data/b', 'create')), true],
    ['one that is there', () => disk.close(disk.open('/data/b', 'create')), false],
    ['a rename', () => disk.rename('/data/b', '/data/c'), true],
    ['a removal', () => disk.unlink('/data/c'), true],
    ['a directory', () => disk.makeDirectory('/data/d'), true],
    ['no directory', () => disk.removeDirectory('/data/d'), true],
  ]
  for (const [what, change, isChange] of changes) {
    disk.syncDirectory('/data')
    synced.length = 0
    change()
    disk.syncDirectory('/data')
    assert.deepEqual(synced, isChange ? ['/data'] : [], what)
  }
})

test('a flush that failed, or that something changed under, vouches for nothing', () => {
  const { sim, disk, synced, fd } = settled()
  disk.flush(fd, noop)
  disk.write(fd, bytes, 0, 1, 0)
  sim.completeFlushes()
  disk.sync(fd)
  assert.deepEqual(synced, ['/data/a', '/data/a'])
  disk.write(fd, bytes, 0, 1, 0)
  sim.fault = () => new Error('EIO')
  disk.flush(fd, noop)
  sim.completeFlushes()
  assert.throws(() => disk.sync(fd), /EIO/)
})

test('another file under the name of one that was flushed is not settled', () => {
  const { sim, disk, synced, fd } = settled()
  disk.sync(fd)
  const other = disk.open('/data/other', 'create')
  disk.write(other, bytes, 0, 1, 0)
  disk.rename('/data/other', '/data/a')
  synced.length = 0
  const again = disk.open('/data/a', 'write')
  disk.sync(again)
  assert.deepEqual(synced, ['/data/a'])
  assert.equal(sim.openFiles, 3)
})

test('once the start is over every sync is one', () => {
  const { disk, synced, fd } = settled()
  disk.sync(fd)
  disk.end()
  disk.sync(fd)
  disk.syncDirectory('/data')
  disk.syncDirectory('/data')
  assert.deepEqual(synced, ['/data/a', '/data/a', '/data', '/data'])
})
