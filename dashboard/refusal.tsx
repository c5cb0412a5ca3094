// Where an answer should be and none is: the server's own words, and what may be asked instead, as buttons.
import type { ApiError } from './api.ts'
import './refusal.css'
import { changeParameters } from './url-state.ts'

export interface RefusalProps {
  readonly error: ApiError
  readonly ways?: readonly {
    readonly label: string
    readonly changes: Readonly<Record<string, string | readonly string[]>>
  }[]
  readonly onRetry?: () => void
}

export function Refusal({ error, ways = [], onRetry }: RefusalProps) {
  const isRefused = error.status >= 400 && error.status < 500
  return (
    <div className="refusal" role="alert">
      <p className="empty-title">{error.problem?.title ?? 'No answer'}</p>
      <p>{error.message}</p>
      {isRefused && error.problem?.type.endsWith('key-is-no-visitor') && (
        <p>
          Visitors are told apart by the record’s key. Name the field of the visitor in the input that tails
          the file, then rebuild: <code>keyField: anonymousId</code>
        </p>
      )}
      <div className="refusal-ways">
        {ways.map(({ label, changes }) => (
          <button key={label} type="button" className="button" onClick={() => changeParameters(changes)}>
            {label}
          </button>
        ))}
        {!isRefused && onRetry && (
          <button type="button" className="button" onClick={onRetry}>
            Try again
          </button>
        )}
      </div>
    </div>
  )
}
