// docs/first-hour.md word for word, with the `tailrace` of a clone: every block typed in its order, on two hosts that
// are network namespaces. Needs root, for them. With that of an archive: tests/real/install-page.test.ts.
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { packAgent } from '../../scripts/pack-agent.ts'
import { typeFirstHour } from './two-hosts.ts'

const launcher = join(import.meta.dirname, '../../cli/tailrace.js')

test('the first hour, word for word', { timeout: 240_000 }, async t => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-hour-'))
  const packages = join(directory.path, 'packages')
  packAgent(packages, 1)
  const node = process.execPath
  const tailrace = `env TAILRACE_PACKAGES=${packages} ${node} ${launcher}`
  await typeFirstHour(t, directory.path, { tailrace, node })
})
