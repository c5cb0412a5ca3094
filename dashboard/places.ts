// Where one can be: the pages, in the order of the rail, with the key that leads there (after g) and how each is
// loaded. The one list that rail, router, palette and help share.
import type { ComponentType } from 'react'
import type { IconName } from './icons.tsx'

export interface Place {
  readonly path: string
  readonly label: string
  readonly icon: IconName
  /** Pressed after g. */
  readonly letter: string
  /** In the bar of a phone; the others are behind its "More". */
  readonly isFirst?: true
  /** Whether the bar offers the stretch of live time that this page shows. */
  readonly hasLiveRange: boolean
  /** What else one may call it, for the palette. */
  readonly words: string
  readonly load: () => Promise<{ readonly PageView: ComponentType }>
}

export const places: readonly Place[] = [
  {
    path: '/',
    isFirst: true,
    label: 'Overview',
    icon: 'overview',
    letter: 'o',
    hasLiveRange: true,
    words: 'home tiles now',
    load: () => import('./pages/overview/page.tsx'),
  },
  {
    path: '/tail',
    isFirst: true,
    label: 'Live tail',
    icon: 'tail',
    letter: 't',
    hasLiveRange: false,
    words: 'lines logs search grep',
    load: () => import('./pages/tail/page.tsx'),
  },
  {
    path: '/explore',
    isFirst: true,
    label: 'Explore',
    icon: 'charts',
    letter: 'e',
    hasLiveRange: false,
    words: 'statistics series top compare quantiles csv',
    load: () => import('./pages/explore/page.tsx'),
  },
  {
    path: '/users',
    label: 'Users',
    icon: 'users',
    letter: 'u',
    hasLiveRange: false,
    words: 'visitors sessions bounce funnel retention referrers devices',
    load: () => import('./pages/users/page.tsx'),
  },
  {
    path: '/cluster',
    isFirst: true,
    label: 'Cluster',
    icon: 'cluster',
    letter: 'c',
    hasLiveRange: false,
    words: 'brokers topics partitions groups lag messages isr',
    load: () => import('./pages/cluster/page.tsx'),
  },
  {
    path: '/agents',
    label: 'Agents',
    icon: 'agents',
    letter: 'a',
    hasLiveRange: false,
    words: 'fleet hosts files add install',
    load: () => import('./pages/agents/page.tsx'),
  },
  {
    path: '/alerts',
    label: 'Alerts',
    icon: 'bell',
    letter: 'r',
    hasLiveRange: false,
    words: 'rules firing webhook',
    load: () => import('./pages/alerts/page.tsx'),
  },
  {
    path: '/losses',
    label: 'Losses',
    icon: 'shield',
    letter: 'l',
    hasLiveRange: false,
    words: 'ledger lost skipped',
    load: () => import('./pages/losses/page.tsx'),
  },
  {
    path: '/settings',
    label: 'Settings',
    icon: 'sliders',
    letter: 's',
    hasLiveRange: false,
    words: 'users tokens theme time zone password',
    load: () => import('./pages/settings/page.tsx'),
  },
]

/** The place a path belongs to: `/cluster/topics/logs` is the cluster's. */
export function placeAt(path: string): Place {
  const first = `/${path.split('/')[1] ?? ''}`
  return places.find(place => place.path === first) ?? places[0]!
}
