// One record opened: where it lies, its key and headers, and its value without loss; and what one can do with it.
import { useState } from 'react'
import type { TailRow } from '../../../analytics/http/contract.ts'
import type { BrowsedBytes, BrowsedRecord, RecordsAnswer } from '../../../analytics/http/contract-search.ts'
import { useApi } from '../../api.ts'
import { formatDateTime, formatExact, type Zone } from '../../format.ts'
import { Icon, type IconName } from '../../icons.tsx'
import { HostileText } from '../../panels/hostile-text.tsx'
import { type JsonLine, jsonLines } from './json-lines.ts'
import { recordAddress } from './log-history.ts'
import { accessFields } from './tail-query.ts'

/** What a row's buttons do; the page decides how. */
export interface RowActions {
  onlyValue(name: string, value: string): void
  around(row: TailRow): void
  addressOf(row: TailRow): string
}

const textMax = 200_000

export function LineDetail({
  row,
  zone,
  actions,
}: {
  readonly row: TailRow
  readonly zone: Zone
  readonly actions: RowActions
}) {
  const { data, error } = useApi<RecordsAnswer>(recordAddress(row.topic, row.partition, row.offset))
  const record = data?.records[0]?.offset === row.offset ? data.records[0] : undefined
  const text = textIn(record?.value ?? null) ?? row.line
  const isWhole = record !== undefined || row.cutFrom === undefined
  return (
    <div className="line-detail" data-record={record ? 'loaded' : error ? 'failed' : 'loading'}>
      <div className="line-actions">
        <CopyButton icon="copy" label="Copy line" text={text} />
        <CopyButton icon="copy" label="Copy JSON" text={recordJson(row, record)} />
        <CopyButton
          icon="link"
          label="Copy link"
          text={new URL(actions.addressOf(row), window.location.href).href}
        />
        <button type="button" className="button" onClick={() => actions.around(row)}>
          <Icon name="search" />
          Around this line
        </button>
      </div>
      <dl className="line-facts">
        <Fact name="Topic">
          <HostileText text={row.topic} />
        </Fact>
        <Fact name="Partition">{row.partition}</Fact>
        <Fact name="Offset">
          <span title={formatExact(Number(row.offset))}>{row.offset}</span>
        </Fact>
        <Fact name="Time">{`${formatDateTime(row.at, zone)}.${String(row.at % 1000).padStart(3, '0')}`}</Fact>
        {record && (
          <Fact name="Key">
            {record.key ? <Bytes bytes={record.key} /> : <span className="muted">none</span>}
          </Fact>
        )}
        {record?.headers.map(({ name, value }, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a header may stand twice, and their order is theirs.
          <Fact key={at} name={<HostileText text={name} />}>
            {value ? <Bytes bytes={value} /> : <span className="muted">none</span>}
          </Fact>
        ))}
      </dl>
      {error && <p className="line-error">{error.message} What is shown is what the tail was sent.</p>}
      {!isWhole && !error && <p className="muted">Loading the rest of the line…</p>}
      <Value text={text} onlyValue={actions.onlyValue} />
    </div>
  )
}

function Fact({ name, children }: { readonly name: React.ReactNode; readonly children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="mono">{children}</dd>
    </div>
  )
}

function Bytes({ bytes }: { readonly bytes: BrowsedBytes }) {
  return 'text' in bytes ? <HostileText text={bytes.text} /> : <>{bytes.base64} (base64)</>
}

function Value({ text, onlyValue }: { readonly text: string; readonly onlyValue: RowActions['onlyValue'] }) {
  const lines = text.length <= textMax ? jsonLines(text) : null
  if (lines) {
    return (
      <div className="json">
        {lines.map((line, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines of a text that does not change.
          <JsonRow key={at} line={line} onlyValue={onlyValue} />
        ))}
      </div>
    )
  }
  const fields = accessFields(text)
  return (
    <>
      <p className="raw">
        <HostileText text={text} limit={textMax} />
      </p>
      {fields.length > 0 && (
        <div className="line-actions">
          {fields.map(([name, value]) => (
            <button key={name} type="button" className="button only" onClick={() => onlyValue(name, value)}>
              only {name} <HostileText text={value} limit={60} />
            </button>
          ))}
        </div>
      )}
    </>
  )
}

function JsonRow({
  line,
  onlyValue,
}: {
  readonly line: JsonLine
  readonly onlyValue: RowActions['onlyValue']
}) {
  const { depth, pieces, path, value } = line
  return (
    <div className="json-line" style={{ paddingLeft: `${depth * 2}ch` }}>
      {pieces.map(({ kind, text }, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: pieces of a text that does not change.
        <span key={at} data-kind={kind}>
          {kind === 'mark' ? text : <HostileText text={text} limit={textMax} />}
        </span>
      ))}
      {path !== undefined && path !== '' && value !== undefined && value.length <= 150 && (
        <button type="button" className="only-value" onClick={() => onlyValue(path, value)}>
          <Icon name="filter" />
          only this value<span className="sr-only"> of {path}</span>
        </button>
      )}
    </div>
  )
}

function CopyButton({
  icon,
  label,
  text,
}: {
  readonly icon: IconName
  readonly label: string
  readonly text: string
}) {
  const [state, setState] = useState<'idle' | 'done' | 'failed'>('idle')
  const copy = () => {
    navigator.clipboard?.writeText(text).then(
      () => setState('done'),
      () => setState('failed'),
    ) ?? setState('failed')
    window.setTimeout(() => setState('idle'), 1_500)
  }
  return (
    <button type="button" className="button" onClick={copy}>
      <Icon name={state === 'done' ? 'check' : icon} />
      <span aria-live="polite">
        {state === 'idle' ? label : state === 'done' ? 'Copied' : 'This browser does not allow it'}
      </span>
    </button>
  )
}

/** A record as JSON; what is JSON itself is put in as it stands, so that no number is rounded. */
function recordJson(row: TailRow, record: BrowsedRecord | undefined): string {
  const text = textIn(record?.value ?? null) ?? row.line
  const value = jsonLines(text) ? text.trim() : JSON.stringify(text)
  const head = JSON.stringify({
    ...{ topic: row.topic, partition: row.partition },
    ...{ timestamp: row.at, key: textIn(record?.key ?? null) },
    headers: record?.headers.map(header => [header.name, textIn(header.value)]) ?? [],
  })
  return `${head.slice(0, -1)},"offset":${row.offset},"value":${value}}`
}

function textIn(bytes: BrowsedBytes | null): string | null {
  if (bytes === null) return null
  return 'text' in bytes ? bytes.text : bytes.base64
}
