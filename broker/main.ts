// The broker as a process: `node broker/main.ts '<JSON config>'`. Turns the compile cache on before anything large
// is loaded: it saves most of the start.
import { enableCompileCache, flushCompileCache } from 'node:module'
import type { ProcessContext } from '../runtime/lifecycle.ts'
import type { BrokerConfig } from './config.ts'

export async function runBroker(config: BrokerConfig, context: ProcessContext): Promise<void> {
  const { runBroker: run } = await import('./run-broker.ts')
  await run(config, context)
}

if (import.meta.main) {
  enableCompileCache()
  const { configFromArguments, runProcess } = await import('../runtime/lifecycle.ts')
  await runProcess('broker', async context => {
    const config = configFromArguments<BrokerConfig>()
    // Its thread loads SQLite while this one loads everything else.
    const { prepareMetadataStore } = await import('./metadata/open-store.ts')
    await prepareMetadataStore(config.metadataPath)
    await runBroker(config, {
      ...context,
      ready: facts => {
        context.ready(facts)
        // A broker that is killed writes no cache; so it is written now.
        setTimeout(flushCompileCache, 1_000).unref()
      },
    })
  })
}
