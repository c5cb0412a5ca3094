// Tables for the two index files: what is found, what lies on disk, and what is not believed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OffsetIndex } from './offset-index.ts'
import { SimDisk } from './sim-disk.ts'
import { TimeIndex } from './time-index.ts'

const path = '/00000000000000000100'

test('OffsetIndex finds a boundary at or before an offset and at or before a byte', () => {
  const index = OffsetIndex.empty(new SimDisk(), `${path}.index`)
  assert.deepEqual([index.positionFor(5), index.boundaryBefore(5), index.lastPosition], [0, 0, 0])
  for (const [offset, position] of [
    [9, 4100],
    [19, 8300],
    [29, 12_500],
  ] as const)
    index.append(offset, position)
  const found = [0, 8, 9, 18, 19, 28, 29, 1000].map(offset => index.positionFor(offset))
  assert.deepEqual(found, [0, 0, 4100, 4100, 8300, 8300, 12_500, 12_500])
  const boundaries = [0, 4099, 4100, 8299, 8300, 20_000].map(position => index.boundaryBefore(position))
  assert.deepEqual(boundaries, [0, 0, 4100, 4100, 8300, 12_500])
})

test('TimeIndex keeps only growing timestamps and finds from where on records are later', () => {
  const index = TimeIndex.empty(new SimDisk(), `${path}.timeindex`)
  for (const [timestamp, offset] of [
    [1000, 9],
    [1000, 19],
    [900, 29],
    [2000, 39],
  ] as const)
    index.append(timestamp, offset)
  assert.equal(index.count, 2)
  assert.deepEqual(
    [999, 1000, 1999, 2000, 9999].map(timestamp => index.offsetFor(timestamp)),
    [-1, 9, 9, 39, 39],
  )
  assert.deepEqual([index.lastTimestamp, index.lastRelativeOffset], [2000, 39])
})

test('both are big-endian on disk, written by appending, and read back', () => {
  const disk = new SimDisk()
  const offsets = OffsetIndex.empty(disk, `${path}.index`)
  const times = TimeIndex.empty(disk, `${path}.timeindex`)
  offsets.append(9, 4100)
  times.append(1_795_507_200_000, 9)
  offsets.file.write()
  times.file.write()
  offsets.append(19, 8300)
  offsets.file.write(true)
  assert.equal(disk.bytesOf(`${path}.index`).toString('hex'), '0000000900001004000000130000206c')
  assert.equal(disk.bytesOf(`${path}.timeindex`).toString('hex'), '000001a20c91a00000000009')
  const reopened = OffsetIndex.existing(disk, `${path}.index`, 9000)!
  assert.deepEqual([reopened.count, reopened.positionFor(12)], [2, 4100])
  for (let i = 0; i < 500; i++) reopened.append(20 + i, 8400 + i)
  reopened.file.write()
  reopened.file.forget()
  assert.deepEqual([reopened.count, reopened.positionFor(300)], [502, 8680])
})

test('an index that is absent, cut within an entry, zeroed or beyond its segment is not believed', () => {
  const disk = new SimDisk()
  const write = (bytes: Buffer) => {
    const fd = disk.open(`${path}.index`, 'create')
    disk.truncate(fd, 0)
    disk.write(fd, bytes, 0, bytes.length, 0)
    disk.close(fd)
  }
  assert.equal(OffsetIndex.existing(disk, `${path}.index`, 9000), null)
  assert.equal(TimeIndex.existing(disk, `${path}.timeindex`), null)
  const good = Buffer.from('0000000900001004000000130000206c', 'hex')
  write(good)
  assert.equal(OffsetIndex.existing(disk, `${path}.index`, 9000)?.count, 2)
  assert.equal(OffsetIndex.existing(disk, `${path}.index`, 8300), null)
  write(good.subarray(0, 13))
  assert.equal(OffsetIndex.existing(disk, `${path}.index`, 9000), null)
  write(Buffer.concat([good, Buffer.alloc(8)]))
  assert.equal(OffsetIndex.existing(disk, `${path}.index`, 9000), null)
})
