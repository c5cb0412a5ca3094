// Installing below a prefix, from something that looks like an unpacked archive; the unit is what systemd accepts.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { firstSettings, serverPlaces, unitText } from './server-unit.ts'

const root = join(import.meta.dirname, '..')

/** The sources in the shape of an archive. */
async function unpacked() {
  const place = await mkdtempDisposable(join(tmpdir(), 'tailrace-install-'))
  const home = join(place.path, 'archive')
  mkdirSync(join(home, 'bin'), { recursive: true })
  for (const name of [
    'agent',
    'analytics',
    'broker',
    'fixtures',
    'runtime',
    'node_modules',
    'package.json',
  ]) {
    symlinkSync(join(root, name), join(home, name))
  }
  for (const name of ['cli']) spawnSync('cp', ['-r', join(root, name), join(home, name)])
  writeFileSync(join(home, 'bin/tailrace'), '#!/bin/sh\n', { mode: 0o755 })
  writeFileSync(join(home, 'node'), '')
  const tailrace = (...args: string[]) =>
    spawnSync(process.execPath, [join(home, 'cli/tailrace.js'), ...args], { encoding: 'utf8' })
  return { place, tailrace, at: (name: string) => join(place.path, name) }
}

test('install --prefix copies the archive and writes a configuration; uninstall leaves data and says so', async () => {
  const { place, tailrace, at } = await unpacked()
  await using _ = place
  const prefix = at('host')
  const dry = tailrace('install', '--prefix', prefix, '--dry-run', '--public', 'logs.example.com')
  assert.equal(dry.status, 0, dry.stderr)
  assert.match(dry.stdout, /\+ copy .*archive to .*host\/opt\/tailrace\n\+ write .*tailrace\.yaml/)
  assert(!existsSync(prefix))

  const installed = tailrace('install', '--prefix', prefix, '--public', 'logs.example.com')
  assert.equal(installed.status, 0, installed.stderr)
  const { home, settings, data } = serverPlaces(prefix)
  assert(existsSync(join(home, 'bin/tailrace')) && existsSync(data))
  assert.match(readFileSync(settings, 'utf8'), /^public: logs\.example\.com$/m)

  writeFileSync(settings, '# mine\n')
  assert.equal(tailrace('install', '--prefix', prefix).status, 0)
  assert.equal(readFileSync(settings, 'utf8'), '# mine\n', 'a second install keeps the configuration')

  const wrong = tailrace('uninstall', '--prefix', prefix, '--purge', '/var/lib/other')
  assert.equal(wrong.status, 64)
  assert.match(wrong.stderr, /Nothing was removed: the data lies in /)
  assert(existsSync(home))
  const gone = tailrace('uninstall', '--prefix', prefix)
  assert.match(gone.stderr, /kept: .*tailrace\.yaml, .*var\/lib\/tailrace/)
  assert(!existsSync(home) && existsSync(data) && existsSync(settings))
  assert.equal(tailrace('uninstall', '--prefix', prefix, '--purge', data).status, 0)
  assert(!existsSync(data) && !existsSync(settings))
})

test('a clone is not an archive', () => {
  const launcher = join(root, 'cli/tailrace.js')
  const refused = spawnSync(process.execPath, [launcher, 'install', '--prefix', '/tmp/never'], {
    encoding: 'utf8',
  })
  assert.equal(refused.status, 78)
  assert.match(refused.stderr, /holds no Node of its own\. Unpack tailrace-/)
})

test('the unit is one that systemd accepts, and the first configuration one that tailrace does', async context => {
  await using place = await mkdtempDisposable(join(tmpdir(), 'tailrace-unit-'))
  const places = serverPlaces('')
  const text = unitText(places)
  assert.match(text, /^ProtectSystem=strict$/m)
  const unit = join(place.path, 'tr-server.service')
  writeFileSync(unit, text.replaceAll(`${places.home}/bin/tailrace`, '/bin/true'))
  const verified = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' })
  if (verified.error) context.diagnostic('not seen by systemd-analyze: it is not here')
  else assert.deepEqual([verified.status, verified.stderr], [0, ''])
  for (const host of [undefined, 'logs.example.com']) assert.match(firstSettings(host), /^inputs:$/m)
})
