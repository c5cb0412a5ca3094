// A process that counts and believes that it owns every partition, whatever the group says: what a process is that was
// cut off from its group and does not know. Given the store's path, the brokers, the topics and the time zone.
import { Ingest } from '../../analytics/ingest/ingest.ts'
import { PartitionShare } from '../../analytics/ingest/partition-share.ts'
import { agentsTopic, lossesTopic } from '../../analytics/ingest/side-records.ts'
import type { IngestThreadConfig } from '../../analytics/ingest/worker.ts'
import { openStore } from '../../analytics/store/schema.ts'
import { processClaimant } from '../../analytics/store/slots.ts'
import { Writer } from '../../analytics/store/writer.ts'
import { ZoneDays } from '../../analytics/windows/zone-days.ts'
import { Cluster } from '../../broker/client/cluster.ts'
import { FetchLoop } from '../../broker/client/fetcher.ts'
import type { BrokerReach } from '../../broker/client/reach.ts'
import { systemClock as clock } from '../../runtime/clock.ts'
import { aborted, configFromArguments, runProcess } from '../../runtime/lifecycle.ts'

const searchMs = 200

await runProcess('greedy-ingest', async ({ signal, log, ready }) => {
  const { path, bootstrap, topics, timeZone } = configFromArguments<
    Pick<IngestThreadConfig, 'path' | 'topics' | 'timeZone'> & BrokerReach
  >()
  const days = new ZoneDays(timeZone)
  const connection = openStore(path)
  const writer = new Writer(connection, days, { log, claimant: processClaimant(() => clock.wallMs()) })
  const ingest = new Ingest({ writer, days, clock, log, flushIntervalMs: 50, flushRecordsMax: 50_000 })
  const cluster = new Cluster({ bootstrap, clientId: 'greedy-ingest' })
  const loop = new FetchLoop({ cluster, handler: ingest, clock, log })
  ingest.attach(loop)
  const share = new PartitionShare(cluster, ingest, topics, [lossesTopic, agentsTopic], 'all')
  const search = setInterval(() => void share.reconcile().catch(() => undefined), searchMs)
  ready({})
  await aborted(signal)
  clearInterval(search)
  loop.close()
  ingest.close()
  cluster.close()
  connection.close()
})
