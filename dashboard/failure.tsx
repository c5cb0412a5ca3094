// Keeps a fault in one page from taking the rail, the bar and the connection with it; says so and offers to try again.
import { Component, type ReactNode } from 'react'
import { failureWords } from './failure-words.ts'
import { HostileText } from './panels/hostile-text.tsx'

interface State {
  readonly error: Error | null
}

export class Failure extends Component<{ readonly children: ReactNode }, State> {
  override state: State = { error: null }

  static getDerivedStateFromError(error: unknown): State {
    return { error: error instanceof Error ? error : new Error(String(error)) }
  }

  override render(): ReactNode {
    const { error } = this.state
    if (error === null) return this.props.children
    const { title, text, canRetry } = failureWords(error)
    return (
      <section className="panel failure" role="alert">
        <div className="empty">
          <p className="empty-title">{title}</p>
          <p>{text}</p>
          <div className="failure-actions">
            {canRetry && (
              <button type="button" className="button" onClick={() => this.setState({ error: null })}>
                Try again
              </button>
            )}
            <button type="button" className="button" onClick={() => window.location.reload()}>
              Reload
            </button>
          </div>
          <p className="muted">
            <HostileText text={error.message} limit={300} />
          </p>
        </div>
      </section>
    )
  }
}
