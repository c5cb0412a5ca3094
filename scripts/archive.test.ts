// What an archive holds is what its rooms import: nothing that runs there is missing from it.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { agentRooms, root } from './built-rooms.ts'
import { agentContents } from './pack-agent.ts'

/** Packages that a file needs as soon as it is loaded, with one chain of imports that leads there. */
function packagesBehind(entries: readonly string[]): Map<string, string> {
  const from = new Map<string, string>()
  const packages = new Map<string, string>()
  const visit = (file: string, importer: string) => {
    if (from.has(file)) return
    from.set(file, importer)
    const text = readFileSync(join(root, file), 'utf8')
    for (const [, name] of text.matchAll(
      /^\s*(?:import|export)\s+(?!type\b)(?:[^'"]*?from\s+)?'([^']+)'/gm,
    )) {
      if (name!.startsWith('.')) {
        const path = normalize(join(dirname(file), name!))
        if (path.endsWith('.ts')) visit(path, file)
      } else if (!name!.startsWith('node:')) {
        packages.set(name!.split('/', name!.startsWith('@') ? 2 : 1).join('/'), file)
      }
    }
  }
  for (const entry of entries) visit(entry, '')
  return packages
}

test('the agent holds every package that its command and its process load', () => {
  const held = new Set(agentContents.packages)
  const missing = [...packagesBehind(['cli/main.ts', 'agent/main.ts'])].filter(([name]) => !held.has(name))
  assert.deepEqual(missing, [])
})

test('the agent holds every room that its command and its process load', () => {
  const rooms = new Set<string>(agentRooms)
  for (const file of ['cli/main.ts', 'agent/main.ts']) assert(rooms.has(file.split('/')[0]!))
  assert(!rooms.has('dashboard') && !rooms.has('fixtures'))
})
