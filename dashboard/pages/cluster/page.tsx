// The cluster: brokers, their partitions, and who leads.
import { useFeeds } from '../../page-context.ts'
import { Cluster } from '../../panels/cluster.tsx'

export function PageView() {
  useFeeds('cluster')
  return <Cluster />
}
