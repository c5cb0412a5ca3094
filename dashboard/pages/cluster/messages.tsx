// Records of a partition as they are: from an offset, from a time, or the newest, page by page. What is looked at is in
// the address, so that it can be shared; values never become numbers on their way.
import { useState } from 'react'
import type { ClusterAnswer } from '../../../analytics/http/contract.ts'
import type { BrowsedBytes, BrowsedRecord, RecordsAnswer } from '../../../analytics/http/contract-search.ts'
import { apiPath, useApi } from '../../api.ts'
import { formatDateTime } from '../../format.ts'
import { useLive } from '../../page-context.ts'
import { HostileText } from '../../panels/hostile-text.tsx'
import { Empty, Panel } from '../../panels/panel.tsx'
import { changeParameters, useParameter } from '../../url-state.ts'
import { jsonLines } from '../tail/json-lines.ts'
import { shellWord } from './commands.ts'

const pageSize = 50

export function Messages() {
  const { data: cluster } = useApi<ClusterAnswer>('/api/v1/cluster')
  const topics = cluster?.topics ?? []
  const [topicGiven] = useParameter('topic')
  const [partition] = useParameter('partition', '0')
  const [offset] = useParameter('offset')
  const [time] = useParameter('time')
  const [before] = useParameter('before')
  const topic = topicGiven || (topics.find(({ internal }) => !internal)?.name ?? '')
  const found = topics.find(({ name }) => name === topic)
  const end = found?.partitions.find(one => String(one.partition) === partition)?.highWatermark
  // Nothing asked for: the newest.
  const place = offset ? { offset } : time ? { time } : { before: before || end }
  const isAsked = topic !== '' && Object.values(place)[0] !== undefined
  const address = isAsked
    ? apiPath(`/topics/${encodeURIComponent(topic)}/records`, { partition, limit: pageSize, ...place })
    : null
  const { data, error } = useApi<RecordsAnswer>(address)
  const records = before || !(offset || time) ? (data?.records ?? []).toReversed() : (data?.records ?? [])
  const state = error ? 'refused' : data ? (records.length === 0 ? 'empty' : 'live') : 'loading'
  const go = (changes: Readonly<Record<string, string>>) =>
    changeParameters({ topic, partition, offset: '', time: '', before: '', ...changes })
  return (
    <Panel
      id="messages"
      title="Messages"
      unit={data ? `offsets ${data.logStartOffset} to ${data.highWatermark}` : ''}
      state={state}
    >
      <Place
        key={`${topic} ${partition} ${offset} ${time}`}
        topics={topics}
        topic={topic}
        partition={partition}
        at={offset || time}
        go={go}
      />
      {error && <p className="act-refused">{error.message}</p>}
      {state === 'empty' && (
        <Empty title="No record from here on">
          <code>tailrace produce {shellWord(topic)}</code>
        </Empty>
      )}
      <ol className="message-list">
        {records.map(record => (
          <Message key={record.offset} record={record} isOpen={record.offset === offset} />
        ))}
      </ol>
      {data && (
        <footer className="message-pages">
          <button
            type="button"
            className="button"
            disabled={data.previous === null}
            onClick={() => go({ before: data.previous ?? '' })}
          >
            Older
          </button>
          <button
            type="button"
            className="button"
            disabled={BigInt(data.next) >= BigInt(data.highWatermark)}
            onClick={() => go({ offset: data.next })}
          >
            Newer
          </button>
          <button type="button" className="button" onClick={() => go({})}>
            Newest
          </button>
        </footer>
      )}
    </Panel>
  )
}

function Place({
  topics,
  topic,
  partition,
  at,
  go,
}: {
  readonly topics: ClusterAnswer['topics']
  readonly topic: string
  readonly partition: string
  readonly at: string
  readonly go: (changes: Readonly<Record<string, string>>) => void
}) {
  const [text, setText] = useState(at)
  const partitions = topics.find(({ name }) => name === topic)?.partitions ?? []
  return (
    <form
      className="cluster-tools message-place"
      onSubmit={event => {
        event.preventDefault()
        const value = text.trim()
        go(value === '' ? {} : /^\d+$/.test(value) ? { offset: value } : { time: value })
      }}
    >
      <select
        aria-label="Topic"
        value={topic}
        onChange={event => go({ topic: event.target.value, partition: '0' })}
      >
        {topics.map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <select
        aria-label="Partition"
        value={partition}
        onChange={event => go({ partition: event.target.value })}
      >
        {partitions.map(one => (
          <option key={one.partition} value={one.partition}>
            partition {one.partition}
          </option>
        ))}
      </select>
      <input
        aria-label="From an offset or a time"
        placeholder="Offset, or now-15m, or 2026-11-24T08:00Z"
        value={text}
        onChange={event => setText(event.target.value)}
      />
      <button type="submit" className="button">
        Go
      </button>
    </form>
  )
}

function Message({ record, isOpen }: { readonly record: BrowsedRecord; readonly isOpen: boolean }) {
  const zone = useLive(state => state.settings.zone)
  const { offset, timestamp, key, value, headers, partition } = record
  const [open, setOpen] = useState(isOpen)
  const link = () => {
    const url = new URL(window.location.href)
    for (const name of ['before', 'time']) url.searchParams.delete(name)
    url.searchParams.set('partition', String(partition))
    url.searchParams.set('offset', offset)
    return url.href
  }
  return (
    <li data-offset={offset}>
      <button type="button" className="message-row" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span className="mono message-offset">{offset}</span>
        <time className="muted">{formatDateTime(timestamp, zone)}</time>
        <span className="mono message-key">
          <Bytes bytes={key} limit={60} />
        </span>
        <span className="mono message-value">
          <Bytes bytes={value} limit={300} />
        </span>
      </button>
      {open && (
        <div className="message-detail">
          <dl className="cluster-facts">
            {headers.map(({ name, value: header }, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a header may stand twice, and their order is theirs.
              <div key={at}>
                <dt>
                  <HostileText text={name} limit={100} />
                </dt>
                <dd className="mono">
                  <Bytes bytes={header} limit={500} />
                </dd>
              </div>
            ))}
          </dl>
          <pre className="message-whole">
            <Whole bytes={value} />
          </pre>
          <button
            type="button"
            className="button"
            onClick={() => void navigator.clipboard?.writeText(link())}
          >
            Copy link
          </button>
        </div>
      )}
    </li>
  )
}

/** JSON is laid out without becoming values: an integer of any size stays what it is. */
function Whole({ bytes }: { readonly bytes: BrowsedBytes | null }) {
  const lines = bytes && 'text' in bytes ? jsonLines(bytes.text) : null
  if (!lines) return <Bytes bytes={bytes} limit={200_000} />
  return lines.map(({ depth, pieces }, at) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: lines of one value do not move.
    <div key={at}>
      {'  '.repeat(depth)}
      <HostileText text={pieces.map(piece => piece.text).join('')} limit={200_000} />
    </div>
  ))
}

function Bytes({ bytes, limit }: { readonly bytes: BrowsedBytes | null; readonly limit: number }) {
  if (bytes === null) return <span className="muted">null</span>
  if ('text' in bytes) return <HostileText text={bytes.text} limit={limit} />
  return <span title="Not UTF-8: base64">base64:{bytes.base64.slice(0, limit)}</span>
}
