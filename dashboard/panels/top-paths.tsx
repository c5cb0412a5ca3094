// The most requested paths: bars in the colour of their name, places that change calmly and never under a pointer.
import { useRef, useState } from 'react'
import { Link } from 'wouter'
import type { TopAnswer, TopRow } from '../../analytics/http/contract.ts'
import { assignColours, colourVariable } from '../colours.ts'
import { formatCount, formatExact, formatRatio, inWords } from '../format.ts'
import { useLive } from '../page-context.ts'
import { noRanking, type Ranking, rank } from '../ranking.ts'
import { ranges } from '../settings.ts'
import { HostileText } from './hostile-text.tsx'
import { Empty, Panel } from './panel.tsx'

const rowsMax = 10
/** What the server keeps for values beyond its limit. */
const otherValue = '__other__'

export function TopPaths() {
  const top = useLive(state => state.top)
  const seq = useLive(state => state.seqs['top'])
  const refusal = useLive(state => state.refusals['top'])
  const range = useLive(state => state.settings.range)
  const state = refusal ? 'refused' : top === null ? 'loading' : top.rows.length === 0 ? 'empty' : 'live'
  return (
    <Panel
      id="paths"
      title="Top paths"
      unit={`by requests, ${ranges[range].inWords.toLowerCase()}`}
      state={state}
      seq={seq}
      className="paths"
    >
      {state === 'refused' && <Empty title={refusal ?? ''} />}
      {state === 'empty' && (
        <Empty title="No requests in this time">
          <p>Paths come from access logs. Tail one:</p>
          <code>npm start -- --tail '/var/log/nginx/*.log'</code>
        </Empty>
      )}
      {state === 'live' && top && <Rows top={top} />}
    </Panel>
  )
}

function Rows({ top }: { readonly top: TopAnswer }) {
  const [held, setHeld] = useState(false)
  const ranking = useRef<Ranking>(noRanking)
  const colours = useRef<ReadonlyMap<string, number>>(new Map())
  const rows = top.rows.filter(row => row.value !== otherValue).slice(0, rowsMax)
  const other = top.other + (top.rows.find(row => row.value === otherValue)?.count ?? 0)
  const byName = new Map(rows.map(row => [row.value, row]))
  ranking.current = rank(ranking.current, rows, held, performance.now())
  colours.current = assignColours(colours.current, ranking.current.order)
  const largest = Math.max(1, ...rows.map(row => row.count))
  const total = rows.reduce((sum, row) => sum + row.count, other)
  return (
    <div className="rows-box" onPointerEnter={() => setHeld(true)} onPointerLeave={() => setHeld(false)}>
      <ol className="rows">
        {/* In the order of their names: places are a matter of position, so that a row can glide to its own. */}
        {[...ranking.current.order].sort().map(name => (
          <PathRow
            key={name}
            row={byName.get(name)!}
            place={ranking.current.order.indexOf(name)}
            colour={colourVariable(colours.current.get(name))}
            largest={largest}
          />
        ))}
      </ol>
      <p className="rows-foot">
        <span>{held ? 'order held while you point at it' : 'all other paths'}</span>
        <span title={formatExact(other)}>{formatCount(other)}</span>
        <span className="share">{inWords(formatRatio(total === 0 ? 0 : other / total))}</span>
      </p>
    </div>
  )
}

interface PathRowProps {
  readonly row: TopRow
  readonly place: number
  readonly colour: string
  readonly largest: number
}

function PathRow({ row, place, colour, largest }: PathRowProps) {
  return (
    <li className="row" style={{ transform: `translateY(${place * 100}%)` }} data-place={place + 1}>
      <span
        className="bar-fill"
        style={{ transform: `scaleX(${row.count / largest})`, background: colour }}
        aria-hidden="true"
      />
      <span className="key" style={{ background: colour }} aria-hidden="true" />
      <Link className="name" href={`/explore?${new URLSearchParams({ f: `path:${row.value}`, r: '1h' })}`}>
        <HostileText text={row.value} />
      </Link>
      <span className="count" title={formatExact(row.count)}>
        {formatCount(row.count)}
      </span>
      <span className="share">{inWords(formatRatio(row.share))}</span>
    </li>
  )
}
