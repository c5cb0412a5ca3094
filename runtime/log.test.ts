// A log line is one JSON object, whatever was in it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog } from './log.ts'

function written(write: (log: ReturnType<typeof createLog>) => void): Record<string, unknown>[] {
  const lines: string[] = []
  write(createLog('room', line => lines.push(line)))
  for (const line of lines) assert.equal(line.indexOf('\n'), line.length - 1, 'one line each')
  return lines.map(line => JSON.parse(line) as Record<string, unknown>)
}

test('createLog() writes level, name, message and fields', () => {
  const [entry] = written(log => log.warn('disk slow', { path: '/d', ms: 12 }))
  const { time, ...rest } = entry!
  assert.match(String(time), /^\d{4}-\d\d-\d\dT/)
  assert.deepEqual(rest, { level: 'warn', name: 'room', message: 'disk slow', path: '/d', ms: 12 })
})

test('createLog() leaves out what lies below its level', () => {
  assert.equal(written(log => log.debug('chatter')).length, 0)
})

test('a hostile value is escaped and cut, an error keeps its message and code, an int64 its digits', () => {
  const failure = Object.assign(new Error('no space'), { code: 'ENOSPC' })
  const [entry] = written(log =>
    log.error('x', { line: `\n\u001b[2J${'y'.repeat(9_000)}`, failure, offset: 2n ** 60n }),
  )
  assert.match(String(entry!['line']), /^\n\u001b\[2Jy+… \(9005 characters\)$/)
  assert((entry!['line'] as string).length < 600)
  assert.deepEqual(
    [(entry!['failure'] as Record<string, unknown>)['code'], entry!['offset']],
    ['ENOSPC', String(2n ** 60n)],
  )
})
