// The frame every panel shares: a heading with its unit, room for tools, and a state that tests and the style sheet
// read. Its size never depends on its content.
import type { ReactNode } from 'react'
import { Icon, type IconName } from '../icons.tsx'
import { useLive } from '../page-context.ts'
import { ageOf } from '../words.ts'
import { HostileText } from './hostile-text.tsx'

export type PanelState = 'loading' | 'empty' | 'live' | 'refused'

export interface PanelProps {
  readonly id: string
  readonly title: string
  readonly unit?: string
  readonly state: PanelState
  readonly seq?: number | undefined
  readonly className?: string
  readonly tools?: ReactNode
  readonly children: ReactNode
}

export function Panel({ id, title, unit, state, seq, className, tools, children }: PanelProps) {
  const age = useLive(ageOf)
  return (
    <section
      id={id}
      className={`panel ${className ?? ''}`}
      aria-labelledby={`${id}-title`}
      data-state={age === null ? state : 'stale'}
      data-seq={seq}
    >
      <header className="panel-head">
        <h2 id={`${id}-title`}>
          <HostileText text={title} limit={120} />
          {unit && <span className="unit"> {unit}</span>}
        </h2>
        {age !== null && <span className="age">{age} old</span>}
        <div className="panel-tools">{tools}</div>
      </header>
      {children}
    </section>
  )
}

export interface EmptyProps {
  readonly title: string
  /** Set where emptiness is good news. */
  readonly icon?: IconName
  readonly children?: ReactNode
}

/** What would be here, and the exact command that brings it. */
export function Empty({ title, icon, children }: EmptyProps) {
  return (
    <div className="empty">
      {icon && (
        <span className="all-well">
          <Icon name={icon} />
        </span>
      )}
      <p className="empty-title">
        <HostileText text={title} limit={400} />
      </p>
      {children}
    </div>
  )
}
