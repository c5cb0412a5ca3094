// Cells of a table that somebody opens in a spreadsheet: text from outside stays text.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { csvText, ndjsonText } from './tables.ts'

const columns = ['path', 'count']

test('csvText() makes no formula of a hostile path, quotes what needs it, and leaves numbers numbers', () => {
  const rows = [
    ['=cmd|x', -5],
    ['+1', 0.5],
    ['-1', null],
    ['@a', 1],
    ['\tx', 1],
    ['\rx', 1],
    ['a"b,c\n', 1],
    ['/ok', 1e21],
  ] as const
  assert.equal(
    csvText({ columns, rows }),
    `path,count\r\n'=cmd|x,-5\r\n'+1,0.5\r\n'-1,\r\n'@a,1\r\n'\tx,1\r\n"'\rx",1\r\n"a""b,c\n",1\r\n/ok,1e+21\r\n`,
  )
})

test('ndjsonText() gives an object a line', () => {
  assert.equal(
    ndjsonText({
      columns,
      rows: [
        ['a\n', 1],
        ['__proto__', null],
      ],
    }),
    '{"path":"a\\n","count":1}\n{"path":"__proto__","count":null}\n',
  )
})
