// Where one is within the cluster: a tab, and in it perhaps one topic or one group. Pure.

export const tabs = ['brokers', 'topics', 'groups', 'messages'] as const
export type Tab = (typeof tabs)[number]

export interface ClusterPlace {
  readonly tab: Tab
  /** Of the topic or the group; empty for the list. */
  readonly name: string
}

export function clusterPlace(pathname: string): ClusterPlace {
  const [, , tab = '', ...rest] = pathname.split('/')
  const known = tabs.find(one => one === tab) ?? 'brokers'
  return { tab: known, name: decoded(rest.join('/')) }
}

export function clusterPath(tab: Tab, name = ''): string {
  if (tab === 'brokers') return '/cluster'
  return `/cluster/${tab}${name === '' ? '' : `/${encodeURIComponent(name)}`}`
}

export function messagesPath(topic: string, partition: number, offset?: string): string {
  const search = new URLSearchParams({ topic, partition: String(partition), ...(offset && { offset }) })
  return `/cluster/messages?${search}`
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
