// Every statistic there is, with what it means; searched by words, chosen by a press or Enter.
import { useState } from 'react'
import type { CatalogueAnswer, CatalogueMetric } from '../../../analytics/http/contract-catalogue.ts'
import { Panel } from '../../panels/panel.tsx'
import { changeParameters } from '../../url-state.ts'
import { groupOf, groups, matchesWords, titleOf } from './explore-model.ts'

export interface StatisticListProps {
  readonly catalogue: CatalogueAnswer | undefined
  readonly chosen: string
}

/** Another statistic begins as a whole, in the same range. */
export function choose(name: string): void {
  changeParameters({ m: name === 'requests' ? '' : name, by: '', f: [], v: '' })
}

export function StatisticList({ catalogue, chosen }: StatisticListProps) {
  const [search, setSearch] = useState('')
  const found = (catalogue?.metrics ?? []).filter(metric => matchesWords(metric, search.trim()))
  return (
    <Panel
      id="statistics"
      title="Statistics"
      unit={catalogue ? String(catalogue.metrics.length) : ''}
      state={catalogue ? 'live' : 'loading'}
      className="statistics"
    >
      <div className="statistics-search">
        <input
          type="search"
          aria-label="Search statistics"
          placeholder="Search, such as bounce"
          value={search}
          onChange={event => setSearch(event.target.value)}
          onKeyDown={event => {
            if (event.key === 'Enter' && found[0]) choose(found[0].name)
          }}
        />
      </div>
      <div className="statistics-list">
        {groups.map(group => (
          <Group
            key={group}
            name={group}
            metrics={found.filter(metric => groupOf(metric) === group)}
            chosen={chosen}
          />
        ))}
        {catalogue && found.length === 0 && (
          <p className="statistics-none">
            No statistic is called or described so. Clear the search to see all.
          </p>
        )}
      </div>
    </Panel>
  )
}

interface GroupProps {
  readonly name: string
  readonly metrics: readonly CatalogueMetric[]
  readonly chosen: string
}

function Group({ name, metrics, chosen }: GroupProps) {
  if (metrics.length === 0) return null
  return (
    <section>
      <h3>{name}</h3>
      <ul>
        {metrics.map(metric => (
          <li key={metric.name}>
            <button
              type="button"
              className="statistic"
              aria-current={metric.name === chosen ? 'true' : undefined}
              title={metric.definition}
              data-metric={metric.name}
              onClick={() => choose(metric.name)}
            >
              <span className="statistic-name">{titleOf(metric.name)}</span>
              <span className="statistic-definition">{metric.definition}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}
