// The agent as a process: `node agent/main.ts '<JSON config>'`. Turns the compile cache on
// before anything large is loaded. SIGHUP takes another configuration over: what was read is acknowledged first, and a
// configuration that cannot be used leaves the old one in force.
import { execFile } from 'node:child_process'
import { enableCompileCache, flushCompileCache } from 'node:module'
import { promisify } from 'node:util'
import type { ProcessContext } from '../runtime/lifecycle.ts'
import type { Agent } from './agent.ts'
import type { AgentConfig } from './config.ts'
import type { Sources } from './sources.ts'

const reloadTimeoutMs = 20_000
/** How long a reload waits for files that may be gone afterwards. */
const catchUpMs = 10_000

interface Running {
  readonly agent: Agent
  readonly sources: Sources
}

/** Ready as soon as it looks at files; whether a broker is there shows in its status and its log. */
export async function runAgent(config: AgentConfig, context: ProcessContext): Promise<void> {
  const { aborted } = await import('../runtime/lifecycle.ts')
  const { startStatusServer } = await import('./status-server.ts')
  const { log, signal } = context
  let running: Running | null = await start(config, context)
  let reloading = Promise.resolve()
  const status = await startStatusServer(
    () => running?.agent ?? null,
    config.dataDirectory,
    config.statusPort ?? 0,
  )
  process.on('SIGHUP', () => {
    reloading = reloading.then(async () => {
      if (signal.aborted) return
      const next = await askFor(config).catch((error: Error) => {
        log.error('the old configuration stays', { reason: error.message })
        return null
      })
      if (!next || !running) return
      const { agent, sources } = running
      await agent.caughtUp(catchUpMs)
      running = null
      sources.close()
      await agent.stop()
      running = await start(next, context).catch(async (error: Error) => {
        log.error('the old configuration stays', { reason: error.message })
        return start(config, context)
      })
      log.info('the configuration was taken over')
    })
  })
  context.ready({ agentId: running.agent.agentId, statusPort: status.port })
  await Promise.race([aborted(signal), running.sources.ended])
  await reloading
  running?.sources.close()
  await running?.agent.stop()
  status.close()
}

async function start(config: AgentConfig, { log }: ProcessContext): Promise<Running> {
  const { Agent } = await import('./agent.ts')
  const { systemClock } = await import('../runtime/clock.ts')
  const { startSources } = await import('./sources.ts')
  let agent: Agent | null = null
  const files = () => agent?.describe().files ?? []
  const sources = await startSources(config, { clock: systemClock, log, stdin: () => process.stdin, files })
  try {
    agent = new Agent({ ...config, inputs: [...config.inputs, ...sources.inputs] }, systemClock, log)
    await agent.start()
    return { agent, sources }
  } catch (error) {
    sources.close()
    throw error
  }
}

/** The command that was named for it prints what the agent is told from now on; without one nothing changes. */
async function askFor(config: AgentConfig): Promise<AgentConfig> {
  if (!config.reload) return config
  const [command, ...args] = config.reload
  const said = await promisify(execFile)(command!, args, {
    timeout: reloadTimeoutMs,
    maxBuffer: 1_048_576,
  }).catch((error: Error & { stderr?: string }) => {
    throw new Error(error.stderr?.trim() || error.message)
  })
  const next = JSON.parse(said.stdout) as AgentConfig
  if (next.dataDirectory === config.dataDirectory) return next
  throw new Error('the data directory cannot be changed while the agent runs: restart it')
}

if (import.meta.main) {
  enableCompileCache()
  const { configFromArguments, runProcess } = await import('../runtime/lifecycle.ts')
  await runProcess('agent', async context => {
    // A process that is killed writes no cache; so it is written once everything is loaded.
    setTimeout(flushCompileCache, 1_000).unref()
    await runAgent(configFromArguments<AgentConfig>(), context)
  })
}
