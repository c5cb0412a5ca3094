// A live chart as markup: legend, plot, and the same numbers as a table. React renders the frame once; the numbers
// and the drawing are written by chart-frame.ts.
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { formatTime } from '../format.ts'
import { Icon } from '../icons.tsx'
import { useLive, usePage } from '../page-context.ts'
import { ChartFrame, type ChartSpec } from './chart-frame.ts'
import { Empty, Panel } from './panel.tsx'

const steps: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  PageUp: -20,
  PageDown: 20,
  Home: -1e6,
  End: 1e6,
}

export function Chart({ spec }: { readonly spec: ChartSpec }) {
  const page = usePage()
  const range = useLive(state => state.settings.range)
  const seq = useLive(state => state.seqs[`series:${spec.lines[0]!.metric}`])
  const [asTable, setAsTable] = useState(false)
  const host = useRef<HTMLDivElement>(null)
  const time = useRef<HTMLSpanElement>(null)
  const spoken = useRef<HTMLParagraphElement>(null)
  const values = useRef<HTMLElement[]>([])
  const frame = useRef<ChartFrame>(null)

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new range has new rings, so the frame starts anew.
  useEffect(() => {
    const elements = {
      host: host.current!,
      values: values.current,
      time: time.current!,
      spoken: spoken.current!,
    }
    const made = new ChartFrame(page, spec, elements)
    frame.current = made
    page.frames.add(made.draw)
    return () => {
      page.frames.delete(made.draw)
      made.destroy()
      frame.current = null
    }
  }, [page, spec, range])

  const onKeyDown = (event: KeyboardEvent) => {
    const step = steps[event.key]
    if (step === undefined || event.metaKey || event.ctrlKey) return
    event.preventDefault()
    frame.current?.move(step)
  }

  return (
    <Panel
      id={spec.id}
      title={spec.title}
      unit={spec.unit}
      className="chart"
      state={seq === undefined ? 'loading' : 'live'}
      seq={seq}
      tools={
        <button
          type="button"
          className="tool"
          aria-pressed={asTable}
          title={asTable ? 'View as chart' : 'View as table'}
          onClick={() => setAsTable(!asTable)}
        >
          <Icon name={asTable ? 'chart' : 'table'} />
          <span className="sr-only">View {spec.title} as table</span>
        </button>
      }
    >
      <div className="legend">
        {spec.lines.map((line, at) => (
          <span key={line.label} className="legend-entry">
            <svg className="swatch" width="14" height="8" aria-hidden="true">
              <line
                x1="0"
                y1="4"
                x2="14"
                y2="4"
                style={{ stroke: `var(${line.colour})` }}
                strokeWidth={line.width + 0.5}
                strokeDasharray={line.dash?.join(' ')}
              />
            </svg>
            {line.label}{' '}
            <b
              ref={element => {
                if (element) values.current[at] = element
              }}
            >
              –
            </b>
          </span>
        ))}
        <span ref={time} className="legend-time" />
      </div>
      <div className="plot-box">
        <div
          ref={host}
          className="plot"
          role="img"
          aria-label={`${spec.title}, ${spec.unit}`}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys walk through the chart.
          tabIndex={0}
          hidden={asTable}
          onKeyDown={onKeyDown}
          onBlur={() => frame.current?.leave()}
        />
        {!asTable && (
          <div className="plot-empty">
            <Empty title={spec.empty} />
          </div>
        )}
        {asTable && <ChartTable spec={spec} frame={frame.current} />}
        <p ref={spoken} className="sr-only" aria-live="polite" />
      </div>
    </Panel>
  )
}

/** The drawn numbers, newest first. */
function ChartTable({ spec, frame }: { readonly spec: ChartSpec; readonly frame: ChartFrame | null }) {
  const zone = useLive(state => state.settings.zone)
  // Once a second is soon enough for reading.
  useLive(state => state.clockMs)
  const columns = frame?.columns ?? [[]]
  const rows = columns[0].map((seconds, index) => ({ seconds, index })).reverse()
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard.
    <section className="table-scroll" tabIndex={0} aria-label={`${spec.title} as a table`}>
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {spec.lines.map(line => (
              <th key={line.label} scope="col">
                {line.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ seconds, index }) => (
            <tr key={seconds}>
              <th scope="row">{formatTime(seconds * 1000, zone)}</th>
              {spec.lines.map((line, at) => {
                const value = columns[at + 1]?.[index] ?? null
                return <td key={line.label}>{value === null ? '–' : spec.format(value)}</td>
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
