// The agent as a process, killed with -9 at random moments while files grow and rotate: every line is counted once.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ScriptedBroker } from '../broker/client/scripted-broker.ts'
import type { AgentConfig } from './config.ts'
import { countLines, shippedRecords } from './shipped-records.ts'

const main = fileURLToPath(new URL('main.ts', import.meta.url))
const kills = 4

async function startAgent(config: AgentConfig): Promise<ChildProcess> {
  const child = spawn(process.execPath, [main, JSON.stringify(config)], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, TAILRACE_LOG: 'error' },
  })
  const [ready] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string]
  assert.equal(JSON.parse(ready).ready, true)
  return child
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

for (const watch of [true, false]) {
  const how = watch ? 'with a watcher' : 'without one'
  test(`killed with -9 ${kills} times, ${how}, two files growing: counted is what was written`, async t => {
    await using directory = await mkdtempDisposable(join(tmpdir(), 'agent-kill-'))
    await using broker = await new ScriptedBroker().listen()
    broker.autoCreatePartitions = 3
    // Answers get lost now and then too.
    broker.fault = (_topic, _partition, batch) => (batch % 11 === 10 ? { drop: 'after' } : null)
    const logs = join(directory.path, 'logs')
    mkdirSync(logs)
    writeFileSync(join(directory.path, 'key-seed'), 's\n')
    const config: AgentConfig = {
      dataDirectory: join(directory.path, 'data'),
      bootstrap: [`127.0.0.1:${broker.port}`],
      host: 'h',
      keySeedPath: join(directory.path, 'key-seed'),
      inputs: [{ paths: [join(logs, '*.log')], format: 'raw', topic: 'logs' }],
      sweepMs: 20,
      lingerMs: 10,
      watch,
    }
    let written = 0
    const write = (name: string, count: number) => {
      const lines = Array.from({ length: count }, () => `line ${written++} ${'.'.repeat(written % 90)}`)
      appendFileSync(join(logs, name), `${lines.join('\n')}\n`)
    }
    for (const name of ['a.log', 'b.log']) write(name, 2_000)
    let rotations = 0
    for (let kill = 0; kill < kills; kill++) {
      const child = await startAgent(config)
      const until = Date.now() + 40 + Math.random() * 250
      while (Date.now() < until) {
        write('a.log', 50)
        write('b.log', 50)
        await new Promise(resolve => setTimeout(resolve, 10))
      }
      if (kill % 3 === 1) {
        rotations++
        // Sent from means known to a checkpoint: then it is found again under any name. Earlier nobody could know it.
        const isKnown = () => shippedRecords(broker, 'logs').some(({ line }) => line.startsWith('line 0 '))
        while (!isKnown() && Date.now() < until + 60_000)
          await new Promise(resolve => setTimeout(resolve, 20))
        renameSync(join(logs, 'a.log'), join(logs, `a.log.${rotations}`))
        await end(child, 'SIGKILL')
        writeFileSync(join(logs, 'a.log'), '')
      } else await end(child, 'SIGKILL')
      write('b.log', 100)
    }
    const last = await startAgent(config)
    t.after(() => void last.kill('SIGKILL'))
    const deadline = Date.now() + 60_000
    while (countLines(shippedRecords(broker, 'logs')).size < written) {
      assert(
        Date.now() < deadline,
        `${countLines(shippedRecords(broker, 'logs')).size} of ${written} lines arrived`,
      )
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    await end(last, 'SIGTERM')
    const records = shippedRecords(broker, 'logs')
    const counts = countLines(records)
    assert.equal(counts.size, written)
    assert.deepEqual(
      [...counts].filter(([, count]) => count !== 1),
      [],
    )
    assert.deepEqual(shippedRecords(broker, '__tailrace_losses'), [])
    t.diagnostic(`${written} lines written, ${records.length - written} of them sent again after a kill`)
  })
}
