// docs/commands.md, typed in: every command of the page succeeds, in its order, on one machine's data.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { freePorts } from './appliance.ts'
import { commandsOf, Terminal } from './terminal.ts'

test('every command of docs/commands.md works', async context => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-commands-'))
  await using terminal = await Terminal.open(directory.path, await freePorts(1))
  const commands = await commandsOf('docs/commands.md')
  assert(commands.length > 15)
  for (const line of commands) {
    const startedMs = performance.now()
    await terminal.type(line)
    context.diagnostic(`${((performance.now() - startedMs) / 1_000).toFixed(1)} s  ${line}`)
  }
  const { users } = await terminal.json<{ users: unknown[] }>('tailrace users list --json')
  assert.deepEqual(users, [])
  const groups = await terminal.json<{ group: string }[]>('tailrace groups list --json')
  // What is counted, for the brokers to know; and who counts it.
  const [counted, members, ...others] = groups.map(({ group }) => group)
  assert.equal(counted, 'tailrace-analytics')
  assert.match(members ?? '', /^tailrace-analytics\.[0-9a-f]{8}$/)
  assert.deepEqual(others, [])
})
