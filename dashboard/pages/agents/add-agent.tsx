// Add agent: a name becomes a line to paste, good once and for a while; then a row that turns green when the host says
// hello. Where the appliance serves only its own machine, what to type instead.
import { useEffect, useRef, useState } from 'react'
import type { InvitationAnswer } from '../../../analytics/http/contract-agents.ts'
import { type ApiError, act } from '../../api.ts'
import { counted, formatAge, formatExact } from '../../format.ts'
import { Icon, Shape } from '../../icons.tsx'
import { useLive } from '../../page-context.ts'
import { Field } from '../../panels/act-dialog.tsx'
import { HostileText } from '../../panels/hostile-text.tsx'
import { addAgentCommand } from '../cluster/commands.ts'
import { type AgentRow, newcomer } from './agent-rows.ts'

const expiries = { '15m': 900_000, '2h': 7_200_000, '1d': 86_400_000 } as const
type Expiry = keyof typeof expiries

export function AddAgent({
  rows,
  onClose,
}: {
  readonly rows: readonly AgentRow[]
  readonly onClose: () => void
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [name, setName] = useState('')
  const [expires, setExpires] = useState<Expiry>('15m')
  const [made, setMade] = useState<InvitationAnswer | null>(null)
  const [refused, setRefused] = useState<ApiError | null>(null)
  const [before] = useState(() => new Set(rows.filter(({ status }) => status).map(({ id }) => id)))
  useEffect(() => dialog.current?.showModal(), [])
  const isGood = /^[\w.-]{0,64}$/.test(name)
  const make = async () => {
    const body = { ...(name !== '' && { name }), expiresInMs: expiries[expires] }
    try {
      setMade(await act<InvitationAnswer>('POST', '/api/v1/agents/invitations', body))
      setRefused(null)
    } catch (error) {
      setRefused(error as ApiError)
    }
  }
  return (
    <dialog ref={dialog} className="act-dialog" aria-labelledby="add-agent-title" onClose={onClose}>
      <form
        onSubmit={event => {
          event.preventDefault()
          void make()
        }}
      >
        <header>
          <h2 id="add-agent-title">Add agent</h2>
          <button type="button" className="tool" title="Close (Esc)" onClick={() => dialog.current?.close()}>
            <Icon name="close" />
            <span className="sr-only">Close</span>
          </button>
        </header>
        {!made && (
          <>
            <Field label="Name" hint="empty: the host’s own">
              <input value={name} placeholder="web-3" onChange={event => setName(event.target.value)} />
            </Field>
            <Field label="The line is good for">
              <select value={expires} onChange={event => setExpires(event.target.value as Expiry)}>
                <option value="15m">15 minutes</option>
                <option value="2h">2 hours</option>
                <option value="1d">1 day</option>
              </select>
            </Field>
            <p className="act-same muted">The same as the command</p>
            <pre className="act-command">
              {isGood ? addAgentCommand(name, expires) : 'letters, digits, dots, dashes'}
            </pre>
            {refused && <Refused error={refused} />}
          </>
        )}
        {made && <Invitation made={made} newcomer={newcomer(before, rows)} />}
        <footer>
          <button type="button" className="button" onClick={() => dialog.current?.close()}>
            {made ? 'Done' : 'Cancel'}
          </button>
          {!made && (
            <button type="submit" className="button primary" disabled={!isGood}>
              Make the line
            </button>
          )}
        </footer>
      </form>
    </dialog>
  )
}

function Refused({ error }: { readonly error: ApiError }) {
  const isClosed = error.problem?.type.endsWith('not-public') === true
  return (
    <div className="act-refused" role="alert" data-reason={isClosed ? 'not-public' : 'other'}>
      {isClosed ? (
        <>
          <p>
            Only this machine is served: no other host could reach it. Start it with the name others know it
            by:
          </p>
          <pre className="act-command">
            tailrace up --public{' '}
            {window.location.hostname === '127.0.0.1' ? 'HOST' : window.location.hostname}
          </pre>
        </>
      ) : (
        error.message
      )}
    </div>
  )
}

function Invitation({
  made,
  newcomer: agent,
}: {
  readonly made: InvitationAnswer
  readonly newcomer: AgentRow | null
}) {
  const clockMs = useLive(state => state.clockMs)
  const [copied, setCopied] = useState(false)
  const left = made.expiresAt - clockMs
  const status = agent?.status
  return (
    <>
      <p>Paste this on the host, in a shell. It is good once{left > 0 ? `, for ${formatAge(left)}` : ''}.</p>
      <pre className="act-command join-line">{made.line}</pre>
      <button
        type="button"
        className="button"
        onClick={() => void navigator.clipboard?.writeText(made.line).then(() => setCopied(true))}
      >
        {copied ? 'Copied' : 'Copy the line'}
      </button>
      <p className="hello" data-state={status ? 'connected' : left > 0 ? 'waiting' : 'expired'} role="status">
        <Shape name={status ? 'dot' : left > 0 ? 'ring' : 'cross'} />
        {status && agent ? (
          <span>
            <HostileText text={agent.name} limit={100} /> connected, {counted(status.files, 'file')} found,{' '}
            {formatExact(status.linesPerSecond)} lines/s
          </span>
        ) : left > 0 ? (
          'Waiting for the host to say hello'
        ) : (
          'The line has expired. Close, and make another.'
        )}
      </p>
    </>
  )
}
