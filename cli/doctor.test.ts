// What doctor finds, each with what to do; and that nothing that must not leave is in a debug bundle.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { AgentStatus } from '../analytics/http/contract.ts'
import { agentFindings, judgeDisk, nodeFinding, openFilesFinding } from './doctor.ts'
import { redactLogLine, redactSettings } from './redact-bundle.ts'
import { runCommand } from './run-command.ts'

const nowMs = 1_000_000_000
const agent = (changes: Partial<AgentStatus>) =>
  ({ agentId: 'a1', host: 'web', version: '1.0.0', lastSeen: nowMs, errors: [], ...changes }) as AgentStatus

const findings = [
  ['an old Node', nodeFinding('20.1.0'), 'problem', /too old/],
  ['few files', openFilesFinding(1_024), 'problem', /only 1024 files/],
  ['a full disk', judgeDisk({ free: 1, size: 1_000, wanted: 0 }), 'problem', /are free/],
  ['retention beyond the disk', judgeDisk({ free: 500, size: 1_000, wanted: 800 }), 'warning', /go earlier/],
  ['no agent', agentFindings([], nowMs, '1.0.0')[0]!, 'warning', /none has reported/],
  [
    'a clock ahead',
    agentFindings([agent({ lastSeen: nowMs + 90_000 })], nowMs, '1.0.0')[0]!,
    'problem',
    /90 s ahead/,
  ],
  [
    'a silent agent',
    agentFindings([agent({ lastSeen: nowMs - 90_000 })], nowMs, '1.0.0')[0]!,
    'problem',
    /90 s ago/,
  ],
  ['another version', agentFindings([agent({ version: '0.9.0' })], nowMs, '1.0.0')[0]!, 'warning', /0\.9\.0/],
] as const
for (const [what, finding, severity, detail] of findings) {
  test(`doctor finds ${what}, and says what to do`, () => {
    assert.equal(finding.severity, severity)
    assert.match(finding.detail, detail)
    assert(finding.fix !== null && finding.fix.length > 5)
  })
}

test('doctor has nothing to say where all is well', () => {
  const all = [nodeFinding('24.1.0'), openFilesFinding(1e6), ...agentFindings([agent({})], nowMs, '1.0.0')]
  for (const finding of all) assert.deepEqual([finding.severity, finding.fix], ['ok', null])
})

test('tailrace doctor ends with 10 where nothing runs, with a fix for each finding', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'doctor-'))
  await writeFile(join(directory.path, 'token'), 'canary-token\n', { mode: 0o644 })
  const { code, output } = await runCommand(directory.path, [
    'doctor',
    '--data',
    '.',
    '--http-port',
    '1',
    '--json',
  ])
  assert.equal(code, 10)
  const report = JSON.parse(output) as {
    healthy: boolean
    findings: { check: string; severity: string; fix: string }[]
  }
  assert.equal(report.healthy, false)
  const problems = report.findings.filter(({ severity }) => severity === 'problem')
  assert(problems.some(({ check, fix }) => check === 'data' && fix.startsWith('chmod 600')))
  assert(problems.some(({ check, fix }) => check === 'server' && fix.startsWith('tailrace up')))
})

test('a debug bundle is an archive without secrets and without lines of logs', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'bundle-'))
  const at = (path: string) => join(directory.path, path)
  await mkdir(at('d/log'), { recursive: true })
  await mkdir(at('d/broker-1'))
  for (const name of ['token', 'key-seed', 'cluster-secret'])
    await writeFile(at(`d/${name}`), `canary-${name}\n`)
  const entry = {
    time: 't',
    level: 'warn',
    message: 'cannot parse "canary-quoted"',
    detail: 'canary-line',
    count: 7,
  }
  const more = { ...entry, message: 'refused Bearer canary-token' }
  await writeFile(at('d/log/agent.log'), `${JSON.stringify(entry)}\ncanary-plain\n${JSON.stringify(more)}\n`)
  await writeFile(at('d/broker-1/metrics.prom'), 'tailrace_up 1\n')
  const yaml = `reach: { user: me, passwordFile: canary-password-file }
bootstrap: h:1
zookeeper: { credentials: canary-credentials }
`
  await writeFile(at('tailrace.yaml'), yaml)
  const args = ['debug', 'bundle', 'out.tar.gz', '--data', 'd', '--http-port', '1', '-q']
  const { code, errors } = await runCommand(directory.path, args)
  assert.deepEqual([code, errors], [0, ''])
  const names = execFileSync('tar', ['-tzf', at('out.tar.gz')], { encoding: 'utf8' })
    .trim()
    .split('\n')
  for (const name of ['versions.json', 'settings.json', 'doctor.json', 'status.json', 'log/agent.log']) {
    assert(names.includes(`tailrace-debug/${name}`), name)
  }
  const text = execFileSync('tar', ['-xzOf', at('out.tar.gz')], { encoding: 'utf8' })
  assert.match(text, /"count":7/)
  assert.match(text, /tailrace_up 1/)
  assert.doesNotMatch(text, /canary/)
  assert(
    !gunzipSync(await import('node:fs').then(fs => fs.readFileSync(at('out.tar.gz')))).includes('canary'),
  )
  const again = await runCommand(directory.path, args)
  assert.deepEqual([again.code, again.output], [1, ''])
})

test('settings lose what is named like a secret, and users in addresses', () => {
  const given = {
    alerts: [{ webhook: { url: 'https://x/canary', headers: { a: 'canary' } } }],
    metadata: 'zookeeper://u:canary@h/x',
    inputs: [{ keyField: 'anonymousId', paths: ['/var/log'] }],
  }
  const shown = redactSettings(given)
  assert.doesNotMatch(JSON.stringify(shown), /canary/)
  assert.deepEqual((shown as typeof given).inputs, given.inputs)
  assert.equal(redactLogLine('canary'), null)
})
