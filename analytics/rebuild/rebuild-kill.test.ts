// kill -9 in the middle of a rebuild, as a real process on real files: the live statistics are what they were, nobody
// is locked out, and the next rebuild comes to the right end.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertSame, randomLog } from '../ingest/ingest-story.ts'
import { naiveCount } from '../ingest/naive-count.ts'
import { RebuildError } from './rebuild.ts'
import { countLive, runRebuild, statisticsOf } from './rebuild-story.ts'

test('a killed rebuild changes nothing; while it lives there is no second one', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'rebuild-kill-'))
  const path = join(directory.path, 'windows.db')
  const [seed, batches] = [21, 60]
  const { log, records } = randomLog(seed, batches)
  const live = countLive(path, log)
  live.connection.exec('UPDATE counts SET n = n + 5')
  const spoilt = statisticsOf(live.connection)
  const held = []
  // Once in the middle of reading, once where it has everything and holds the live count.
  for (const turns of [2, 4]) {
    const file = new URL('./rebuild-child.ts', import.meta.url).pathname
    const child = spawn(process.execPath, [file, path, String(seed), String(batches), String(turns)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      const [text] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
      if (!String(text).includes('held')) continue
      await assert.rejects(runRebuild(path, log), RebuildError)
      held.push(turns)
    } finally {
      if (child.exitCode === null) {
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
    }
    assert.deepEqual(statisticsOf(live.connection), spoilt)
  }
  assert.deepEqual(held, [2, 4])
  await runRebuild(path, log)
  assertSame(live.connection, naiveCount(records))
  live.connection.close()
})
