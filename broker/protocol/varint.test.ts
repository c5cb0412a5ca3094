// Variable-length integers: sizes, bytes and the way back, across every power of two.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reader } from './bytes.ts'
import { uvarintSize, varintSize, varlongSize, writeUvarint, writeVarint, writeVarlong } from './varint.ts'

test('every size function tells how many bytes its writer uses, and the Reader reads them back', () => {
  const buffer = Buffer.alloc(16)
  for (let bit = 0; bit <= 51; bit++) {
    for (const near of [2 ** bit - 1, 2 ** bit]) {
      if (near <= 0xffffffff) {
        const end = writeUvarint(buffer, 2, near)
        assert.equal(end - 2, uvarintSize(near))
        assert.equal(new Reader(buffer, 2, end).uvarint(), near)
      }
      for (const value of [near, -near]) {
        if (value >= -0x80000000 && value <= 0x7fffffff) {
          const end = writeVarint(buffer, 2, value)
          assert.equal(end - 2, varintSize(value))
          assert.equal(new Reader(buffer, 2, end).varint(), value + 0)
        }
        const end = writeVarlong(buffer, 2, value)
        assert.equal(end - 2, varlongSize(value), `size of ${value}`)
        assert.equal(new Reader(buffer, 2, end).varlong(), value + 0)
      }
    }
  }
})
