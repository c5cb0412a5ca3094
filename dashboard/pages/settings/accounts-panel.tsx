// Who signs in by name and password: the list, one more, one fewer, another role.
import { type FormEvent, useState } from 'react'
import type { AccountsAnswer, Role } from '../../../analytics/http/contract-accounts.ts'
import { act, useApi } from '../../api.ts'
import { formatDateTime } from '../../format.ts'
import { useLive } from '../../page-context.ts'
import { HostileText } from '../../panels/hostile-text.tsx'
import { Empty, Panel } from '../../panels/panel.tsx'
import { Field, Remove, RoleField, useDeed } from './use-deed.tsx'

export function AccountsPanel() {
  const { data, error, ask } = useApi<AccountsAnswer>('/api/v1/accounts', 10_000)
  const zone = useLive(state => state.settings.zone)
  const deed = useDeed()
  const accounts = data?.accounts ?? []
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = event.currentTarget
    const { name, role, password } = Object.fromEntries(new FormData(form))
    deed.run(async () => {
      await act('POST', '/api/v1/accounts', { name, role, password })
      form.reset()
      ask()
    })
  }
  const changeRole = (name: string, role: Role) =>
    deed.run(async () => {
      await act('POST', `/api/v1/accounts/${encodeURIComponent(name)}/role`, { role })
      ask()
    })
  const remove = (name: string) =>
    deed.run(async () => {
      await act('DELETE', `/api/v1/accounts/${encodeURIComponent(name)}`)
      ask()
    })
  const state = error && !data ? 'refused' : !data ? 'loading' : accounts.length === 0 ? 'empty' : 'live'
  const trouble = deed.trouble || (error?.message ?? '')
  return (
    <Panel id="accounts" title="Accounts" state={state}>
      {state === 'empty' && (
        <Empty title="Nobody signs in by password yet">
          <p>Sign-in links make admins. Here, or on the machine itself:</p>
          <code>node cli/tailrace.js accounts add NAME --role viewer</code>
        </Empty>
      )}
      {accounts.length > 0 && (
        <div className="settings-scroll">
          <table className="settings-table">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Role</th>
                <th scope="col">Password since</th>
                <th scope="col">Last seen</th>
                <th scope="col">Sessions</th>
                <td />
              </tr>
            </thead>
            <tbody>
              {accounts.map(account => (
                <tr key={account.name}>
                  <th scope="row">
                    <HostileText text={account.name} />
                  </th>
                  <td>
                    <RoleChoice
                      name={account.name}
                      role={account.role}
                      disabled={deed.isWorking}
                      onChange={role => changeRole(account.name, role)}
                    />
                  </td>
                  <td>{formatDateTime(account.changedAt, zone)}</td>
                  <td>
                    {account.lastSeenAt === null ? 'not signed in' : formatDateTime(account.lastSeenAt, zone)}
                  </td>
                  <td>{account.sessions}</td>
                  <td>
                    <Remove
                      what={account.name}
                      disabled={deed.isWorking}
                      onRemove={() => remove(account.name)}
                    />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <form className="settings-form settings-add" onSubmit={submit}>
        <Field label="Name" name="name" />
        <RoleField />
        <Field label="Password" name="password" type="password" autoComplete="new-password" />
        <button type="submit" className="button primary" disabled={deed.isWorking}>
          Add account
        </button>
        <p className={trouble === '' ? 'settings-said' : 'settings-said trouble'} role="status">
          {trouble || 'Ten characters or more.'}
        </p>
      </form>
    </Panel>
  )
}

interface RoleChoiceProps {
  readonly name: string
  readonly role: Role
  readonly disabled: boolean
  readonly onChange: (role: Role) => void
}

/** Asks once more, as whoever it is has to sign in again. */
function RoleChoice({ name, role, disabled, onChange }: RoleChoiceProps) {
  const [chosen, choose] = useState<Role | null>(null)
  return (
    <span className="role-choice">
      <select
        aria-label={`Role of ${name}`}
        value={chosen ?? role}
        disabled={disabled}
        onChange={event => choose(event.target.value as Role)}
      >
        <option>viewer</option>
        <option>admin</option>
      </select>
      {chosen !== null && chosen !== role && (
        <>
          <button
            type="button"
            className="button settings-sure"
            disabled={disabled}
            title="Ends the sessions of this account"
            onClick={() => {
              onChange(chosen)
              choose(null)
            }}
          >
            Make {chosen}
          </button>
          <button type="button" className="button" onClick={() => choose(null)}>
            Keep
          </button>
        </>
      )}
    </span>
  )
}
