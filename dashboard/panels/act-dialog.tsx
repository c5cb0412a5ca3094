// A dialog that changes something: says what, shows the exact command that does the same, asks for the name to be typed
// where something is lost for good, and stays with the server's own words when it is refused.
import { type ReactNode, useEffect, useId, useRef, useState } from 'react'
import { act } from '../api.ts'
import { Icon } from '../icons.tsx'
import { visibleText } from '../visible-text.ts'
import './act-dialog.css'
import { HostileText } from './hostile-text.tsx'

export interface Deed {
  readonly method: 'POST' | 'DELETE'
  /** Under /api/v1. */
  readonly path: string
  readonly body?: object
}

export interface ActDialogProps {
  readonly title: string
  /** Null: what is asked for is not complete yet. */
  readonly command: string | null
  readonly deed: Deed | null
  readonly verb: string
  readonly onClose: () => void
  readonly onDone: (answer: unknown) => void
  /** Has to be typed first. */
  readonly confirm?: string
  readonly children?: ReactNode
}

export function ActDialog(props: ActDialogProps) {
  const { title, command, deed, verb, onClose, onDone, confirm, children } = props
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  const [typed, setTyped] = useState('')
  const [state, setState] = useState<'idle' | 'working' | { readonly refused: string }>('idle')
  useEffect(() => {
    dialog.current?.showModal()
  }, [])
  // What cannot be seen cannot be typed: its name is taken for it.
  const wanted = confirm === undefined ? undefined : visibleText(confirm)
  const isConfirmed = confirm === undefined || typed === confirm || typed === wanted
  const isReady = deed !== null && state !== 'working' && isConfirmed
  const run = async () => {
    if (!deed || !isReady) return
    setState('working')
    try {
      onDone(await act(deed.method, `/api/v1${deed.path}`, deed.body ?? {}))
      dialog.current?.close()
    } catch (error) {
      setState({ refused: (error as Error).message })
    }
  }
  return (
    <dialog ref={dialog} className="act-dialog" aria-labelledby={`${id}-title`} onClose={onClose}>
      <form
        onSubmit={event => {
          event.preventDefault()
          void run()
        }}
      >
        <header>
          <h2 id={`${id}-title`}>{title}</h2>
          <button type="button" className="tool" title="Close (Esc)" onClick={() => dialog.current?.close()}>
            <Icon name="close" />
            <span className="sr-only">Close</span>
          </button>
        </header>
        <div className="act-fields">{children}</div>
        {confirm !== undefined && (
          <label className="act-field">
            <span>
              Type <b className="mono">{wanted}</b> to confirm
            </span>
            <input value={typed} onChange={event => setTyped(event.target.value)} autoComplete="off" />
          </label>
        )}
        <p className="act-same muted">The same as the command</p>
        <pre className="act-command">
          <HostileText text={command ?? '…'} />
        </pre>
        {typeof state === 'object' && (
          <p className="act-refused" role="alert">
            {state.refused}
          </p>
        )}
        <footer>
          <button type="button" className="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button
            type="submit"
            className={confirm === undefined ? 'button primary' : 'button danger'}
            disabled={!isReady}
          >
            {state === 'working' ? 'Working…' : verb}
          </button>
        </footer>
      </form>
    </dialog>
  )
}

export function Field({
  label,
  hint,
  children,
}: {
  readonly label: string
  readonly hint?: string
  readonly children: ReactNode
}) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is handed in.
    <label className="act-field">
      <span>
        {label}
        {hint && <span className="muted"> {hint}</span>}
      </span>
      {children}
    </label>
  )
}
