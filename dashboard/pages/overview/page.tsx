// The overview: is data flowing, what do users do, is the machine well; answered in that order, in numbers first, then
// in pictures.
import { Link } from 'wouter'
import { useFeeds, usePage } from '../../page-context.ts'
import { Chart } from '../../panels/chart.tsx'
import { behaviourChart, latencyChart, trafficChart } from '../../panels/charts.ts'
import { Cluster } from '../../panels/cluster.tsx'
import { Losses } from '../../panels/losses.tsx'
import { Tail } from '../../panels/tail.tsx'
import { Tiles } from '../../panels/tiles.tsx'
import { TopPaths } from '../../panels/top-paths.tsx'
import './overview.css'
import { FirstFunnel, Referrers } from './users-part.tsx'

export function PageView() {
  const page = usePage()
  useFeeds('series', 'top', 'tail', 'cluster', 'losses')
  return (
    <>
      <Tiles />
      <div id="charts" className="charts">
        <Chart spec={trafficChart} />
        <Chart spec={latencyChart} />
        <Chart spec={behaviourChart} />
      </div>
      <div className="overview-users">
        <TopPaths />
        <Referrers />
        <FirstFunnel />
      </div>
      <div className="overview-tail">
        <Tail />
        <p className="overview-tail-links">
          <Link className="panel-link" href="/tail">
            More of the tail: search, fields, context
          </Link>
          <Link
            className="panel-link"
            href="/tail?topic=behavior"
            onClick={() => page.change({ topic: 'behavior', filter: '' })}
          >
            Follow one user
          </Link>
        </p>
      </div>
      <Cluster />
      <div className="overview-losses">
        <Losses />
      </div>
    </>
  )
}
