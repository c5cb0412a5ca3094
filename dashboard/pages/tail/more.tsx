// The row at either end of the log's rows that brings more of them.
import type { TailRow } from '../../../analytics/http/contract.ts'
import type { TailEntry } from '../../tail-buffer.ts'

export type Loading = 'idle' | 'loading' | 'failed' | 'end'

export interface LoadMoreProps {
  readonly words: string
  readonly state: Loading
  /** Said where there is no more. */
  readonly end: string
  onLoad(): void
}

export function LoadMore({ words, state, end, onLoad }: LoadMoreProps) {
  if (state === 'end') return <p className="load-more muted">{end}</p>
  return (
    <div className="load-more">
      <button type="button" disabled={state === 'loading'} onClick={onLoad}>
        {state === 'idle' ? words : state === 'loading' ? 'Loading…' : 'That failed: try again'}
      </button>
    </div>
  )
}

/** Those of the live tail count upwards. */
let nextId = -1

export function entriesOf(rows: readonly TailRow[]): TailEntry[] {
  return rows.map(row => ({ kind: 'row', id: nextId--, row, seenAt: 0 }))
}
