// Lines out of bytes, with the bytes arriving in every possible pair of pieces.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { characterEdge, cutLines } from './lines.ts'

function linesOf(text: string, position = 0): { lines: [string, number][]; taken: number } {
  const lines: [string, number][] = []
  const bytes = Buffer.from(`##${text}##\n`, 'latin1')
  const taken = cutLines(bytes, 2, 2 + text.length, position, (buffer, start, end, at) => {
    lines.push([buffer.toString('latin1', start, end), at])
  })
  return { lines, taken }
}

test('complete lines are visited with their positions, the rest waits', () => {
  assert.deepEqual(linesOf('one\ntwo\nthr', 100), {
    lines: [
      ['one', 100],
      ['two', 104],
    ],
    taken: 8,
  })
  assert.deepEqual(linesOf('partial'), { lines: [], taken: 0 })
})

test('CRLF and LF, empty lines, and NULs left by a truncation', () => {
  assert.deepEqual(linesOf('a\r\nb\n\r\n\n\0\0c\n\0\0\0\n').lines, [
    ['a', 0],
    ['b', 3],
    ['c', 10],
  ])
})

test('wherever the bytes are split, the same lines come out once', () => {
  const text = 'alpha\r\n\nbeta\ngamma delta\r\nlast\n'
  const whole = linesOf(text).lines
  for (let cut = 0; cut <= text.length; cut++) {
    const first = linesOf(text.slice(0, cut))
    const second = linesOf(text.slice(first.taken), first.taken)
    assert.deepEqual([...first.lines, ...second.lines], whole, `cut at ${cut}`)
    assert.equal(first.taken + second.taken, text.length)
  }
})

test('characterEdge() never splits a character and gives up on what is not UTF-8', () => {
  const euro = Buffer.from('a€b')
  assert.deepEqual(
    [1, 2, 3, 4].map(limit => characterEdge(euro, 0, limit)),
    [1, 1, 1, 4],
  )
  const broken = Buffer.alloc(8, 0x80)
  assert.equal(characterEdge(broken, 0, 6), 6)
})

test('a byte order mark before the first line of a file is no part of it; anywhere else it is text', () => {
  const marked = '\xef\xbb\xbfone\n\xef\xbb\xbftwo\n'
  assert.deepEqual(linesOf(marked).lines, [
    ['one', 3],
    ['\xef\xbb\xbftwo', 7],
  ])
  assert.deepEqual(linesOf('\xef\xbb\xbfone'), { lines: [], taken: 0 })
})
