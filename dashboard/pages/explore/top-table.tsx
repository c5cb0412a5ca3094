// The values of the dimension, largest first, with their share and the change against the period before. A press on one
// filters by it and goes on to the next dimension.
import { type KeyboardEvent, useRef } from 'react'
import type { StatsAnswer, StatsRow } from '../../../analytics/http/contract.ts'
import type { CatalogueMetric } from '../../../analytics/http/contract-catalogue.ts'
import { type Filter, filterText, withFilter } from '../../filters.ts'
import { formatRatio, inWords } from '../../format.ts'
import { HostileText } from '../../panels/hostile-text.tsx'
import { changeText, exactText, valueKeys, valueText } from '../../quantities.ts'
import { changeParameters } from '../../url-state.ts'
import { nextDimension, sortedRows } from './explore-model.ts'

export interface TopTableProps {
  readonly metric: CatalogueMetric
  readonly answer: StatsAnswer
  readonly value: string
  readonly filters: readonly Filter[]
  readonly compare: boolean
}

const otherValue = '__other__'

export function TopTable({ metric, answer, value, filters, compare }: TopTableProps) {
  const body = useRef<HTMLTableSectionElement>(null)
  const rows = sortedRows(answer.rows, value)
  const dimensions = Object.keys(rows[0]?.labels ?? {})
  const keys = valueKeys(metric)
  const isAdditive = metric.kind === 'count'
  const total = rows.reduce((sum, row) => sum + (row.values['value'] ?? 0), 0)
  const largest = Math.max(...rows.map(row => row.values[value] ?? 0), 0)
  return (
    <div className="top-table">
      <table>
        <thead>
          <tr>
            {dimensions.map(name => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
            {keys.map(key => (
              <th key={key} scope="col" className="number">
                {key === 'value' ? metric.name.replaceAll('_', ' ') : key}
              </th>
            ))}
            {isAdditive && (
              <th scope="col" className="number">
                share
              </th>
            )}
            {compare && (
              <>
                <th scope="col" className="number">
                  before
                </th>
                <th scope="col" className="number">
                  change
                </th>
              </>
            )}
          </tr>
        </thead>
        <tbody ref={body} onKeyDown={event => walk(event, body.current)}>
          {rows.map(row => (
            <tr key={JSON.stringify(row.labels)}>
              {dimensions.map((name, at) => (
                <th key={name} scope="row">
                  {at === 0 && (
                    <span
                      className="bar-fill"
                      style={{ transform: `scaleX(${largest > 0 ? (row.values[value] ?? 0) / largest : 0})` }}
                      aria-hidden="true"
                    />
                  )}
                  <ValueButton
                    metric={metric}
                    filters={filters}
                    dimension={name}
                    value={row.labels[name] ?? ''}
                  />
                </th>
              ))}
              {keys.map(key => (
                <td key={key} className="number" title={exactText(row.values[key])} data-key={key}>
                  {valueText(metric, row.values[key], key)}
                </td>
              ))}
              {isAdditive && (
                <td className="number muted">
                  {total > 0 ? inWords(formatRatio((row.values['value'] ?? 0) / total)) : '–'}
                </td>
              )}
              {compare && <Before metric={metric} row={row} value={value} />}
            </tr>
          ))}
        </tbody>
      </table>
      {answer.truncated && <p className="top-foot">There are more values than are listed.</p>}
    </div>
  )
}

function Before({ metric, row, value }: { metric: CatalogueMetric; row: StatsRow; value: string }) {
  const change = row.change?.[value]
  return (
    <>
      <td className="number muted">{valueText(metric, row.previous?.[value], value)}</td>
      <td className="number" title={exactText(change?.absolute)}>
        {changeText(change)}
      </td>
    </>
  )
}

interface ValueButtonProps {
  readonly metric: CatalogueMetric
  readonly filters: readonly Filter[]
  readonly dimension: string
  readonly value: string
}

function ValueButton({ metric, filters, dimension, value }: ValueButtonProps) {
  if (value === otherValue) return <span className="muted">everything else</span>
  const added = { dimension, value }
  const isFiltered = filters.some(filter => filterText(filter) === filterText(added))
  if (isFiltered) return <HostileText text={value} limit={200} />
  return (
    <button
      type="button"
      className="value"
      title={`Filter by ${dimension}`}
      onClick={() => {
        const f = withFilter(filters, added)
        changeParameters({ f, by: nextDimension(metric, [...filters, added]) })
      }}
    >
      <HostileText text={value === '' ? '(none)' : value} limit={200} />
    </button>
  )
}

/** The arrow keys go from value to value. */
function walk(event: KeyboardEvent, body: HTMLElement | null): void {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
  const buttons = [...(body?.querySelectorAll<HTMLElement>('button.value') ?? [])]
  const at = buttons.indexOf(document.activeElement as HTMLElement)
  const next = buttons[at + (event.key === 'ArrowDown' ? 1 : -1)]
  if (!next) return
  event.preventDefault()
  next.focus()
}
