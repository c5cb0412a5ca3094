// A host joins an appliance that is open to others, by the line that is printed, sends what is counted, and is refused
// once it is removed; what the agent says of itself on the way. Everything by the command line, over TLS on loopback.
import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { appendFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import type { AgentDescription } from '../../agent/description.ts'
import type { Enrolment } from '../../agent/enrolment.ts'
import type { StatsAnswer } from '../../analytics/http/contract.ts'
import { Connection } from '../../broker/client/connection.ts'
import { passwordLogin } from '../../broker/client/login.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { readAgent } from '../../cli/agent-status.ts'
import { eventually } from '../eventually.ts'

const launcher = join(import.meta.dirname, '../../cli/tailrace.js')
const environment = { ...process.env, TAILRACE_REEXECUTED: '1', NODE_TLS_REJECT_UNAUTHORIZED: '0' }
const run = promisify(execFile)

let directory: Awaited<ReturnType<typeof mkdtempDisposable>>
let appliance: ChildProcess
let origin: string
let httpPort: string
let httpsOrigin: string
let loopbackKafka: string
let banner = ''
let invitation: { readonly line: string; readonly code: string; readonly checksum: string }
let agent: ChildProcess | null = null

interface Answer {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** One command to its end, whatever that is. */
async function tailrace(...args: string[]): Promise<Answer> {
  const options = { env: environment }
  return run(process.execPath, [launcher, ...args], options).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  )
}

const at = (name: string) => join(directory.path, name)
const ofAppliance = () => ['--data', at('appliance'), '--http-port', httpPort]
const access = (index: number) =>
  `203.0.113.${index % 200} - - [${stamp()}] "GET /p/${index} HTTP/1.1" 200 5 "-" "A" 0.01\n`

function stamp(): string {
  const [, day, month, year, time] = /^\w+, (\d+) (\w+) (\d+) ([\d:]+)/.exec(new Date().toUTCString())!
  return `${day}/${month}/${year}:${time} +0000`
}

before(async () => {
  directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-joining-'))
  mkdirSync(at('logs'))
  const ports = ['--kafka-port', '--http-port', '--public-kafka-port', '--public-http-port'].flatMap(name => [
    name,
    '0',
  ])
  const args = [
    launcher,
    'up',
    '--data',
    at('appliance'),
    '--brokers',
    '1',
    ...ports,
    '--public',
    '127.0.0.1',
  ]
  appliance = spawn(process.execPath, args, { env: environment, stdio: ['ignore', 'ignore', 'pipe'] })
  await new Promise<void>((resolve, reject) => {
    appliance.stderr!.on('data', (chunk: Buffer) => {
      banner += chunk
      if (/^ {2}Open http/m.test(banner)) resolve()
    })
    appliance.once('exit', code => reject(new Error(`It ended with ${code}: ${banner}`)))
  })
  httpPort = /Open http:\/\/127\.0\.0\.1:(\d+)/.exec(banner)![1]!
  origin = `http://127.0.0.1:${httpPort}`
  loopbackKafka = /kafka +(127\.0\.0\.1:\d+)/.exec(banner)![1]!
  httpsOrigin = /https +(https:\/\/\S+)/.exec(banner)![1]!
})

after(async () => {
  for (const child of [agent, appliance]) {
    if (!child || child.exitCode !== null || child.signalCode !== null) continue
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    await exited
  }
  await directory.remove()
})

async function counted(): Promise<number> {
  const token = readFileSync(at('appliance/token'), 'utf8').trim()
  const headers = { authorization: `Bearer ${token}` }
  const response = await fetch(`${origin}/api/v1/stats/requests?window=1h`, { headers })
  const { rows } = (await response.json()) as StatsAnswer
  return rows[0]?.values['value'] ?? 0
}

test('agents add prints one line; its checksum is that of the script that is served', async () => {
  const { stdout } = await tailrace('agents', 'add', '--name', 'web-7', '--json', ...ofAppliance())
  invitation = JSON.parse(stdout)
  assert.equal(invitation.line.split('\n').length, 1)
  const script = await run('curl', ['-fsSk', `${httpsOrigin}/install.sh`])
  assert.equal(createHash('sha256').update(script.stdout).digest('hex'), invitation.checksum)
  assert(invitation.line.includes(invitation.checksum) && invitation.line.includes(invitation.code))
  const plain = await tailrace('agents', 'add', '--expires', '10s', ...ofAppliance())
  assert.match(plain.stdout, /^curl -fsSk https:\/\/127\.0\.0\.1:\d+\/install\.sh [^\n]+\n$/)
  assert.match(plain.stderr, /Authority SHA-256 [0-9a-f]{64}/)
})

test('the pasted line refuses a script that was altered, and says where no agent is handed out', async () => {
  const altered = invitation.line.replace(invitation.checksum, '0'.repeat(64)).replace('sudo ', '')
  const refused = await run('sh', ['-c', altered], { cwd: directory.path }).catch((error: Answer) => error)
  assert.equal((refused as Answer).code, 1)
  assert.match((refused as Answer).stdout, /FAILED/)
  const whole = `${invitation.line.replace('sudo ', '')} --prefix ${at('root')}`
  const without = await run('sh', ['-c', whole], { cwd: directory.path }).catch((error: Answer) => error)
  assert.equal((without as Answer).code, 69)
  assert.match((without as Answer).stderr, /no agent for linux-\w+\. Make one there with: npm run pack-agent/)
})

test('who is not signed in gets no invitation, sees no agents and no metrics from elsewhere', async () => {
  const status = async (...args: string[]) =>
    Number((await run('curl', ['-sk', '-o', '/dev/null', '-w', '%{http_code}', ...args])).stdout)
  assert.equal(await status('-X', 'POST', `${httpsOrigin}/api/v1/agents/invitations`), 401)
  assert.equal(await status(`${httpsOrigin}/api/v1/agents/enrolled`), 401)
  assert.equal(await status(`${httpsOrigin}/metrics`), 401)
  assert.equal(await status(`${httpsOrigin}/healthz`), 200)
  assert.equal(await status('-H', 'Host: elsewhere.example', `${httpsOrigin}/healthz`), 421)
})

test('who signs in by HTTPS gets a cookie for HTTPS alone; from another origin nobody does', async () => {
  const signIn = async (from: string) => {
    const link = (await tailrace('login-link', ...ofAppliance())).stdout.trim()
    const body = JSON.stringify({ token: link.slice(link.indexOf('#t=') + 3) })
    const headers = ['-H', 'Content-Type: application/json', '-H', `Origin: ${from}`]
    return (await run('curl', ['-ski', ...headers, '-d', body, `${httpsOrigin}/api/v1/login`])).stdout
  }
  assert.match(await signIn(httpsOrigin), /^set-cookie: __Host-tailrace_session=\S+; .*; Secure\r?$/im)
  assert.match(await signIn(httpsOrigin.replace('https', 'http')), /^HTTP\/1\.1 403 /)
})

test('a host joins once by the line, and what it is given is for its owner alone', async () => {
  const joined = await tailrace('agent', 'join', invitation.line, '--data', at('host'), '--name', 'h-1')
  assert.equal(joined.code, 0, joined.stderr)
  assert.match(joined.stdout, /joined +https:\/\/127\.0\.0\.1:\d+ as web-7; sends to 127\.0\.0\.1:\d+/)
  const path = at('host/agent/enrolment.json')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  const { password } = JSON.parse(readFileSync(path, 'utf8')) as { password: string }
  const again = await tailrace('agent', 'join', invitation.code, '--data', at('other'))
  assert.equal(again.code, 78)
  assert.match(again.stderr, /This token was used, has expired or is not ours/)
  const database = readFileSync(at('appliance/analytics/enrolments.db'), 'latin1')
  const token = JSON.parse(Buffer.from(invitation.code.slice(5), 'base64url').toString())[2] as string
  assert(!database.includes(token) && !database.includes(password))
})

test('its lines are counted; status, metrics, top and tap tell of it', async () => {
  const log = at('logs/a.log')
  writeFileSync(log, Array.from({ length: 20 }, (_, index) => access(index)).join(''))
  const args = [launcher, 'agent', '--data', at('host'), '--tail', at('logs/*.log')]
  agent = spawn(process.execPath, args, { env: environment, stdio: ['ignore', 'pipe', 'ignore'] })
  const [ready] = (await once(agent.stdout!, 'data')) as [Buffer]
  const { statusPort, pid } = JSON.parse(ready.toString()) as { statusPort: number; pid: number }
  assert.equal(pid, agent.pid, 'the command has become the agent')
  await eventually('lines counted', counted, count => count === 20)
  const status = await tailrace('agent', 'status', '--data', at('host'))
  assert.equal(status.code, 0, status.stdout)
  assert.match(status.stdout, /20 acknowledged|2[0-9] acknowledged/)
  assert.match(status.stdout, /a\.log +combined → logs, (\d+) of \1 bytes/)
  const metrics = await (await fetch(`http://127.0.0.1:${statusPort}/metrics`)).text()
  assert.match(metrics, /^tailrace_agent_lines_acknowledged_total \d+$/m)
  assert(!metrics.includes('a.log'))
  assert.equal((await fetch(`http://127.0.0.1:${statusPort}/status`)).status, 401)
  assert.match((await tailrace('agent', 'top', '--once', '--data', at('host'))).stdout, /a\.log/)
  const tapping = tailrace('agent', 'tap', '-n', '1', '--data', at('host'))
  const writing = setInterval(() => appendFileSync(log, access(1)), 100)
  const tapped = await tapping
  clearInterval(writing)
  assert.match(tapped.stdout, /^(logs|metrics) {2}\S/)
})

test('SIGHUP takes the configuration over again: every line once', async () => {
  const before = await counted()
  const { linesAcknowledged: lines } = await readAgent(at('host/agent'))
  assert(lines > 0)
  const written = readFileSync(at('logs/a.log'), 'utf8').split('\n').length - 1
  await eventually('all counted', counted, count => count === written)
  for (let round = 0; round < 2; round++) {
    agent!.kill('SIGHUP')
    appendFileSync(at('logs/a.log'), access(2))
    await eventually(
      'reloaded',
      () => readAgent(at('host/agent')),
      ({ uptimeMs }) => uptimeMs < 2_000,
    )
  }
  assert(before <= written)
  await eventually('all counted', counted, count => count === written + 2)
})

test('an agent with a user of its own: TLS by fingerprint, SCRAM, as configured', async () => {
  const { bootstrap } = JSON.parse(readFileSync(at('host/agent/enrolment.json'), 'utf8')) as {
    bootstrap: string[]
  }
  const [caFingerprint] = /[0-9A-F]{2}(:[0-9A-F]{2}){31}/.exec(banner)!
  const add = ['users', 'add', 'bob', '--role', 'produce', '--json', '--bootstrap', loopbackKafka]
  const { password } = JSON.parse((await tailrace(...add)).stdout) as { password: string }
  writeFileSync(at('password'), `${password}\n`, { mode: 0o600 })
  mkdirSync(at('more'))
  writeFileSync(at('more/b.log'), 'one\ntwo\n')
  const reach = JSON.stringify({ caFingerprint, user: 'bob', passwordFile: at('password') })
  const where = ['--data', at('second'), '--bootstrap', bootstrap.join(','), '--tail', at('more/*.log')]
  const second = spawn(process.execPath, [launcher, 'agent', ...where], {
    env: { ...environment, TAILRACE_REACH: reach, TAILRACE_HOST_METRICS: 'false' },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  try {
    await once(second.stdout!, 'data')
    const told = () => readAgent(at('second/agent'))
    const { errors } = await eventually('sent', told, ({ linesAcknowledged: sent }) => sent === 2)
    assert.deepEqual(errors, [])
  } finally {
    const exited = once(second, 'exit')
    second.kill('SIGTERM')
    await exited
  }
})

test('an agent that is removed is refused within 5 s, also where it is connected, and says so', async t => {
  const listed = await tailrace('agents', 'list', ...ofAppliance())
  assert.match(listed.stdout, /^web-7 +h-1 +[0-9a-z]{8} +agent-[0-9a-f]{12} /)
  const before = await counted()
  const given = JSON.parse(readFileSync(at('host/agent/enrolment.json'), 'utf8')) as Enrolment
  const [host, port] = given.bootstrap[0]!.split(':')
  const connect = () =>
    Connection.open({
      ...{ host: host!, port: Number(port), clientId: 'test', tls: { ca: given.ca } },
      login: passwordLogin(given.user, given.password, given.mechanism),
    })
  const open = await connect()
  await open.request(apis.metadata, { topics: [{ name: 'logs' }] })
  const removed = await tailrace('agents', 'remove', 'web-7', ...ofAppliance())
  assert.equal(removed.code, 0, removed.stderr)
  const since = performance.now()
  const msSince = () => Math.round(performance.now() - since)
  await eventually(
    'cut off',
    async () => open.isOpen,
    isOpen => !isOpen,
    5_000,
  )
  const cutMs = msSince()
  const loggedIn = () =>
    connect().then(
      connection => connection.close(),
      (error: Error) => error.message,
    )
  await eventually('refused', loggedIn, said => /Cannot log in/.test(said ?? ''))
  t.diagnostic(
    `since the removal: open connections cut within ${cutMs} ms, logins refused within ${msSince()} ms`,
  )
  appendFileSync(at('logs/a.log'), access(3))
  const isRefused = ({ errors }: AgentDescription) => errors.some(error => /Cannot log in/.test(error))
  await eventually('the agent says so', () => readAgent(at('host/agent')), isRefused)
  t.diagnostic(`its own status said so within ${msSince()} ms`)
  const status = await tailrace('agent', 'status', '--data', at('host'))
  assert.equal(status.code, 10)
  assert.match(status.stdout, /error +.*Cannot log in/)
  assert.equal(await counted(), before)
})
