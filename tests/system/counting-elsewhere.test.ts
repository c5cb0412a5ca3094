// Statistics on a machine of their own: the brokers are reached by their port for others, by TLS and as a user that may
// read and write topics and nothing else. Every line is counted there as it is beside the brokers.
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { StatsAnswer } from '../../analytics/http/contract.ts'
import { eventually } from '../eventually.ts'
import { freePorts } from './appliance.ts'

const launcher = join(import.meta.dirname, '../../cli/tailrace.js')

function tailrace(...args: string[]): ChildProcess {
  return spawn(process.execPath, [launcher, ...args], { stdio: 'ignore' })
}

/** Null while nobody answers. */
async function requests(data: string, port: number): Promise<number | null> {
  try {
    const authorization = `Bearer ${readFileSync(join(data, 'token'), 'utf8').trim()}`
    const address = `http://127.0.0.1:${port}/api/v1/stats/requests?window=1h`
    const answer = (await (await fetch(address, { headers: { authorization } })).json()) as StatsAnswer
    return answer.rows[0]?.values['value'] ?? 0
  } catch {
    return null
  }
}

test('analytics with a data directory of their own count over TLS, as a user', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-elsewhere-'))
  const at = (name: string) => join(directory.path, name)
  const ports = await freePorts(5)
  const log = at('site.log')
  const [, day, month, year, time] = new Date().toUTCString().split(/[ ,]+/)
  const line = `203.0.113.7 - - [${day}/${month}/${year}:${time} +0000] "GET /a HTTP/1.1" 200 5 "-" "t" 0.01\n`
  appendFileSync(log, line.repeat(100))

  const open = [
    '--public',
    'localhost',
    '--public-kafka-port',
    `${ports}`,
    '--public-http-port',
    `${ports + 1}`,
  ]
  const own = ['--data', at('one'), '--kafka-port', `${ports + 2}`, '--http-port', `${ports + 3}`]
  const appliance = tailrace('up', '--brokers', '1', '--tail', log, ...own, ...open)
  let elsewhere: ChildProcess | null = null
  try {
    await eventually(
      'the lines are counted here',
      () => requests(at('one'), ports + 3),
      count => count === 100,
      90_000,
    )
    const roles = ['--role', 'consume', '--role', 'produce', '--password-stdin', ...own.slice(0, 4)]
    execFileSync(process.execPath, [launcher, 'users', 'add', 'counting', ...roles], {
      input: 'a password of many letters\n',
    })
    writeFileSync(at('password'), 'a password of many letters\n', { mode: 0o600 })
    const reach = `{caFile: ${at('one/tls/ca.pem')}, user: counting, passwordFile: ${at('password')}}`
    writeFileSync(at('two.yaml'), `bootstrap: localhost:${ports}\nreach: ${reach}\n`)
    elsewhere = tailrace(
      'analytics',
      '--config',
      at('two.yaml'),
      '--data',
      at('two'),
      '--http-port',
      `${ports + 4}`,
    )
    appendFileSync(log, line.repeat(50))
    await eventually(
      'and there',
      () => requests(at('two'), ports + 4),
      count => count === 150,
      90_000,
    )
    assert.equal(await requests(at('one'), ports + 3), 150)
  } finally {
    for (const child of [elsewhere, appliance]) {
      if (!child || child.exitCode !== null) continue
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
  }
})
