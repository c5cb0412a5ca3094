// docs/commands.md, typed in: every command of the page succeeds, in its order, on one machine's data.
import assert from 'node:assert/strict'
import { mkdtempDisposable, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { freePorts } from './appliance.ts'
import { commandsOf, Terminal } from './terminal.ts'

/** By the command, the keys that the page says its `--json` has. */
async function documentedKeys(page: string): Promise<Map<string, string[]>> {
  const text = await readFile(page, 'utf8')
  const told = text.matchAll(/`([a-z][a-z -]*) --json`(?:, a line)?: `\[?\{([^`]*)\}\]?`/g)
  return new Map(
    [...told].map(([, command, shape]) => {
      let outer = shape!
      // From the inside out: what an inner object or list has is not looked at.
      while (/: ?[[{]/.test(outer))
        outer = outer.replace(/: ?(?:\[[^[\]{}]*\]|\{[^[\]{}]*\}|\[\{[^[\]{}]*\}\])/, '')
      return [command!, outer.split(',').map(key => key.split(':')[0]!.trim())]
    }),
  )
}

test('every command of docs/commands.md works, and --json has the keys that it says', async context => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-commands-'))
  await using terminal = await Terminal.open(directory.path, await freePorts(1))
  const commands = await commandsOf('docs/commands.md')
  assert(commands.length > 15)
  const shapes = await documentedKeys(join(import.meta.dirname, '../../docs/commands.md'))
  let checked = 0
  for (const line of commands) {
    const startedMs = performance.now()
    const told = [...shapes].find(([command]) => line.startsWith(`tailrace ${command} `))
    const keys = line.endsWith(' --json') ? told?.[1] : undefined
    if (keys === undefined) await terminal.type(line)
    else {
      const answer = await terminal.json<object>(line)
      assert.deepEqual(
        keys.filter(key => !(key in answer)),
        [],
        line,
      )
      checked++
    }
    context.diagnostic(`${((performance.now() - startedMs) / 1_000).toFixed(1)} s  ${line}`)
  }
  assert(checked >= 6, `${checked} answers were looked at`)
  const { users } = await terminal.json<{ users: unknown[] }>('tailrace users list --json')
  assert.deepEqual(users, [])
  const groups = await terminal.json<{ group: string }[]>('tailrace groups list --json')
  // What is counted, for the brokers to know; and who counts it.
  const [counted, members, ...others] = groups.map(({ group }) => group)
  assert.equal(counted, 'tailrace-analytics')
  assert.match(members ?? '', /^tailrace-analytics\.[0-9a-f]{8}$/)
  assert.deepEqual(others, [])
})
