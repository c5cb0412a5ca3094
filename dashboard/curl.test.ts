// The command that asks again: a POSIX shell reads from it exactly what was meant.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { curlOf } from './curl.ts'

/** What curl would be given as arguments. */
function argumentsOf(command: string): string[] {
  const script = `curl() { printf '%s\\0' "$@"; }\n${command}`
  const output = execFileSync('/bin/sh', ['-c', script], { env: { TOKEN: 'secret' }, encoding: 'utf8' })
  return output.split('\0').slice(0, -1)
}

test('a shell reads header and address as they are meant, whatever a value holds', () => {
  const hostile = `/api/v1/stats/requests?filter=${encodeURIComponent("path:/it's $(rm -rf) `x`")}'"$HOME`
  assert.deepEqual(argumentsOf(curlOf('http://127.0.0.1:8080', hostile)), [
    '-H',
    'Authorization: Bearer secret',
    `http://127.0.0.1:8080${hostile}`,
  ])
})

test('a body makes it a POST of JSON, and a table is asked for by its media type', () => {
  const body = { steps: [{ page: "/o'clock" }, { event: 'Bought' }] }
  const posted = argumentsOf(curlOf('http://a', '/api/v1/funnels', { body }))
  assert.deepEqual(JSON.parse(posted[posted.indexOf('-d') + 1]!), body)
  assert.ok(posted.includes('Content-Type: application/json'))
  assert.ok(argumentsOf(curlOf('http://a', '/x', { accept: 'text/csv' })).includes('Accept: text/csv'))
})

test('the token itself is never in it', () => {
  assert.match(curlOf('http://a', '/x'), /Bearer \$TOKEN"/)
})
