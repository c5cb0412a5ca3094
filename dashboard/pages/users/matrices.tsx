// Two matrices in one hue: when visitors are active by weekday and hour, and how many of each week's new visitors come
// back. Both are tables: a cell holds its number, the arrow keys go from cell to cell.
import { type KeyboardEvent, useState } from 'react'
import type { ActiveHoursAnswer, RetentionAnswer } from '../../../analytics/http/contract-visits.ts'
import { apiPath, useApi } from '../../api.ts'
import { counted, formatCount, formatExact, formatRatio, inWords } from '../../format.ts'
import { Icon } from '../../icons.tsx'
import { Empty, Panel } from '../../panels/panel.tsx'
import { Refusal } from '../../refusal.tsx'

export function ActiveHours() {
  const asked = useApi<ActiveHoursAnswer>(apiPath('/active-hours', { days: 28 }), 60_000)
  const { data, error } = asked
  const [asTable, setAsTable] = useState(false)
  const most = Math.max(0, ...(data?.hours.flat() ?? []))
  const state = error ? 'refused' : !data ? 'loading' : most === 0 ? 'empty' : 'live'
  return (
    <Panel
      id="active-hours"
      title="Active hours"
      unit={data ? `visits, last 28 days, ${data.timeZone}` : ''}
      state={state}
      className="hours"
      tools={
        <button
          type="button"
          className="tool"
          aria-pressed={asTable}
          title={asTable ? 'Show as colours' : 'Show numbers'}
          onClick={() => setAsTable(!asTable)}
        >
          <Icon name={asTable ? 'chart' : 'table'} />
          <span className="sr-only">Show numbers of active hours</span>
        </button>
      }
    >
      {state === 'refused' && error && <Refusal error={error} onRetry={asked.ask} />}
      {state === 'empty' && <Empty title="No visits in the last 28 days" />}
      {state === 'live' && data && (
        <div className="matrix-box">
          <table className="matrix" data-numbers={asTable} onKeyDown={walk}>
            <thead>
              <tr>
                <th scope="col">
                  <span className="sr-only">Day</span>
                </th>
                {data.hours[0]?.map((_, hour) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: an hour is its place.
                  <th key={hour} scope="col" className={hour % 3 === 0 ? '' : 'faint'}>
                    {String(hour).padStart(2, '0')}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {data.weekdays.map((day, at) => (
                <tr key={day}>
                  <th scope="row">{day.slice(0, 3)}</th>
                  {data.hours[at]?.map((count, hour) => (
                    <Cell
                      // biome-ignore lint/suspicious/noArrayIndexKey: an hour is its place.
                      key={hour}
                      share={most === 0 ? 0 : count / most}
                      text={formatCount(count)}
                      hint={`${day} ${hourText(hour)}: ${counted(count, 'visit', undefined, formatExact)}`}
                      isFirst={at === 0 && hour === 0}
                    />
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  )
}

export function Retention() {
  const asked = useApi<RetentionAnswer>(apiPath('/retention', { weeks: 8 }), 60_000)
  const { data, error } = asked
  const known = data?.cohorts ?? []
  const cohorts = known.slice(
    Math.max(
      0,
      known.findIndex(({ visitors }) => visitors > 0),
    ),
  )
  const weeks = Math.max(0, ...cohorts.map(({ active }) => active.length))
  const state = error
    ? 'refused'
    : !data
      ? 'loading'
      : cohorts.every(({ visitors }) => visitors === 0)
        ? 'empty'
        : 'live'
  return (
    <Panel
      id="retention"
      title="Retention"
      unit="of the visitors first seen in a week, who came back in each week after"
      state={state}
      className="retention"
    >
      {state === 'refused' && error && <Refusal error={error} onRetry={asked.ask} />}
      {state === 'empty' && <Empty title="No visitors in the last eight weeks" />}
      {state === 'live' && (
        <div className="matrix-box">
          <table className="matrix" data-numbers="true" onKeyDown={walk}>
            <thead>
              <tr>
                <th scope="col">Week of</th>
                <th scope="col" className="number">
                  New
                </th>
                {Array.from({ length: weeks }, (_, week) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: a week is its place.
                  <th key={week} scope="col">
                    {week === 0 ? 'Week 0' : `+${week}`}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {cohorts.map(({ week, visitors, active, share }, row) => (
                <tr key={week}>
                  <th scope="row" className="nowrap">
                    {week}
                  </th>
                  <td className="number">{formatCount(visitors)}</td>
                  {active.map((count, at) => {
                    const part = share[at] ?? 0
                    return (
                      <Cell
                        // biome-ignore lint/suspicious/noArrayIndexKey: a week is its place.
                        key={at}
                        share={part}
                        text={inWords(formatRatio(part))}
                        hint={`${week}, week ${at}: ${formatExact(count)} of ${formatExact(visitors)}`}
                        isFirst={row === 0 && at === 0}
                      />
                    )
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  )
}

interface CellProps {
  readonly share: number
  readonly text: string
  readonly hint: string
  readonly isFirst: boolean
}

/** Ten steps of one hue; the text is dark or light as the step needs it. */
function Cell({ share, text, hint, isFirst }: CellProps) {
  const heat = share <= 0 ? 0 : Math.min(9, Math.max(1, Math.round(share * 9)))
  return (
    <td className="cell" data-heat={heat} title={hint} tabIndex={isFirst ? 0 : -1}>
      <span>{text}</span>
      <span className="sr-only">{` (${hint})`}</span>
    </td>
  )
}

const moves: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
}

function walk(event: KeyboardEvent): void {
  const move = moves[event.key]
  const cell = event.target instanceof HTMLTableCellElement ? event.target : null
  const row = cell?.parentElement as HTMLTableRowElement | null
  const body = row?.parentElement as HTMLTableSectionElement | null
  if (!move || !cell || !row || !body) return
  const next = body.rows[[...body.rows].indexOf(row) + move[0]]?.cells[cell.cellIndex + move[1]]
  if (!next?.matches('.cell')) return
  event.preventDefault()
  cell.tabIndex = -1
  next.tabIndex = 0
  next.focus()
}

function hourText(hour: number): string {
  return `${String(hour).padStart(2, '0')}:00`
}
