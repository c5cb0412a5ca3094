// The container files, since no engine runs here: what they start is what the command knows, what they mount and name
// is declared, and what the image copies is there.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { settingsSchema } from '../cli/settings.ts'
import { root } from './built-rooms.ts'

interface Service {
  readonly image?: string
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly volumes?: readonly string[]
  readonly depends_on?: readonly string[]
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
}

const files = ['compose.yaml', 'docs/examples/three-machines/compose.yaml']
const textOf = (name: string) => readFileSync(join(root, name), 'utf8')

for (const file of files) {
  test(`${file} names only what there is`, () => {
    const { services, volumes } = parse(textOf(file), { merge: true }) as Compose
    assert(Object.keys(services).length > 0)
    for (const [name, service] of Object.entries(services)) {
      assert(service.image, `${name} has an image`)
      for (const needed of service.depends_on ?? []) assert(needed in services, `${name} needs ${needed}`)
      for (const mount of service.volumes ?? []) {
        const [from] = mount.split(':')
        assert(from!.startsWith('/') || from! in volumes, `${name} mounts ${from}`)
      }
      const settings = new Set(
        Object.keys(settingsSchema.shape).map(
          key => `TAILRACE_${key.replaceAll(/[A-Z]/g, letter => `_${letter}`).toUpperCase()}`,
        ),
      )
      for (const variable of Object.keys(service.environment ?? {}))
        if (variable.startsWith('TAILRACE_')) assert(settings.has(variable), `${name}: ${variable}`)
    }
  })
}

test('every tailrace command in the container files is one that there is, with flags that it has', () => {
  const text = [...files, 'Dockerfile'].map(textOf).join('\n')
  const commands = [
    ...text.matchAll(/\btailrace ((?:up|broker|analytics|users|agents|login-link)[^"&;\n]*)/g),
  ]
  assert(commands.length >= 6)
  for (const [, words] of commands) {
    const [name, ...rest] = words!.trim().split(/\s+/)
    const subcommand = name === 'users' || name === 'agents' ? [rest[0]!] : []
    const help = spawnSync(
      process.execPath,
      [join(root, 'cli/tailrace.js'), name!, ...subcommand, '--help'],
      {
        encoding: 'utf8',
      },
    )
    for (const flag of rest.filter(word => word.startsWith('--'))) assert(help.stdout.includes(flag), words)
  }
})

test('the image copies what there is and runs as nobody special', () => {
  const lines = textOf('Dockerfile').split('\n')
  for (const [, sources] of textOf('Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)) {
    for (const source of sources!.split(' ')) assert(existsSync(join(root, source)), source)
  }
  assert(lines.some(line => /^USER (?!root)/.test(line)))
  const node = /"node": ">=(\d+)"/.exec(textOf('scripts/build.ts')) ?? ['', '24']
  assert(textOf('Dockerfile').includes(`FROM node:${node[1]}-bookworm-slim`))
})
