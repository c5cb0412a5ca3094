// What the tiles are made of, beside the overview that the server sends: the cluster, groups, visits of the last hour,
// and what this page measures by itself.
import { useEffect, useRef } from 'react'
import type { ClusterState, Overview } from '../../analytics/http/contract.ts'
import type { GroupsAnswer } from '../../analytics/http/contract-groups.ts'
import { DiskForecast } from '../disk-forecast.ts'
import { useLive, usePage, useSubscription } from '../page-context.ts'
import { PixelLag } from '../pixel-lag.ts'

export interface TileFacts {
  readonly overview: Overview | null
  readonly cluster: ClusterState | null
  readonly groups: GroupsAnswer | null
  /** Of the last hour; the words where they cannot be counted. */
  readonly visits: number | null
  readonly visitsRefusal: string | undefined
  readonly pixel: { readonly p50: number; readonly p95: number } | null
  readonly daysLeft: number | null
}

/** Outlives the tiles, so that going to another page and back forgets no growth. */
const forecast = new DiskForecast()

export function useTileFacts(): TileFacts {
  const overview = useLive(state => state.overview)
  const cluster = useLive(state => state.cluster)
  const told = useSubscription('groups', {}).data
  const groups = told?.kind === 'groups' ? told.groups : null
  const isUnknown = groups?.groups.length === 0 && groups.error !== null
  const { data: visits, refusal } = useSubscription('stats', { metric: 'visits', window: '1h' })
  const pixel = usePixelLag()
  const daysLeft = useDaysLeft(cluster)
  return {
    ...{ overview, cluster, pixel, daysLeft, visitsRefusal: refusal },
    groups: isUnknown ? null : groups,
    visits: visits?.kind === 'stats' ? (visits.stats.rows[0]?.values['value'] ?? 0) : null,
  }
}

/** Watches the live tail as it is drawn; lines that were read before this page opened say nothing about it. */
function usePixelLag(): TileFacts['pixel'] {
  const page = usePage()
  const lag = useRef(new PixelLag())
  // Once a second is soon enough for reading.
  const clockMs = useLive(state => state.clockMs)
  useEffect(() => {
    const openedAt = page.serverNow()
    let newestId = 0
    const look = () => {
      const { entries } = page.model.tail
      const now = page.serverNow()
      for (let at = entries.length - 1; at >= 0; at -= 1) {
        const entry = entries[at]!
        if (entry.id <= newestId) break
        if (entry.kind === 'row' && entry.row.at > openedAt) lag.current.add(now, now - entry.row.at)
      }
      newestId = Math.max(newestId, entries.at(-1)?.id ?? 0)
    }
    page.frames.add(look)
    return () => {
      page.frames.delete(look)
    }
  }, [page])
  return lag.current.quantiles(clockMs)
}

function useDaysLeft(cluster: ClusterState | null): number | null {
  const clockMs = useLive(state => state.clockMs)
  const brokers = cluster?.brokers ?? []
  const used = brokers.reduce((sum, { diskBytes }) => sum + (diskBytes ?? 0), 0)
  useEffect(() => {
    if (used > 0) forecast.add(clockMs, used)
  }, [clockMs, used])
  const free = leastFree(cluster)
  return free === null ? null : forecast.daysLeft(free)
}

/** Of the volume that fills first; null while no broker has said. */
export function leastFree(cluster: ClusterState | null): number | null {
  const known = (cluster?.brokers ?? []).map(broker => broker.diskFreeBytes).filter(free => free !== null)
  return known.length === 0 ? null : Math.min(...known)
}
