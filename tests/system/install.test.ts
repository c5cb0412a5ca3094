// The pasted line on a host of its own: a network namespace with an address of its own, and a directory with nothing in
// it. From there to a counted line; an agent that was removed; a package that is not what was promised.
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { AgentDescription } from '../../agent/description.ts'
import type { StatsAnswer } from '../../analytics/http/contract.ts'
import { packAgent } from '../../scripts/pack-agent.ts'
import { eventually } from '../eventually.ts'

const launcher = join(import.meta.dirname, '../../cli/tailrace.js')
const environment = { ...process.env, TAILRACE_REEXECUTED: '1' }
const isRoot = process.getuid?.() === 0

/** Two ends of a wire, the other in a namespace; null where that is not allowed: then everything is on loopback. */
function newHost(t: TestContext): { readonly name: string; readonly near: string } | null {
  const name = `tr${process.pid}`
  const net = process.pid % 250
  const ip = (...args: string[]) => spawnSync('ip', args, { stdio: 'pipe' }).status === 0
  if (!isRoot || !ip('netns', 'add', name)) return null
  t.after(() => ip('netns', 'del', name))
  const inside = ['-n', name]
  const isUp =
    ip('link', 'add', `${name}a`, 'type', 'veth', 'peer', 'name', `${name}b`, 'netns', name) &&
    ip('addr', 'add', `10.213.${net}.1/24`, 'dev', `${name}a`) &&
    ip('link', 'set', `${name}a`, 'up') &&
    ip(...inside, 'addr', 'add', `10.213.${net}.2/24`, 'dev', `${name}b`) &&
    ip(...inside, 'link', 'set', `${name}b`, 'up') &&
    ip(...inside, 'link', 'set', 'lo', 'up')
  return isUp ? { name, near: `10.213.${net}.1` } : null
}

async function startAppliance(t: TestContext, data: string, publicHost: string, packages: string) {
  const ports = ['--kafka-port', '--http-port', '--public-kafka-port', '--public-http-port']
  const args = ['up', '--data', data, '--brokers', '1', ...ports.flatMap(name => [name, '0'])]
  const child = spawn(process.execPath, [launcher, ...args, '--public', publicHost], {
    env: { ...environment, TAILRACE_PACKAGES: packages },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  t.after(() => ended(child))
  let banner = ''
  await new Promise<void>((resolve, reject) => {
    child.stderr!.on('data', (chunk: Buffer) => {
      banner += chunk
      if (/^ {2}Open http/m.test(banner)) resolve()
    })
    child.once('exit', code => reject(new Error(`It ended with ${code}: ${banner}`)))
  })
  return /Open http:\/\/127\.0\.0\.1:(\d+)/.exec(banner)![1]!
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}

function accessLine(): string {
  const [, day, month, year, time] = /^\w+, (\d+) (\w+) (\d+) ([\d:]+)/.exec(new Date().toUTCString())!
  return `203.0.113.9 - - [${day}/${month}/${year}:${time} +0000] "GET / HTTP/1.1" 200 5 "-" "A" 0.01\n`
}

test('from the pasted line to a counted line within 60 s; removed, it is refused within 5 s', async t => {
  const directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-install-'))
  t.after(() => directory.remove())
  const at = (name: string) => join(directory.path, name)
  const archive = packAgent(at('release'), 1)
  const host = newHost(t)
  t.diagnostic(host ? `in the network namespace ${host.name}` : 'on loopback: no namespace could be made')
  const httpPort = await startAppliance(t, at('appliance'), host?.near ?? '127.0.0.1', at('release'))
  const shared = ['--data', at('appliance'), '--http-port', httpPort]
  const tailrace = (...args: string[]) =>
    execFileSync(process.execPath, [launcher, ...args], { env: environment, encoding: 'utf8', stdio: 'pipe' })
  const enter = host ? ['ip', 'netns', 'exec', host.name] : ['env']
  const onHost = (line: string) => {
    const bare = ['env', '-i', `PATH=/usr/sbin:/usr/bin:/sbin:/bin`, 'sh', '-c', line]
    return spawnSync(enter[0]!, [...enter.slice(1), ...bare], { cwd: at('host'), encoding: 'utf8' })
  }
  mkdirSync(at('host'))
  const invite = () =>
    tailrace('agents', 'add', '--name', 'new-host', ...shared)
      .trim()
      .replace('sudo ', '')

  const line = invite()
  const dry = onHost(`${line} --dry-run`)
  assert.equal(dry.status, 0, dry.stderr)
  assert.match(dry.stdout, /\+ useradd --system[\s\S]*ProtectSystem=strict[\s\S]*systemctl enable and start/)
  assert(!existsSync('/etc/systemd/system/tailrace-agent.service'))
  const unit = /^\[Unit\][\s\S]*?^WantedBy=.*$/m.exec(dry.stdout)![0]
  writeFileSync(at('tr-agent.service'), unit.replaceAll('/opt/tailrace-agent/bin/tailrace', '/bin/true'))
  const verified = spawnSync('systemd-analyze', ['verify', at('tr-agent.service')], { encoding: 'utf8' })
  if (!verified.error) assert.deepEqual([verified.status, verified.stderr], [0, ''])
  writeFileSync(at('altered.tar.gz'), 'not the package')
  const altered = onHost(`${line} --prefix ${at('host/root')} --package ${at('altered.tar.gz')}`)
  assert.equal(altered.status, 1)
  assert.match(altered.stderr, /not what was promised: SHA-256 .* Nothing is installed/)
  assert(!existsSync(at('host/root/opt')))

  const since = performance.now()
  const installed = onHost(`${line} --prefix ${at('host/root')}`)
  assert.equal(installed.status, 0, installed.stderr)
  const tool = at('host/root/opt/tailrace-agent/bin/tailrace')
  const data = at('host/root/var/lib/tailrace-agent')
  mkdirSync(at('host/logs'))
  writeFileSync(at('host/logs/a.log'), accessLine())
  const run = [...enter.slice(1), tool, 'agent', '--data', data, '--tail', at('host/logs/*.log')]
  const agent = spawn(enter[0]!, run, { stdio: ['ignore', 'pipe', 'ignore'] })
  t.after(() => ended(agent))
  const token = readFileSync(at('appliance/token'), 'utf8').trim()
  const counted = async () => {
    const headers = { authorization: `Bearer ${token}` }
    const url = `http://127.0.0.1:${httpPort}/api/v1/stats/requests?window=1h`
    const { rows } = (await (await fetch(url, { headers })).json()) as StatsAnswer
    return rows[0]?.values['value'] ?? 0
  }
  await eventually('a counted line', counted, count => count === 1)
  const toCountMs = performance.now() - since
  // Its loopback port is the host's own.
  const status = async () => {
    const args = [...enter.slice(1), tool, 'agent', 'status', '--json', '--data', data]
    return JSON.parse(spawnSync(enter[0]!, args, { encoding: 'utf8' }).stdout) as AgentDescription
  }
  const { rssBytes } = await status()

  tailrace('agents', 'remove', 'new-host', ...shared)
  const removedAt = performance.now()
  appendFileSync(at('host/logs/a.log'), accessLine())
  await eventually('refused', status, ({ errors }) => errors.some(error => /Cannot log in/.test(error)))
  const toRefusalMs = performance.now() - removedAt
  assert.equal(await counted(), 1)
  const kept = onHost(`sh tailrace-install.sh uninstall --prefix ${at('host/root')}`)
  assert.match(kept.stderr, /kept: .*agent\.yaml/)
  assert(!existsSync(tool) && existsSync(data))
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`
  const size = `${(readFileSync(archive).length / 1_048_576).toFixed(0)} MiB`
  t.diagnostic(`counted after ${seconds(toCountMs)}, refused after ${seconds(toRefusalMs)}`)
  t.diagnostic(`package of ${size} at gzip's fastest; ${(rssBytes / 1_048_576).toFixed(0)} MiB of memory`)
})
