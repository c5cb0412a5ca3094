// The cluster: brokers, topics and their partitions, consumer groups, records. Which of them is in the address.
import { useSyncExternalStore } from 'react'
import { Link, useLocation } from 'wouter'
import { useFeeds } from '../../page-context.ts'
import { Brokers } from './brokers.tsx'
import { clusterPath, clusterPlace, tabs } from './cluster-path.ts'
import { Group } from './group.tsx'
import { Groups } from './groups.tsx'
import { Messages } from './messages.tsx'
import { Topic } from './topic.tsx'
import { Topics } from './topics.tsx'
import './cluster.css'

const words = { brokers: 'Brokers', topics: 'Topics', groups: 'Groups', messages: 'Messages' } as const
const noChange = () => () => {}

export function PageView() {
  useFeeds('cluster')
  // Renders again when one goes elsewhere; the path itself is read undecoded.
  useLocation()
  const pathname = useSyncExternalStore(noChange, () => window.location.pathname)
  const { tab, name } = clusterPlace(pathname)
  return (
    <>
      <nav className="cluster-tabs" aria-label="Cluster">
        {tabs.map(one => (
          <Link key={one} href={clusterPath(one)} aria-current={one === tab ? 'page' : undefined}>
            {words[one]}
          </Link>
        ))}
      </nav>
      <View tab={tab} name={name} />
    </>
  )
}

function View({ tab, name }: ReturnType<typeof clusterPlace>) {
  if (tab === 'topics') return name === '' ? <Topics /> : <Topic key={name} name={name} />
  if (tab === 'groups') return name === '' ? <Groups /> : <Group key={name} name={name} />
  if (tab === 'messages') return <Messages />
  return <Brokers />
}
