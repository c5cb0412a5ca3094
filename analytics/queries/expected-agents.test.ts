// Whom the overview counts among the agents: those that are heard of, and those that are silent although somebody
// expects them. On a real store.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore } from '../store/schema.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { overview } from './overview.ts'
import { Rows } from './rows.ts'

const nowMs = Date.parse('2026-11-24T12:00:00Z')

test('an agent that was removed is one of N only while it is heard of', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'overview-'))
  const store = openStore(join(directory.path, 'windows.db'))
  const insert = store.prepare("INSERT INTO agents(agent_id, last_seen, status) VALUES (?, ?, '{}')")
  const seen = { live: nowMs, silent: nowMs - 60_000, removed: nowMs - 60_000, leaving: nowMs - 5_000 }
  for (const [agentId, lastSeen] of Object.entries(seen)) insert.run(agentId, lastSeen)
  const reading = { rows: new Rows(store), days: new ZoneDays('UTC'), nowMs }
  const isRemoved = (agentId: string) => agentId === 'removed' || agentId === 'leaving'
  assert.deepEqual(overview(reading, () => false).agents, { seen: 4, live: 2 })
  assert.deepEqual(overview(reading, isRemoved).agents, { seen: 3, live: 2 })
  store.close()
})
