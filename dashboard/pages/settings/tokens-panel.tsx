// Tokens for programs: the list, and a new one, which is shown this once.
import { type FormEvent, useState } from 'react'
import type { ApiTokensAnswer, NewApiToken } from '../../../analytics/http/contract-accounts.ts'
import { act, useApi } from '../../api.ts'
import { formatDateTime } from '../../format.ts'
import { Icon } from '../../icons.tsx'
import { useLive } from '../../page-context.ts'
import { HostileText } from '../../panels/hostile-text.tsx'
import { Empty, Panel } from '../../panels/panel.tsx'
import { Field, Remove, RoleField, useDeed } from './use-deed.tsx'

const copiedForMs = 1_500
const dayMs = 86_400_000

export function TokensPanel() {
  const { data, error, ask } = useApi<ApiTokensAnswer>('/api/v1/tokens', 10_000)
  const deed = useDeed()
  const [made, setMade] = useState<NewApiToken | null>(null)
  const tokens = data?.tokens ?? []
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = event.currentTarget
    const { name, role, until } = Object.fromEntries(new FormData(form))
    // Good until the end of the day that was chosen.
    const expiresAt = until === '' ? null : Date.parse(`${String(until)}T00:00:00`) + dayMs
    deed.run(async () => {
      setMade(await act<NewApiToken>('POST', '/api/v1/tokens', { name, role, expiresAt }))
      form.reset()
      ask()
    })
  }
  const remove = (id: string) =>
    deed.run(async () => {
      await act('DELETE', `/api/v1/tokens/${id}`)
      if (made?.id === id) setMade(null)
      ask()
    })
  const state = error && !data ? 'refused' : !data ? 'loading' : tokens.length === 0 ? 'empty' : 'live'
  const trouble = deed.trouble || (error?.message ?? '')
  return (
    <Panel id="tokens" title="API tokens" state={state}>
      {made && <MadeToken made={made} onClose={() => setMade(null)} />}
      {state === 'empty' && (
        <Empty title="No tokens yet">
          <p>A program names itself with one: Grafana, a script, another page.</p>
          <code>curl -H "Authorization: Bearer $TOKEN" {window.location.origin}/api/v1/losses</code>
        </Empty>
      )}
      {tokens.length > 0 && <TokenTable tokens={tokens} disabled={deed.isWorking} onRemove={remove} />}
      <form className="settings-form settings-add" onSubmit={submit}>
        <Field label="Name" name="name" />
        <RoleField />
        <Field label="Good until (optional)" name="until" type="date" />
        <button type="submit" className="button primary" disabled={deed.isWorking}>
          Make token
        </button>
        <p className={trouble === '' ? 'settings-said' : 'settings-said trouble'} role="status">
          {trouble || 'It is shown once; only a hash of it is kept.'}
        </p>
      </form>
    </Panel>
  )
}

interface TokenTableProps {
  readonly tokens: ApiTokensAnswer['tokens']
  readonly disabled: boolean
  readonly onRemove: (id: string) => void
}

function TokenTable({ tokens, disabled, onRemove }: TokenTableProps) {
  const zone = useLive(state => state.settings.zone)
  const clockMs = useLive(state => state.clockMs)
  const when = (atMs: number | null, otherwise: string) =>
    atMs === null ? otherwise : formatDateTime(atMs, zone)
  return (
    <div className="settings-scroll">
      <table className="settings-table">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Role</th>
            <th scope="col">Made by</th>
            <th scope="col">Last used</th>
            <th scope="col">Good until</th>
            <td />
          </tr>
        </thead>
        <tbody>
          {tokens.map(token => (
            <tr key={token.id} data-over={token.expiresAt !== null && token.expiresAt <= clockMs}>
              <th scope="row">
                <HostileText text={token.name} /> <code className="muted">{token.id}</code>
              </th>
              <td>
                <span className="role" data-role={token.role}>
                  {token.role}
                </span>
              </td>
              <td>
                <HostileText text={token.createdBy} />
              </td>
              <td>{when(token.lastUsedAt, 'never')}</td>
              <td>{when(token.expiresAt, 'no end')}</td>
              <td>
                <Remove what={token.name} disabled={disabled} onRemove={() => onRemove(token.id)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function MadeToken({ made, onClose }: { readonly made: NewApiToken; readonly onClose: () => void }) {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(made.token)
    setCopied(true)
    window.setTimeout(() => setCopied(false), copiedForMs)
  }
  return (
    <div className="made-token" role="status">
      <p>
        The token of <HostileText text={made.name} />. Copy it now: it is not shown again.
      </p>
      <code>{made.token}</code>
      {window.isSecureContext && (
        <button type="button" className="button" onClick={() => void copy()}>
          {copied ? 'Copied' : 'Copy'}
        </button>
      )}
      <button type="button" className="tool" title="Close" onClick={onClose}>
        <Icon name="close" />
        <span className="sr-only">Hide the token</span>
      </button>
    </div>
  )
}
