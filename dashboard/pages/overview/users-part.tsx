// What users do, beside the most requested paths: where they come from, and how far the first configured funnel leads.
import { Link } from 'wouter'
import type { CatalogueAnswer } from '../../../analytics/http/contract-catalogue.ts'
import type { FunnelAnswer } from '../../../analytics/http/contract-visits.ts'
import { apiPath, useApi } from '../../api.ts'
import { formatCount, formatExact, formatRatio, inWords } from '../../format.ts'
import { useLive, useSubscription } from '../../page-context.ts'
import { HostileText } from '../../panels/hostile-text.tsx'
import { Empty, Panel } from '../../panels/panel.tsx'
import { ranges } from '../../settings.ts'

const rowsMax = 9

export function Referrers() {
  const range = useLive(state => state.settings.range)
  const args = { dimension: 'referrer', metric: 'requests', window: range, limit: '10' }
  const { data, refusal, seq } = useSubscription('top', args)
  const rows = data?.kind === 'top' ? data.top.rows.filter(row => row.value !== '__other__') : null
  const state =
    refusal !== undefined ? 'refused' : rows === null ? 'loading' : rows.length === 0 ? 'empty' : 'live'
  const largest = Math.max(1, ...(rows ?? []).map(row => row.count))
  return (
    <Panel
      id="referrers"
      title="Top referrers"
      unit={`by requests, ${ranges[range].inWords.toLowerCase()}`}
      state={state}
      seq={seq}
      className="referrers"
    >
      {state === 'refused' && <Empty title={refusal ?? ''} />}
      {state === 'empty' && <Empty title="No requests in this time" />}
      {state === 'live' && (
        <ol className="simple-rows">
          {rows?.slice(0, rowsMax).map(row => (
            <li key={row.value}>
              <span
                className="bar-fill"
                style={{ transform: `scaleX(${row.count / largest})` }}
                aria-hidden="true"
              />
              <Link className="name" href={exploreAt('referrer', row.value)}>
                <HostileText text={row.value} limit={120} />
              </Link>
              <span className="count" title={formatExact(row.count)}>
                {formatCount(row.count)}
              </span>
              <span className="share">{inWords(formatRatio(row.share))}</span>
            </li>
          ))}
        </ol>
      )}
    </Panel>
  )
}

function exploreAt(dimension: string, value: string): string {
  return `/explore?${new URLSearchParams({ f: `${dimension}:${value}`, r: '1h' })}`
}

/** The first funnel of tailrace.yaml, over the last week; where none is configured, how to make one. */
export function FirstFunnel() {
  const { data: catalogue } = useApi<CatalogueAnswer>(apiPath('/catalogue'))
  const name = catalogue?.funnels[0]?.name
  const address =
    name === undefined ? null : apiPath(`/funnels/${encodeURIComponent(name)}`, { window: '7d' })
  const { data, error } = useApi<FunnelAnswer>(address, 30_000)
  const first = data?.steps[0]?.visitors ?? 0
  const isNone = catalogue !== undefined && name === undefined
  const state = isNone ? 'empty' : error ? 'refused' : data ? 'live' : 'loading'
  return (
    <Panel
      id="small-funnel"
      title={name === undefined ? 'Funnel' : name}
      unit={name === undefined ? '' : 'visitors, last 7 days'}
      state={state}
      className="small-funnel"
      tools={
        <Link className="panel-link" href="/users">
          Users
        </Link>
      }
    >
      {state === 'refused' && error && <Empty title={error.message} />}
      {state === 'empty' && (
        <Empty title="No funnel yet">
          <p>Try steps on the page of users, then keep them in tailrace.yaml:</p>
          <code>
            funnels: [&#123; name: signup, steps: [&#123; page: / &#125;, &#123; page: /welcome &#125;]
            &#125;]
          </code>
        </Empty>
      )}
      {state === 'live' && (
        <ol className="simple-rows">
          {data?.steps.map((step, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the same step may come twice.
            <li key={at}>
              <span
                className="bar-fill"
                style={{ transform: `scaleX(${first > 0 ? step.visitors / first : 0})` }}
                aria-hidden="true"
              />
              <span className="name">
                <HostileText text={step.step} limit={120} />
              </span>
              <span className="count" title={formatExact(step.visitors)}>
                {formatCount(step.visitors)}
              </span>
              <span className="share">
                {step.ofFirst === null ? '–' : inWords(formatRatio(step.ofFirst))}
              </span>
            </li>
          ))}
        </ol>
      )}
    </Panel>
  )
}
