// The code table: names, numbers and retriability as Kafka has them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCodes, errorName, errors } from './errors.ts'

test('every number has one name and every name gives it back', () => {
  const codes = Object.values(errorCodes)
  assert.equal(new Set(codes).size, codes.length)
  assert.equal(Math.min(...codes), -1)
  for (const [name, row] of Object.entries(errors)) assert.equal(errorName(row.code), name)
})

test('the codes that clients act on are where Kafka put them', () => {
  assert.deepEqual(
    [
      errorCodes.none,
      errorCodes.offsetOutOfRange,
      errorCodes.notLeaderOrFollower,
      errorCodes.outOfOrderSequenceNumber,
      errorCodes.memberIdRequired,
      errorCodes.unknownTopicId,
    ],
    [0, 1, 6, 45, 79, 100],
  )
})

test('errorName() of a code from the future is unknownServerError', () => {
  assert.equal(errorName(9999), 'unknownServerError')
})
