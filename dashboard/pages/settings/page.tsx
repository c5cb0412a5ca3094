// Settings: how this browser shows things, who is signed in; for admins accounts, tokens and the audit log. A viewer is
// shown what is theirs alone.
import { type FormEvent, useState } from 'react'
import { act } from '../../api.ts'
import { zoneName } from '../../format.ts'
import { useLive, usePage } from '../../page-context.ts'
import { HostileText } from '../../panels/hostile-text.tsx'
import { Panel } from '../../panels/panel.tsx'
import type { Settings } from '../../settings.ts'
import { useMe } from '../../who.ts'
import { AccountsPanel } from './accounts-panel.tsx'
import { AuditPanel } from './audit-panel.tsx'
import './settings.css'
import { TokensPanel } from './tokens-panel.tsx'
import { Field, useDeed } from './use-deed.tsx'

export function PageView() {
  const isAdmin = useMe()?.role === 'admin'
  return (
    <>
      <LookPanel />
      <MePanel />
      {isAdmin && (
        <>
          <AccountsPanel />
          <TokensPanel />
          <AuditPanel />
        </>
      )}
    </>
  )
}

const choices = {
  theme: [
    ['system', 'As the system'],
    ['light', 'Light'],
    ['dark', 'Dark'],
  ],
  zone: [
    ['local', 'Local'],
    ['utc', 'UTC'],
  ],
  density: [
    ['compact', 'Compact'],
    ['comfortable', 'Comfortable'],
  ],
} as const satisfies { readonly [Name in keyof Settings]?: readonly (readonly [Settings[Name], string])[] }

function LookPanel() {
  const zone = zoneName(
    'local',
    useLive(state => state.clockMs),
  )
  return (
    <Panel id="look" title="This browser" state="live" className="settings-half">
      <div className="settings-body">
        <Choice name="theme" label="Theme" />
        <Choice name="zone" label="Time zone" note={`Local is ${zone}.`} />
        <Choice name="density" label="Rows of tables" />
      </div>
    </Panel>
  )
}

interface ChoiceProps {
  readonly name: keyof typeof choices
  readonly label: string
  readonly note?: string
}

function Choice({ name, label, note }: ChoiceProps) {
  const page = usePage()
  const chosen = useLive(state => state.settings[name])
  return (
    <div className="settings-row">
      <span className="settings-word">
        {label}
        {note && <span className="muted"> {note}</span>}
      </span>
      <fieldset className="segments">
        <legend className="sr-only">{label}</legend>
        {choices[name].map(([value, words]) => (
          <label key={value} className="segment">
            <input
              type="radio"
              name={`settings-${name}`}
              value={value}
              checked={value === chosen}
              onChange={() => page.change({ [name]: value })}
            />
            <span>{words}</span>
          </label>
        ))}
      </fieldset>
    </div>
  )
}

const ways = { link: 'by a link', password: 'by password', token: 'by a token' } as const

function MePanel() {
  const page = usePage()
  const me = useMe()
  const leave = useDeed()
  return (
    <Panel id="me" title="You" state={me ? 'live' : 'loading'} className="settings-half">
      <div className="settings-body">
        {me && (
          <p className="settings-row">
            <span className="settings-word">
              <HostileText text={me.user} />
              <span className="muted"> signed in {ways[me.by]}</span>
            </span>
            <span className="role" data-role={me.role}>
              {me.role}
            </span>
          </p>
        )}
        {me?.role === 'viewer' && (
          <p className="muted">A viewer may look at everything that is counted, and change nothing.</p>
        )}
        {me?.by === 'password' && <PasswordForm user={me.user} />}
        <div className="settings-actions">
          <button
            type="button"
            className="button"
            disabled={leave.isWorking}
            onClick={() => leave.run(() => page.signOut(false))}
          >
            Sign out
          </button>
          <button
            type="button"
            className="button"
            disabled={leave.isWorking}
            onClick={() => leave.run(() => page.signOut(true))}
          >
            Sign out everywhere
          </button>
        </div>
        {leave.trouble !== '' && (
          <p className="trouble" role="alert">
            {leave.trouble}
          </p>
        )}
      </div>
    </Panel>
  )
}

function PasswordForm({ user }: { readonly user: string }) {
  const deed = useDeed()
  const [done, setDone] = useState(false)
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = event.currentTarget
    const data = new FormData(form)
    setDone(false)
    deed.run(async () => {
      const body = { current: data.get('current'), password: data.get('password') }
      await act('POST', `/api/v1/accounts/${encodeURIComponent(user)}/password`, body)
      form.reset()
      setDone(true)
    })
  }
  return (
    <form className="settings-form" onSubmit={submit}>
      <Field label="Old password" name="current" type="password" autoComplete="current-password" />
      <Field label="New password" name="password" type="password" autoComplete="new-password" />
      <button type="submit" className="button" disabled={deed.isWorking}>
        Change
      </button>
      <p className={deed.trouble === '' ? 'settings-said' : 'settings-said trouble'} role="status">
        {deed.trouble !== ''
          ? deed.trouble
          : done
            ? 'Changed. Every other session of yours has ended.'
            : 'Ten characters or more. Every other session of yours ends.'}
      </p>
    </form>
  )
}
