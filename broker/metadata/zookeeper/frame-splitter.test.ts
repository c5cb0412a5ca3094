// Frames come out whole, however the bytes arrive, and a length that lies is refused before it costs memory.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameSplitter } from './frame-splitter.ts'
import { JuteError } from './jute.ts'

test('FrameSplitter gives the same frames for every way of cutting the bytes', () => {
  const frames = ['', 'a', 'bcd', 'x'.repeat(300)]
  const bytes = Buffer.concat(
    frames.map(frame => {
      const length = Buffer.alloc(4)
      length.writeInt32BE(frame.length)
      return Buffer.concat([length, Buffer.from(frame)])
    }),
  )
  for (let size = 1; size <= bytes.length; size++) {
    const splitter = new FrameSplitter()
    const seen: string[] = []
    for (let at = 0; at < bytes.length; at += size) {
      splitter.push(bytes.subarray(at, at + size), frame => seen.push(frame.toString()))
    }
    assert.deepEqual(seen, frames, `in pieces of ${size}`)
  }
})

test('FrameSplitter refuses lengths below zero and above its bound', () => {
  for (const length of [-1, 64 * 1024 * 1024 + 1]) {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(length)
    assert.throws(() => new FrameSplitter().push(bytes, () => {}), JuteError)
  }
})
