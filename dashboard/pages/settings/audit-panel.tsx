// The audit log: who did what, when and from where; newest first, further back page by page.
import { useState } from 'react'
import type { AuditAnswer, AuditEntry, AuditKind } from '../../../analytics/http/contract-accounts.ts'
import { apiPath, read, useApi } from '../../api.ts'
import { formatDateTime } from '../../format.ts'
import { useLive } from '../../page-context.ts'
import { HostileText } from '../../panels/hostile-text.tsx'
import { Empty, Panel } from '../../panels/panel.tsx'
import { useDeed } from './use-deed.tsx'

const rowsPerPage = 50

const kinds: Readonly<Record<AuditKind, string>> = {
  signIn: 'Signed in',
  signInRefused: 'Sign-in refused',
  signOut: 'Signed out',
  refused: 'Refused',
  act: 'Did',
}

export function AuditPanel() {
  const [kind, setKind] = useState<AuditKind | ''>('')
  const [older, setOlder] = useState<readonly AuditEntry[]>([])
  const [next, setNext] = useState<string | null | undefined>(undefined)
  const question = { limit: rowsPerPage, kind }
  const { data, error } = useApi<AuditAnswer>(apiPath('/audit', question), 10_000)
  const deed = useDeed()
  // Further pages end where the first began when they were asked for; what is new since then is on the first.
  const first = data?.entries ?? []
  const last = first.at(-1)?.id ?? 0
  const entries = [...first, ...older.filter(({ id }) => id < last)]
  const before = next === undefined ? data?.next : next
  const more = () =>
    deed.run(async () => {
      const page = await read<AuditAnswer>(apiPath('/audit', { ...question, before }))
      setOlder(have => [...have, ...page.entries])
      setNext(page.next)
    })
  const state = error && !data ? 'refused' : !data ? 'loading' : entries.length === 0 ? 'empty' : 'live'
  return (
    <Panel
      id="audit"
      title="Audit log"
      state={state}
      tools={
        <select
          aria-label="What is listed"
          className="settings-select"
          value={kind}
          onChange={event => {
            setKind(event.target.value as AuditKind | '')
            setOlder([])
            setNext(undefined)
          }}
        >
          <option value="">Everything</option>
          {Object.entries(kinds).map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      }
    >
      {state === 'empty' && <Empty title="Nothing of this kind yet" />}
      {entries.length > 0 && <AuditTable entries={entries} />}
      {(deed.trouble || error) && (
        <p className="settings-body trouble" role="alert">
          {deed.trouble || error?.message}
        </p>
      )}
      {before && (
        <div className="settings-body">
          <button type="button" className="button" disabled={deed.isWorking} onClick={more}>
            Show older
          </button>
        </div>
      )}
    </Panel>
  )
}

function AuditTable({ entries }: { readonly entries: readonly AuditEntry[] }) {
  const zone = useLive(state => state.settings.zone)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and must by keyboard too
    <section className="settings-scroll settings-audit" aria-label="Entries of the audit log" tabIndex={0}>
      <table className="settings-table">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Who</th>
            <th scope="col">What</th>
            <th scope="col">From</th>
          </tr>
        </thead>
        <tbody>
          {entries.map(entry => (
            <tr key={entry.id} data-kind={entry.kind}>
              <td>{formatDateTime(entry.at, zone)}</td>
              <th scope="row">
                {entry.user === '' ? 'nobody known' : <HostileText text={entry.user} />}
                {entry.by !== 'nobody' && <span className="muted"> by {entry.by}</span>}
              </th>
              <td className="audit-what">
                <span className="audit-kind">{kinds[entry.kind]}</span>{' '}
                {(entry.kind === 'act' || entry.kind === 'refused') && (
                  <code>
                    <HostileText text={entry.action} />
                  </code>
                )}{' '}
                {entry.detail !== '' && (
                  <span className="muted">
                    <HostileText text={entry.detail} />
                  </span>
                )}
                {entry.kind === 'act' && entry.status >= 400 && (
                  <span className="muted"> failed, {entry.status}</span>
                )}
              </td>
              <td>
                <HostileText text={entry.address} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
