// docs/install.md as it is typed by whoever has a release: the archive and the npm package, each from its block to a
// statistic, in a network of its own where the default ports are free; the service without carrying it out, for there
// may be no systemd; docs/first-hour.md and the users of docs/security.md with the archive's command; docs/client.md
// with the installed package. Needs root, for namespaces, and the registry, for what the package depends on.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { root } from '../../scripts/built-rooms.ts'
import { makeRelease } from '../../scripts/release.ts'
import { typeFirstHour } from '../system/two-hosts.ts'

const cannot = process.getuid!() === 0 ? false : 'needs root'
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
const systemPath = '/usr/sbin:/usr/bin:/sbin:/bin'
const patienceMs = 180_000
let place: string
const at = (...names: string[]) => join(place, ...names)

before(async () => {
  place = await mkdtemp(join(tmpdir(), 'tailrace-install-page-'))
  if (cannot) return
  for (const name of ['release', 'archive', 'project', 'users', 'bin']) mkdirSync(at(name))
  const names = makeRelease(version, at('release'), 1)
  // What the page says to take, and no more.
  const taken = names.filter(name => name === 'SHA256SUMS' || /^tailrace-\d.*\.tar\.gz$/.test(name))
  assert.equal(taken.length, 2)
  for (const name of taken) copyFileSync(at('release', name), at('archive', name))
  // Root already.
  writeFileSync(at('bin/sudo'), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 })
})

after(() => rm(place, { recursive: true, force: true }))

/** The block of a page of this kind. */
function block(page: string, kind: string): string {
  const text = readFileSync(join(root, page), 'utf8')
  const found = [...text.matchAll(/^```([a-z ]+)\n(.*?)^```$/gms)].find(([, of]) => of === kind)
  assert(found, `${page} has a block "${kind}"`)
  return found[2]!
}

/** In a shell without anything of ours. `alone`: where /var/log is empty and only loopback is there. */
function type(text: string, directory: string, path: string, alone = false): string {
  const bare = ['env', '-i', `PATH=${path}:${at('bin')}:${systemPath}`, `HOME=${directory}`, 'sh', '-c', text]
  const apart = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const [program, ...args] = alone ? [...apart, ...bare] : bare
  const typed = spawnSync(program!, args, { cwd: directory, encoding: 'utf8', timeout: patienceMs })
  assert.equal(typed.status, 0, `${text}\n${typed.error ?? ''}${typed.stdout}${typed.stderr}`)
  return typed.stdout
}

/** Starts what is written for a terminal of its own, and types `then` when it is up. */
function upAnd(terminal: string, then: string): string {
  return `set -e
mount -t tmpfs none /var/log
mkdir /var/log/nginx
touch /var/log/nginx/access.log
ip link set lo up
${terminal.trim()} > up.out 2>&1 &
up=$!
until grep -q 'Tailrace is up' up.out; do kill -0 $up || { cat up.out; exit 1; }; sleep 0.2; done
${then}
kill -INT $up
wait $up || true
`
}

/** Also takes a line to a statistic, before it types `then`. */
function upAndAsk(terminal: string, tailrace: string, then: string): string {
  const ask = `when=$(LC_ALL=C date '+%d/%b/%Y:%H:%M:%S %z')
echo "203.0.113.7 - - [$when] \\"GET /installed HTTP/1.1\\" 200 5 \\"-\\" \\"t\\" 0.01" >> /var/log/nginx/access.log
until ${tailrace} query requests --window 1h --by path --json > asked.json && grep -q /installed asked.json
do sleep 0.3; done
cat asked.json
${then}`
  return upAnd(terminal, ask)
}

interface Asked {
  readonly rows: readonly { readonly labels: object; readonly values: object }[]
}

function assertCounted(printed: string): void {
  const { rows } = JSON.parse(printed) as Asked
  assert.deepEqual(
    rows.map(({ labels, values }) => [labels, (values as { value: number }).value]),
    [[{ path: '/installed' }, 1]],
  )
}

test('from the archive: checked, unpacked, a line becomes a statistic', { skip: cannot }, () => {
  const directory = at('archive')
  type(block('docs/install.md', 'sh archive'), directory, systemPath)
  const terminal = block('docs/install.md', 'sh archive terminal')
  assertCounted(type(upAndAsk(terminal, 'tailrace/bin/tailrace', ''), directory, systemPath, true))
})

test('users and their rights, as docs/security.md types them', { skip: cannot }, () => {
  const [up, ...users] = block('docs/security.md', 'sh').trim().split('\n')
  assert.equal(users.length, 2)
  const typed = upAnd(`${up} --brokers 1`, users.join('\n'))
  const said = type(typed, at('users'), at('archive/tailrace/bin'), true)
  assert.match(said, /^user +web-1$[\s\S]*^password +\S{12,}[\s\S]*^user +reports$[\s\S]*^password +\S{12,}/m)
})

test('as a service: what the page types is what it says it does', { skip: cannot }, () => {
  const directory = at('archive')
  const commands = block('docs/install.md', 'sh service').trim().split('\n')
  assert.equal(commands.length, 2)
  for (const command of commands) {
    // Twice the flag is the flag.
    const said = type(`${command} --dry-run`, directory, systemPath)
    assert.match(said, /^\+ useradd --system .*tailrace$/m)
    assert.match(said, /^\+ copy .*archive\/tailrace to \/opt\/tailrace$/m)
    assert.match(said, /^ExecStart=\/opt\/tailrace\/bin\/tailrace up /m)
    assert.match(said, /^\+ systemctl restart tailrace$/m)
    writeFileSync(at('tr-service.service'), unitOf(said))
    const verified = spawnSync('systemd-analyze', ['verify', at('tr-service.service')], { encoding: 'utf8' })
    if (!verified.error) assert.deepEqual([verified.status, verified.stderr], [0, ''])
  }
  for (const command of block('docs/install.md', 'sh uninstall').trim().split('\n')) {
    const installed = command.replace('/opt/tailrace/bin/tailrace', 'tailrace/bin/tailrace')
    assert.match(type(`${installed} --dry-run`, directory, systemPath), /^\+ remove \/opt\/tailrace$/m)
  }
})

function unitOf(said: string): string {
  const unit = /^\[Unit\][\s\S]*?^WantedBy=.*$/m.exec(said)![0]
  return unit.replaceAll('/opt/tailrace/bin/tailrace', '/bin/true')
}

test("the first hour, word for word, with the archive's command and its Node", {
  skip: cannot,
  timeout: 240_000,
}, async t => {
  const unpacked = at('archive/tailrace')
  const tools = { tailrace: join(unpacked, 'bin/tailrace'), node: join(unpacked, 'node') }
  mkdirSync(at('hour'))
  await typeFirstHour(t, at('hour'), tools)
})

test('from npm, below a clean prefix: a line becomes a statistic, and both modules reach it', {
  skip: cannot,
  timeout: 400_000,
}, () => {
  const prefix = at('prefix')
  // npm by its own Node, wherever that is; what it installs by ours.
  const outside = (process.env['PATH'] ?? '').split(':').filter(one => !one.startsWith(root))
  const environment = {
    ...process.env,
    ...{ PATH: outside.join(':'), npm_config_prefix: prefix, npm_config_cache: at('cache') },
  }
  const npm = (text: string, cwd: string) =>
    execFileSync('sh', ['-ec', text], { cwd, env: environment, encoding: 'utf8', stdio: 'pipe' })
  npm(block('docs/install.md', 'sh npm'), at('release'))
  npm('npm link tailrace', at('project'))
  for (const name of ['client', 'api'])
    writeFileSync(at('project', `${name}.mjs`), block('docs/client.md', `js ${name}`))
  const modules = `
export TAILRACE_TOKEN=$(cat data/token)
node client.mjs > client.out
node api.mjs > api.out`
  const path = `${dirname(process.execPath)}:${prefix}/bin`
  const terminal = block('docs/install.md', 'sh npm terminal')
  assertCounted(type(upAndAsk(terminal, 'tailrace', modules), at('project'), path, true))
  assert.match(readFileSync(at('project/client.out'), 'utf8'), /^\d:\d+ first line\n\d:\d+ second line$/m)
  assert.match(readFileSync(at('project/api.out'), 'utf8'), /^\/installed 1\n\d+ lines counted$/m)
})
