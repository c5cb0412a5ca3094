// The agent as a process: `node agent/main.ts '<JSON config>'`. Turns the compile cache on before anything large is
// loaded.
import { enableCompileCache, flushCompileCache } from 'node:module'
import type { ProcessContext } from '../runtime/lifecycle.ts'
import type { AgentConfig } from './config.ts'

/** Ready as soon as it looks at files; whether a broker is there shows in its status and its log. */
export async function runAgent(config: AgentConfig, context: ProcessContext): Promise<void> {
  const { Agent, hostMetricsPath } = await import('./agent.ts')
  const { systemClock } = await import('../runtime/clock.ts')
  const { aborted } = await import('../runtime/lifecycle.ts')
  const inputs = [...config.inputs]
  if (config.hostMetrics) {
    const { startHostMetrics } = await import('./host-metrics.ts')
    const path = hostMetricsPath(config.dataDirectory)
    startHostMetrics(path, config.host, systemClock, context.log, context.signal)
    inputs.push({ paths: [path], format: 'metrics' })
  }
  const agent = new Agent({ ...config, inputs }, systemClock, context.log)
  await agent.start()
  context.ready({ agentId: agent.agentId })
  await aborted(context.signal)
  await agent.stop()
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
