// A chart of an answer: legend, plot, and the same numbers as a table. A drag picks a stretch of time; arrow keys walk
// through the buckets and say them. Drawn again when the answer, the theme, the zone or the size changes.
import { type KeyboardEvent, type ReactNode, useEffect, useMemo, useRef, useState } from 'react'
import { type Columns, hasPoints, lastPoint, summarise } from '../chart-window.ts'
import { formatDateTime, type Zone } from '../format.ts'
import { Icon } from '../icons.tsx'
import { useLive } from '../page-context.ts'
import { visibleText } from '../visible-text.ts'
import { HostileText } from './hostile-text.tsx'
import { Empty, Panel, type PanelState } from './panel.tsx'
import { loadPlotLibrary, Plot, type PlotSpec } from './plot.ts'
import './chart-history.css'

export interface HistoryLine {
  readonly label: string
  /** The theme variable it is drawn in. */
  readonly colour: string
  readonly values: readonly (number | null)[]
  readonly width?: number
  readonly dash?: readonly number[]
  readonly fill?: number
  /** Left out of the legend: the same thing a period before. */
  readonly isShadow?: true
}

export interface HistoryChartProps {
  readonly id: string
  readonly title: string
  readonly unit: string
  readonly state: PanelState
  readonly times: readonly number[]
  readonly stepMs: number
  readonly lines: readonly HistoryLine[]
  readonly bands?: PlotSpec['bands']
  readonly format: (value: number) => string
  readonly empty: string
  readonly asTable: boolean
  readonly onTable: (asTable: boolean) => void
  readonly onSelect?: (fromMs: number, toMs: number) => void
  readonly onReset?: () => void
  readonly tools?: ReactNode
  /** Instead of the plot, when it was refused. */
  readonly children?: ReactNode
}

const keys: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  PageUp: -20,
  PageDown: 20,
  Home: -1e6,
  End: 1e6,
}
const tableRowsMax = 500

export function HistoryChart(props: HistoryChartProps) {
  const { id, title, unit, state, lines, asTable, children } = props
  const zone = useLive(({ settings }) => settings.zone)
  const [cursor, setCursor] = useState<number | null>(null)
  const columns = useMemo(() => columnsOf(props.times, lines), [props.times, lines])
  return (
    <Panel
      id={id}
      title={title}
      unit={unit}
      state={state}
      className="chart history-chart"
      tools={
        <>
          {props.tools}
          <button
            type="button"
            className="tool"
            aria-pressed={asTable}
            title={asTable ? 'Show as chart' : 'Show as table'}
            onClick={() => props.onTable(!asTable)}
          >
            <Icon name={asTable ? 'chart' : 'table'} />
            <span className="sr-only">Show {visibleText(title, 120)} as table</span>
          </button>
        </>
      }
    >
      <Legend {...props} columns={columns} cursor={cursor} zone={zone} />
      <div className="plot-box">
        {children ||
          (asTable ? (
            <ValueTable {...props} columns={columns} zone={zone} />
          ) : (
            <Drawing {...props} columns={columns} zone={zone} cursor={cursor} onCursor={setCursor} />
          ))}
      </div>
    </Panel>
  )
}

function columnsOf(times: readonly number[], lines: readonly HistoryLine[]): Columns {
  return [times.map(time => time / 1000), ...lines.map(({ values }) => [...values])]
}

interface Drawn extends HistoryChartProps {
  readonly columns: Columns
  readonly zone: Zone
}

function Legend({ lines, columns, cursor, zone, format, times }: Drawn & { readonly cursor: number | null }) {
  const at = cursor === null ? undefined : times[cursor]
  return (
    <div className="legend">
      {lines.map((line, index) => {
        if (line.isShadow) return null
        const column = columns[index + 1] as (number | null)[]
        const value = cursor === null ? lastPoint(column) : (column[cursor] ?? null)
        return (
          <span key={line.label} className="legend-entry">
            <svg className="swatch" width="14" height="8" aria-hidden="true">
              <line
                x1="0"
                y1="4"
                x2="14"
                y2="4"
                style={{ stroke: `var(${line.colour})` }}
                strokeWidth={(line.width ?? 1.5) + 0.5}
              />
            </svg>
            <span className="legend-name">
              <HostileText text={line.label} limit={60} />
            </span>{' '}
            <b>{value === null ? '–' : format(value)}</b>
          </span>
        )
      })}
      <span className="legend-time">{at === undefined ? '' : formatDateTime(at, zone).slice(0, 19)}</span>
    </div>
  )
}

function Drawing(
  props: Drawn & { readonly cursor: number | null; readonly onCursor: (at: number | null) => void },
) {
  const { title, unit, columns, zone, lines, format, cursor } = props
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<Plot>(null)
  const newest = useRef(props)
  newest.current = props
  const [spoken, setSpoken] = useState('')
  const looks = lines.map(line => `${line.label} ${line.colour} ${line.dash ? 'dashed' : ''}`).join('\n')

  // biome-ignore lint/correctness/useExhaustiveDependencies: other lines are another plot; their values are not.
  useEffect(() => {
    let isGone = false
    let stop = () => {}
    void loadPlotLibrary().then(Library => {
      if (isGone || !host.current) return
      const made = new Plot(Library, host.current, specOf(newest.current), {
        cursor: index => newest.current.onCursor(index),
        select: (from, to) => newest.current.onSelect?.(from, to),
        reset: () => newest.current.onReset?.(),
      })
      plot.current = made
      stop = observe(host.current, made)
      draw(made, newest.current)
    })
    return () => {
      isGone = true
      stop()
      plot.current?.destroy()
      plot.current = null
    }
  }, [looks])

  // biome-ignore lint/correctness/useExhaustiveDependencies: exactly what is drawn.
  useEffect(() => {
    if (plot.current) draw(plot.current, newest.current)
  }, [columns, zone])

  useEffect(() => {
    if (cursor === null) return
    const timer = window.setTimeout(() => setSpoken(wordsAt(newest.current, cursor)), 400)
    return () => window.clearTimeout(timer)
  }, [cursor])

  const onKeyDown = (event: KeyboardEvent) => {
    const step = keys[event.key]
    const count = columns[0].length
    if (step === undefined || event.metaKey || event.ctrlKey || count === 0) return
    event.preventDefault()
    plot.current?.pointAt(Math.min(count - 1, Math.max(0, (cursor ?? count - 1) + step)))
  }
  const isEmpty = !hasPoints(columns)
  return (
    <>
      <div
        ref={host}
        className="plot"
        role="img"
        aria-label={`${visibleText(title, 120)}, ${unit}. ${summarise(
          columns,
          lines.map(line => visibleText(line.label, 60)),
          format,
        )}`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys walk through the chart.
        tabIndex={0}
        data-points={isEmpty && props.state !== 'loading' ? 'none' : 'some'}
        onKeyDown={onKeyDown}
        onBlur={() => plot.current?.pointAt(null)}
      />
      <div className="plot-empty">
        <Empty title={props.empty} />
      </div>
      <p className="sr-only" aria-live="polite">
        {spoken}
      </p>
    </>
  )
}

function specOf({ id, lines, bands, format }: Drawn): PlotSpec {
  return {
    lines: lines.map(({ label, colour, width = 1.5, dash, fill }) => ({
      ...{ label, colour, width },
      ...(dash ? { dash } : {}),
      ...(fill ? { fill } : {}),
    })),
    ...(bands ? { bands } : {}),
    format,
    cursors: id,
  }
}

function draw(plot: Plot, { columns, times, zone }: Drawn): void {
  const [fromMs = 0] = times
  plot.draw(columns, { fromMs, toMs: Math.max(times.at(-1) ?? 0, fromMs + 1000) }, zone)
}

function observe(host: HTMLElement, plot: Plot): () => void {
  const sizes = new ResizeObserver(() => plot.resize(host.clientWidth, host.clientHeight))
  sizes.observe(host)
  const repaint = () => plot.repaint()
  const theme = new MutationObserver(repaint)
  theme.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] })
  const system = window.matchMedia('(prefers-color-scheme: dark)')
  system.addEventListener('change', repaint)
  return () => {
    sizes.disconnect()
    theme.disconnect()
    system.removeEventListener('change', repaint)
  }
}

function wordsAt({ lines, columns, times, zone, format }: Drawn, at: number): string {
  const time = times[at]
  if (time === undefined) return ''
  const words = lines.map(({ label }, index) => {
    const value = columns[index + 1]?.[at] ?? null
    return `${visibleText(label, 60)} ${value === null ? 'no data' : format(value)}`
  })
  return `${formatDateTime(time, zone)}: ${words.join(', ')}`
}

/** The drawn numbers, newest first; the arrow keys scroll it. */
function ValueTable({ title, times, lines, columns, zone, format }: Drawn) {
  const rows = times
    .map((time, index) => ({ time, index }))
    .reverse()
    .slice(0, tableRowsMax)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard.
    <section className="table-scroll" tabIndex={0} aria-label={`${visibleText(title, 120)} as a table`}>
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {lines.map(line => (
              <th key={line.label} scope="col">
                <HostileText text={line.label} limit={60} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ time, index }) => (
            <tr key={time}>
              <th scope="row" className="nowrap">
                {formatDateTime(time, zone)}
              </th>
              {lines.map((line, at) => {
                const value = columns[at + 1]?.[index] ?? null
                return <td key={line.label}>{value === null ? '–' : format(value)}</td>
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
