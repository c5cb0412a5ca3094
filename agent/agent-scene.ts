// For tests: the whole agent in this process, against a scripted broker over a real socket.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ScriptedBroker } from '../broker/client/scripted-broker.ts'
import { systemClock } from '../runtime/clock.ts'
import { createLog } from '../runtime/log.ts'
import { Agent } from './agent.ts'
import type { AgentConfig } from './config.ts'
import { shippedRecords } from './shipped-records.ts'

const quiet = createLog('test', () => {})

/** A line of an access log. */
export const access = (index: number) =>
  `198.51.100.${index % 50} - - [24/Nov/2026:08:00:00 +0000] "GET /p/${index} HTTP/1.1" 200 5 "-" "A/${index % 7}" 0.01`

/** A directory, a scripted broker, and agents that end with the scene. */
export async function agentScene(more: Partial<AgentConfig> = {}) {
  const directory = await mkdtempDisposable(join(tmpdir(), 'agent-'))
  mkdirSync(join(directory.path, 'logs'))
  const broker = await new ScriptedBroker().listen()
  broker.autoCreatePartitions = 6
  writeFileSync(join(directory.path, 'key-seed'), 'seed\n')
  const config: AgentConfig = {
    dataDirectory: join(directory.path, 'data'),
    bootstrap: [`127.0.0.1:${broker.port}`],
    host: 'web-1',
    keySeedPath: join(directory.path, 'key-seed'),
    inputs: [{ paths: [join(directory.path, 'logs', '*.log')], format: 'auto' }],
    sweepMs: 10,
    lingerMs: 10,
    watch: false,
    ...more,
  }
  const agents: Agent[] = []
  return {
    broker,
    config,
    at: (name: string) => join(directory.path, 'logs', name),
    data: (name: string) => join(directory.path, 'data', name),
    async start(): Promise<Agent> {
      const agent = new Agent(config, systemClock, quiet)
      agents.push(agent)
      await agent.start()
      return agent
    },
    /** Waits for records to arrive: the broker is in this process, so looking is cheap. */
    async until(holds: () => boolean): Promise<void> {
      const deadline = Date.now() + 60_000
      while (!holds()) {
        assert(Date.now() < deadline, 'what was waited for did not come')
        await new Promise(resolve => setTimeout(resolve, 5))
      }
    },
    lines: (topic: string) => shippedRecords(broker, topic).map(record => record.line),
    async [Symbol.asyncDispose]() {
      await Promise.all(agents.map(agent => agent.stop().catch(() => {})))
      await broker.stop()
      await directory[Symbol.asyncDispose]()
    },
  }
}

export type AgentScene = Awaited<ReturnType<typeof agentScene>>
