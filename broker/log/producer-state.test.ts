// Stories of idempotent producers: what is appended, recognised, refused, and what a snapshot carries over.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatProducerSnapshot, parseProducerSnapshot } from './producer-snapshot.ts'
import { ProducerState, sequenceAfter } from './producer-state.ts'

const sequenceMax = 2 ** 31 - 1

/**
 * Plays `epoch:baseSequence+count` of producer 1 against a state, appending what may be appended at the next offset.
 * Each answer is one line: the offsets, the original offsets of a duplicate, or the refusal.
 */
function story(state: ProducerState, ...batches: readonly string[]): string[] {
  let nextOffset = 100
  return batches.map(batch => {
    const [epoch, base, count] = batch.split(/[:+]/).map(Number) as [number, number, number]
    const delta = count - 1
    const check = state.check(1, epoch, base, delta)
    if (check === 'duplicate')
      return `duplicate ${state.duplicateLastOffset - delta}..${state.duplicateLastOffset}`
    if (check !== 'append') return check
    state.record(1, epoch, sequenceAfter(base, delta), nextOffset + delta, delta, 1000)
    nextOffset += count
    return `append ${nextOffset - count}..${nextOffset - 1}`
  })
}

test('batches follow on, and a retry of any of the last five gets its first offsets', () => {
  const state = new ProducerState()
  assert.deepEqual(
    story(state, '0:0+3', '0:3+1', '0:4+2', '0:6+1', '0:7+1', '0:0+3', '0:4+2', '0:8+1', '0:3+1', '0:0+3'),
    [
      'append 100..102',
      'append 103..103',
      'append 104..105',
      'append 106..106',
      'append 107..107',
      'duplicate 100..102',
      'duplicate 104..105',
      'append 108..108',
      'duplicate 103..103',
      'outOfOrderSequenceNumber', // the sixth last: forgotten, and never appended twice
    ],
  )
})

test('a gap, a step back and a batch cut differently are refused', () => {
  assert.deepEqual(story(new ProducerState(), '0:0+3', '0:4+1', '0:2+1', '0:0+2', '0:3+1'), [
    'append 100..102',
    'outOfOrderSequenceNumber',
    'outOfOrderSequenceNumber',
    'outOfOrderSequenceNumber',
    'append 103..103',
  ])
})

test('sequences wrap from 2^31 - 1 to 0, between batches and within one', () => {
  assert.deepEqual(story(new ProducerState(), `0:${sequenceMax}+1`, '0:0+1', `0:${sequenceMax}+1`), [
    'append 100..100',
    'append 101..101',
    'duplicate 100..100',
  ])
  assert.deepEqual(story(new ProducerState(), `0:${sequenceMax - 1}+4`, '0:2+1', `0:${sequenceMax - 1}+4`), [
    'append 100..103',
    'append 104..104',
    'duplicate 100..103',
  ])
})

test('a new epoch starts at 0 and fences the older one', () => {
  assert.deepEqual(
    story(new ProducerState(), '0:0+2', '1:2+1', '1:0+1', '0:0+2', '0:2+1', '1:0+1', '1:1+1'),
    [
      'append 100..101',
      'outOfOrderSequenceNumber',
      'append 102..102',
      'invalidProducerEpoch',
      'invalidProducerEpoch',
      'duplicate 102..102',
      'append 103..103',
    ],
  )
})

test('a producer that is not known, or no longer, may go on at any sequence', () => {
  const state = new ProducerState()
  assert.deepEqual(story(state, '3:500+1'), ['append 100..100'])
  state.expire(1000)
  assert.equal(state.size, 1)
  state.expire(1001)
  assert.equal(state.size, 0)
  assert.deepEqual(story(state, '3:700+1'), ['append 100..100'])
})

test('a snapshot carries the whole window, oldest first, so that whoever keeps one row keeps the newest', () => {
  const state = new ProducerState()
  story(state, '2:0+3', '2:3+1', '2:4+1', '2:5+1', '2:6+1', '2:7+2')
  const bytes = formatProducerSnapshot(state.batches())
  const rows = parseProducerSnapshot(bytes)!
  assert.deepEqual(
    rows.map(row => [row.lastSequence, row.lastOffset, row.offsetDelta]),
    [
      [3, 103, 0],
      [4, 104, 0],
      [5, 105, 0],
      [6, 106, 0],
      [8, 108, 1],
    ],
  )
  const restored = new ProducerState()
  restored.restore(rows)
  assert.deepEqual(story(restored, '2:3+1', '2:7+2', '2:0+3', '2:9+1', '1:0+1'), [
    'duplicate 103..103',
    'duplicate 107..108',
    'outOfOrderSequenceNumber',
    'append 100..100',
    'invalidProducerEpoch',
  ])
})

test('a snapshot lies on disk as Kafka reads it: version, checksum, count, 46 bytes a row', () => {
  const state = new ProducerState()
  state.record(4711, 2, 8, 120, 1, 1_795_507_200_000)
  const bytes = formatProducerSnapshot(state.batches())
  assert.equal(
    bytes.toString('hex'),
    [
      '0001', // version
      bytes.subarray(2, 6).toString('hex'), // checksum, checked below by flipping bits
      '00000001', // rows
      '0000000000001267', // producer id
      '0002', // epoch
      '00000008', // last sequence
      '0000000000000078', // last offset
      '00000001', // offset delta
      '000001a20c91a000', // timestamp
      'ffffffff', // coordinator epoch
      'ffffffffffffffff', // no transaction
    ].join(''),
  )
  assert.equal(parseProducerSnapshot(bytes)?.length, 1)
})

test('a torn or flipped snapshot is no snapshot', () => {
  const state = new ProducerState()
  state.record(1, 0, 0, 0, 0, 0)
  const bytes = formatProducerSnapshot(state.batches())
  for (let length = 0; length < bytes.length; length++)
    assert.equal(parseProducerSnapshot(bytes.subarray(0, length)), null)
  for (let at = 0; at < bytes.length; at++) {
    const flipped = Buffer.from(bytes)
    flipped[at]! ^= 0x10
    assert.equal(parseProducerSnapshot(flipped), null, `byte ${at}`)
  }
})
