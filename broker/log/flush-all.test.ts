// What many partitions cost at either end of a broker's life: counted in syncs that block, not in milliseconds.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flushAll, flushLeftBehind } from './flush-all.ts'
import { flushesInFlightMax } from './group-commit.ts'
import { appended, batchOf, closeOn, completed, openDirectory, randomFrom, topicId } from './log-fixture.ts'
import { SimDisk } from './sim-disk.ts'

class CountingDisk extends SimDisk {
  blockingSyncs = 0
  pendingMax = 0

  override sync(fd: number): void {
    this.blockingSyncs++
    super.sync(fd)
  }

  override syncDirectory(path: string): void {
    this.blockingSyncs++
    super.syncDirectory(path)
  }

  override completeFlushes(): void {
    this.pendingMax = Math.max(this.pendingMax, this.pendingFlushes)
    super.completeFlushes()
  }
}

/** Each partition has one batch, in the first epoch of its leader. */
function directoryOf(disk: SimDisk, partitions: number) {
  const directory = openDirectory(disk)
  for (let index = 0; index < partitions; index++) {
    appended(directory.create('logs', index, topicId).append(batchOf({ values: ['x'] }), 0, disk.nowMs))
  }
  return directory
}

test('a clean stop blocks for as many syncs with 300 changed partitions as with 3', async () => {
  const counts = []
  for (const partitions of [3, 300]) {
    const disk = new CountingDisk()
    const directory = directoryOf(disk, partitions)
    disk.blockingSyncs = 0
    await closeOn(disk, directory)
    counts.push(disk.blockingSyncs)
    assert(disk.pendingMax <= flushesInFlightMax, `${disk.pendingMax} flushes at once`)
    disk.crash('none', randomFrom(1))
    const reopened = openDirectory(disk)
    assert(reopened.previousBrokerEpoch >= 0)
    assert.equal(
      [...reopened.logs()].filter(log => log.logEndOffset === 1 && log.latestEpoch === 0).length,
      partitions,
    )
  }
  assert.equal(counts[0], counts[1])
})

test('a clean stop flushes nothing of partitions that nothing was appended to', async () => {
  const disk = new CountingDisk()
  await closeOn(disk, directoryOf(disk, 300))
  const directory = openDirectory(disk)
  const flushed: string[] = []
  disk.fault = (operation, path) => {
    if (operation === 'sync' && path.includes('logs-')) flushed.push(path)
    return null
  }
  appended(directory.get('logs', 7)!.append(batchOf({ values: ['y'] }), 0, disk.nowMs))
  await closeOn(disk, directory)
  assert(flushed.length > 0)
  assert.deepEqual(
    flushed.filter(path => !path.includes('logs-7/')),
    [],
  )
})

test('flushLeftBehind() leaves no log, metadata or name of a killed life to the page cache alone', async () => {
  const disk = new CountingDisk()
  directoryOf(disk, 20)
  disk.crash('process', randomFrom(1))
  disk.blockingSyncs = 0
  await completed(disk, flushLeftBehind(disk, '/data'))
  assert.equal(disk.blockingSyncs, 0)
  disk.crash('none', randomFrom(1))
  const ends = [...openDirectory(disk).logs()].map(log => log.logEndOffset)
  assert.deepEqual(ends, Array(20).fill(1))
})

test('flushLeftBehind() does nothing after a clean end, nor where there is nothing yet', async () => {
  const disk = new SimDisk()
  await flushLeftBehind(disk, '/data')
  await closeOn(disk, directoryOf(disk, 2))
  await flushLeftBehind(disk, '/data')
  assert.equal(disk.pendingFlushes, 0)
})

test('flushLeftBehind() leaves a log that cannot be flushed to recovery, and fails for any other file', async () => {
  for (const [name, fails] of [
    ['.log', false],
    ['partition.metadata', true],
    ['durable-point', true],
  ] as const) {
    const disk = new SimDisk()
    directoryOf(disk, 2)
    disk.crash('process', randomFrom(1))
    disk.fault = (operation, path) =>
      operation === 'sync' && path.endsWith(name) ? new Error(`EIO ${name}`) : null
    const flushing = completed(disk, flushLeftBehind(disk, '/data'))
    if (fails) await assert.rejects(flushing, new RegExp(`EIO ${name}`))
    else await flushing
  }
})

test('flushAll() begins nothing more after a failure, and reports it once all in flight have ended', async () => {
  const begun: string[] = []
  const paths = Array.from({ length: 40 }, (_, index) => String(index))
  const flushing = flushAll(paths, async path => {
    begun.push(path)
    await null
    if (path === '3') throw new Error('EIO')
  })
  await assert.rejects(flushing, /EIO/)
  assert(begun.length < paths.length)
})
