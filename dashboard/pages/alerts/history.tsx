// What has fired before: when, for how long, why it ended, and whether somebody was told.
import { useEffect, useState } from 'react'
import type { AlertEpisode, AlertsAnswer } from '../../../analytics/http/contract-alerts.ts'
import { apiPath, read, useApi } from '../../api.ts'
import { counted, formatDateTime, formatDuration, formatRate, inWords, type Zone } from '../../format.ts'
import { useLive } from '../../page-context.ts'
import { HostileText } from '../../panels/hostile-text.tsx'
import { Panel } from '../../panels/panel.tsx'
import { Labels } from './labels.tsx'

const pageRows = 50
/** Whether somebody was told changes without a word of the live topic. */
const everyMs = 15_000

export interface HistoryProps {
  readonly version: number | undefined
  readonly deliveries: AlertsAnswer['deliveries'] | null
}

export function History({ version, deliveries }: HistoryProps) {
  const { zone } = useLive(state => state.settings)
  const asked = useApi<AlertsAnswer>(apiPath('/alerts', { limit: pageRows }), everyMs)
  const [older, setOlder] = useState<readonly AlertsAnswer[]>([])
  // biome-ignore lint/correctness/useExhaustiveDependencies: something has fired or is over.
  useEffect(() => {
    if (asked.data) asked.ask()
  }, [version])
  const answers = asked.data ? [asked.data, ...older] : []
  const episodes = answers.flatMap(({ history }) => history)
  const cursor = answers.at(-1)?.cursor ?? null
  const state =
    asked.data === undefined
      ? asked.error
        ? 'refused'
        : 'loading'
      : episodes.length === 0
        ? 'empty'
        : 'live'
  const loadOlder = async () => {
    const page = await read<AlertsAnswer>(apiPath('/alerts', { limit: pageRows, cursor }))
    setOlder([...older, page])
  }
  return (
    <Panel id="alert-history" title="History" state={state} className="alerts-history">
      {deliveries && deliveries.failing > 0 && (
        <p className="form-error">
          {counted(deliveries.failing, 'notification has', 'notifications have')} not arrived yet:{' '}
          <HostileText text={deliveries.lastError ?? ''} />
        </p>
      )}
      {state === 'refused' && <p className="form-error">{asked.error?.message}</p>}
      {state === 'empty' && <p className="all-quiet">No rule has fired so far.</p>}
      {episodes.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard.
        <section className="history-scroll" tabIndex={0} aria-label="What has fired, newest first">
          <table>
            <thead>
              <tr>
                <th scope="col">Fired</th>
                <th scope="col">Rule</th>
                <th scope="col" className="number">
                  Value
                </th>
                <th scope="col">Lasted</th>
                <th scope="col">Told</th>
              </tr>
            </thead>
            <tbody>
              {episodes.map(episode => (
                <EpisodeRow key={episode.id} {...{ episode, zone }} />
              ))}
            </tbody>
          </table>
          {cursor !== null && (
            <button type="button" className="button older" onClick={() => void loadOlder()}>
              Load older
            </button>
          )}
        </section>
      )}
    </Panel>
  )
}

const reasons = {
  ruleChanged: ', until the rule was changed',
  ruleDeleted: ', until the rule was deleted',
  ruleDisabled: ', until the rule was disabled',
  value: '',
} as const

function EpisodeRow({ episode, zone }: { readonly episode: AlertEpisode; readonly zone: Zone }) {
  const { ruleName, labels, value, firedAt, resolvedAt, reason } = episode
  return (
    <tr data-over={resolvedAt !== null}>
      <td className="nowrap">{formatDateTime(firedAt, zone)}</td>
      <td>
        <HostileText text={ruleName} /> <Labels labels={labels} />
      </td>
      <td className="number">{value === null ? '–' : formatRate(value)}</td>
      <td>
        {resolvedAt === null ? 'still firing' : inWords(formatDuration(resolvedAt - firedAt))}
        {reason && reasons[reason]}
      </td>
      <td>
        <Told episode={episode} />
      </td>
    </tr>
  )
}

function Told({ episode: { notified } }: { readonly episode: AlertEpisode }) {
  if (!notified || notified.delivered + notified.waiting + notified.givenUp === 0) {
    return <span className="muted">nobody to tell</span>
  }
  const { delivered, waiting, givenUp, lastError } = notified
  const parts = [
    ...(delivered > 0 ? [`${delivered} delivered`] : []),
    ...(waiting > 0 ? [`${waiting} on the way`] : []),
    ...(givenUp > 0 ? [`${givenUp} given up`] : []),
  ]
  return (
    <>
      {parts.join(', ')}
      {lastError !== null && (waiting > 0 || givenUp > 0) && (
        <span className="form-error">
          <HostileText text={lastError} limit={200} />
        </span>
      )}
    </>
  )
}
