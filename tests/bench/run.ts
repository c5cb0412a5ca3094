// `npm run bench -- NAME`: the figures of docs/performance.md, printed by the command that stands beside them.
// Each benchmark is a file here that exports `run(arguments)`; this one only picks it.
import { nearest } from '../../analytics/queries/nearest.ts'
import { runAgentBench } from './agent.ts'
import { runAll } from './all.ts'
import { runAnalytics } from './analytics.ts'
import { runBacklog } from './backlog.ts'
import { runBroker } from './broker.ts'
import { runBusy } from './busy.ts'
import { runCompaction } from './compaction.ts'
import { runFailover } from './failover.ts'
import { runFreshness } from './freshness.ts'
import { runInstall } from './install.ts'
import { runLines } from './lines.ts'
import { runLive } from './live.ts'
import { runPipeline } from './pipeline.ts'
import { runQueries } from './queries.ts'
import { runReplication } from './replication.ts'
import { runStart } from './start.ts'

const benchmarks: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  agent: runAgentBench,
  all: runAll,
  analytics: runAnalytics,
  backlog: runBacklog,
  broker: runBroker,
  busy: runBusy,
  compaction: runCompaction,
  failover: runFailover,
  freshness: runFreshness,
  install: runInstall,
  lines: runLines,
  live: runLive,
  pipeline: runPipeline,
  queries: runQueries,
  replication: runReplication,
  start: runStart,
}
const [name = '', ...args] = process.argv.slice(2)
const benchmark = benchmarks[name]
if (benchmark) {
  await benchmark(args)
} else {
  const guess = nearest(name, Object.keys(benchmarks))
  const hint = guess ? ` Did you mean ${guess}?` : ''
  console.error(`bench: no benchmark "${name}".${hint} Known: ${Object.keys(benchmarks).join(', ')}`)
  process.exitCode = 64
}
