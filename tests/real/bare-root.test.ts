// The released archive where there is nothing: a root directory that holds only the C library and busybox, without
// Node, npm, compiler or network. A line becomes a statistic there. Needs root, for chroot and a network namespace.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { makeRelease } from '../../scripts/release.ts'
import { eventually } from '../eventually.ts'

const busybox = ['/usr/bin/busybox', '/bin/busybox'].find(path => existsSync(path))
const cannot = busybox === undefined ? 'no busybox' : process.getuid!() === 0 ? false : 'needs root'
const cLibrary = /^(ld-linux.*|lib(c|m|dl|pthread|rt|resolv|util)\.so\.\d+)$/
let place: string
const inRoot = (path: string) => join(place, 'root', path)

before(async () => {
  place = await mkdtemp(join(tmpdir(), 'tailrace-bare-'))
  if (cannot) return
  makeRelease('0.0.0', join(place, 'release'), 1)
  for (const name of ['bin', 'tmp', 'dev', 'proc', 'etc', 'opt/tailrace', 'var/log']) {
    mkdirSync(inRoot(name), { recursive: true })
  }
  const libraries = dirname(realpathSync(/=> (\S+libc\.so\.6)/.exec(lddOf(busybox!))![1]!))
  for (const name of readdirSync(libraries).filter(one => cLibrary.test(one))) {
    const to = inRoot(join(libraries, name))
    mkdirSync(dirname(to), { recursive: true })
    copyFileSync(join(libraries, name), to)
  }
  const loader = /\s(\/lib64\/\S+)/.exec(lddOf(busybox!))![1]!
  mkdirSync(inRoot(dirname(loader)), { recursive: true })
  copyFileSync(loader, inRoot(loader))
  copyFileSync(busybox!, inRoot('bin/busybox'))
  execFileSync('chroot', [join(place, 'root'), '/bin/busybox', '--install', '-s', '/bin'])
  execFileSync('mknod', ['-m', '666', inRoot('dev/null'), 'c', '1', '3'])
  execFileSync('mknod', ['-m', '666', inRoot('dev/urandom'), 'c', '1', '9'])
  const archive = readdirSync(join(place, 'release')).find(name => /^tailrace-0.*\.tar\.gz$/.test(name))!
  copyFileSync(join(place, 'release', archive), inRoot('tmp/tailrace.tar.gz'))
})

after(() => rm(place, { recursive: true, force: true }))

function lddOf(path: string): string {
  return execFileSync('ldd', [path], { encoding: 'utf8' })
}

test('the release is whole: checksums hold, the agent is small enough, the bill names what is inside', {
  skip: cannot,
}, () => {
  const release = join(place, 'release')
  execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: release })
  const names = readdirSync(release)
  assert(names.some(name => name.startsWith('tailrace-agent-0.0.0-linux-')))
  assert(names.some(name => /^tailrace-\d.*\.tgz$/.test(name)))
})

test('the archive takes a line to a statistic', { skip: cannot }, async () => {
  const script = `
mount -t proc none /proc && ip link set lo up
tar -xzf /tmp/tailrace.tar.gz -C /opt/tailrace
touch /var/log/site.log
exec /opt/tailrace/bin/tailrace up --brokers 1 --data /var/lib/tailrace --tail /var/log/site.log
`
  writeFileSync(inRoot('tmp/start.sh'), script)
  const isolated = ['--net', '--mount', '--pid', '--fork', '--kill-child', 'chroot', join(place, 'root')]
  const bare = ['/bin/env', '-i', 'PATH=/bin', 'HOME=/tmp', '/bin/sh', '/tmp/start.sh']
  const child = spawn('unshare', [...isolated, ...bare], { stdio: ['ignore', 'ignore', 'pipe'] })
  try {
    const said: string[] = []
    for await (const line of createInterface({ input: child.stderr })) {
      said.push(line)
      if (line.includes('/login#t=')) break
    }
    assert(said.at(-1)?.includes('/login#t='), said.join('\n'))
    const [, day, month, year, time] = new Date().toUTCString().split(/[ ,]+/)
    const at = `${day}/${month}/${year}:${time} +0000`
    appendFileSync(
      inRoot('var/log/site.log'),
      `203.0.113.7 - - [${at}] "GET /bare HTTP/1.1" 200 5 "-" "t" 0.01\n`,
    )
    // By busybox's own client, from inside: nothing else reaches that network.
    const inside = execFileSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' }).trim()
    const enter = ['--target', inside, '--net', '--mount', '--pid', `--root=${join(place, 'root')}`]
    const token = '"Authorization: Bearer $(cat /var/lib/tailrace/token)"'
    const ask = `wget -qO- --header ${token} http://127.0.0.1:8080/api/v1/top/path`
    const asked = () =>
      execFileSync('nsenter', [...enter, '/bin/sh', '-c', `PATH=/bin; ${ask}`], { encoding: 'utf8' })
    const answer = await eventually(
      'the line is counted',
      async () => JSON.parse(asked()) as { readonly rows: readonly { value: string; count: number }[] },
      ({ rows }) => rows.length > 0,
    )
    assert.deepEqual(
      answer.rows.map(({ value, count }) => [value, count]),
      [['/bare', 1]],
    )
    assert.deepEqual(strangers(), [], 'nothing else was there')
  } catch (error) {
    const logs = inRoot('var/lib/tailrace/log/analytics.log')
    throw new Error(existsSync(logs) ? readFileSync(logs, 'utf8').slice(-4000) : 'no log', { cause: error })
  } finally {
    // Its namespace goes with it, and whatever runs there.
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
})

/** What is there beside the C library, busybox, and what the archive brought. */
function strangers(): string[] {
  const names = readdirSync(inRoot('.'), { recursive: true, encoding: 'utf8' })
  return names.filter(name => /^(?!opt|proc|var|tmp).*\/(node|npm|gcc|lib\w*\+\+.*|libgcc.*)$/.test(name))
}
