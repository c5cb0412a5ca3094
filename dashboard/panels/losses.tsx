// The loss ledger: every line that was read and could not be counted, with its place and its reason. Mostly empty,
// and then it says what that means.
import type { LossEntry } from '../../analytics/http/contract.ts'
import { counted, formatDateTime, formatExact } from '../format.ts'
import { useLive } from '../page-context.ts'
import { visibleText } from '../visible-text.ts'
import { HostileText } from './hostile-text.tsx'
import { Empty, Panel } from './panel.tsx'

const entriesMax = 100

export function Losses() {
  const losses = useLive(state => state.losses)
  const seq = useLive(state => state.seqs['losses'])
  const state = losses === null ? 'loading' : losses.entries.length === 0 ? 'empty' : 'live'
  const unit = losses && losses.totalLines > 0 ? counted(losses.totalLines, 'line') : 'ledger'
  return (
    <Panel id="losses" title="Losses" unit={unit} state={state} seq={seq} className="losses">
      {state === 'empty' && (
        <Empty title="Nothing lost" icon="shield">
          <p>Every line that an agent read is counted, or waits in the log to be.</p>
          <p>
            A line that cannot be read, decoded or kept is never dropped in silence: it would be listed here
            with its file, its byte range and the reason.
          </p>
        </Empty>
      )}
      {state === 'live' && losses && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard.
        <section className="table-scroll" tabIndex={0} aria-label="Loss ledger">
          <table>
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">Reason</th>
                <th scope="col">Where</th>
                <th scope="col" className="number">
                  Lines
                </th>
              </tr>
            </thead>
            <tbody>
              {losses.entries.slice(0, entriesMax).map(entry => (
                <LossRow key={`${entry.source} ${entry.from} ${entry.to} ${entry.reason}`} entry={entry} />
              ))}
            </tbody>
          </table>
        </section>
      )}
    </Panel>
  )
}

function LossRow({ entry }: { readonly entry: LossEntry }) {
  const zone = useLive(state => state.settings.zone)
  return (
    <tr>
      <td className="nowrap">{formatDateTime(entry.at, zone)}</td>
      <td title={visibleText(entry.detail)}>
        <HostileText text={entry.reason} limit={80} />
      </td>
      <td className="mono">
        <HostileText text={entry.source} />
        <span className="muted range">
          <HostileText text={`${entry.from} – ${entry.to}`} limit={200} />
        </span>
      </td>
      <td className="number">{entry.lines === null ? 'unknown' : formatExact(entry.lines)}</td>
    </tr>
  )
}
