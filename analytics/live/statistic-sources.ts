// Any statistic by subscription, and the lists that change now and then: stats of a metric, agents, consumer groups,
// alerts. Told when what they say has changed, at most once a second.
import type { LiveData } from '../http/contract.ts'
import type { AlertsAnswer } from '../http/contract-alerts.ts'
import type { GroupsAnswer } from '../http/contract-groups.ts'
import { stats } from '../queries/answers.ts'
import { breakdown, dimensionNamed, filtersOf, metricNamed, windowMs } from '../queries/question.ts'
import { agentsAnswer } from '../queries/side-answers.ts'
import type { LiveSource } from './group.ts'
import { type Args, countOf, filtersIn, type StateContext, slowSource } from './state-sources.ts'

/** Where the lists come from that are in no row of the store. */
export interface ListContext {
  groups(): GroupsAnswer
  alerts(): AlertsAnswer
  /** Grows with whatever changes in them. */
  alertsVersion(): number
}

/** Args: metric, and optionally window, by (dimensions with commas), filter (one a line), limit. */
export function statsSource(context: StateContext, args: Args): LiveSource {
  const metric = metricNamed(args['metric'] ?? 'requests')
  const by = (args['by'] ?? '')
    .split(',')
    .filter(name => name !== '')
    .map(dimensionNamed)
  const filters = filtersOf(filtersIn(args))
  const span = { window: windowMs(args['window'] ?? '5m') }
  const limit = countOf('limit', args['limit'], 100, 1000)
  breakdown(metric, by, filters)
  const read = (): LiveData => {
    const reading = context.reading()
    return {
      kind: 'stats',
      stats: reading.rows.snapshot(() => stats(reading, metric, span, by, filters, limit)),
    }
  }
  return slowSource(context, read, data => data.kind === 'stats' && data.stats.rows)
}

export function agentsSource(context: StateContext): LiveSource {
  const read = (): LiveData => ({ kind: 'agents', agents: agentsAnswer(context.reading().rows) })
  return slowSource(context, read, data => data)
}

export function groupsSource(context: StateContext, lists: ListContext): LiveSource {
  return slowSource(
    context,
    () => ({ kind: 'groups', groups: lists.groups() }),
    data => data,
  )
}

/** Told at the next tick after one fires or is over. */
export function alertsSource(lists: ListContext): LiveSource {
  let version = lists.alertsVersion()
  const snapshot = (): LiveData => ({ kind: 'alerts', alerts: lists.alerts() })
  return {
    snapshot,
    delta() {
      const now = lists.alertsVersion()
      if (now === version) return null
      version = now
      return snapshot()
    },
  }
}
