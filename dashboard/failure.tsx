// Keeps a fault in one page from taking the rail, the bar and the connection with it; says so and offers to try again.
import { Component, type ReactNode } from 'react'

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
    return (
      <section className="panel failure" role="alert">
        <div className="empty">
          <p className="empty-title">This page could not be shown</p>
          <p>{error.message}</p>
          <button type="button" className="button" onClick={() => window.location.reload()}>
            Reload
          </button>
        </div>
      </section>
    )
  }
}
