// One agent opened: its files with rate, how far behind, when they last moved and what was decided of them; what is in
// the way; what was left out or lost, and why. An admin may end it.
import { useState } from 'react'
import { Link } from 'wouter'
import type { AgentAnswer, AgentFile } from '../../../analytics/http/contract-agents.ts'
import { apiPath, useApi } from '../../api.ts'
import { counted, formatAge, formatBytes, formatCount, formatDateTime, inWords } from '../../format.ts'
import { Icon } from '../../icons.tsx'
import { useLive } from '../../page-context.ts'
import { ActDialog } from '../../panels/act-dialog.tsx'
import { type Column, DataTable } from '../../panels/data-table.tsx'
import { HostileText } from '../../panels/hostile-text.tsx'
import { Empty, Panel } from '../../panels/panel.tsx'
import { useParameter } from '../../url-state.ts'
import { visibleText } from '../../visible-text.ts'
import { removeAgentCommand } from '../cluster/commands.ts'
import type { AgentRow } from './agent-rows.ts'
import { durationWords } from './agent-words.ts'

const everyMs = 5_000

function columnsOf(nowMs: number): readonly Column<AgentFile>[] {
  return [
    {
      key: 'path',
      label: 'File',
      weight: 3.4,
      by: file => file.path,
      cell: file => (
        <span className="mono" title={visibleText(file.path)}>
          <HostileText text={file.path} limit={500} />
        </span>
      ),
    },
    { key: 'format', label: 'Format', wide: true, by: file => file.format, cell: file => formatWords(file) },
    {
      key: 'rate',
      label: 'Rate',
      number: true,
      wide: true,
      by: file => file.bytesPerSecond,
      cell: file => `${inWords(formatBytes(file.bytesPerSecond))}/s`,
    },
    {
      key: 'behind',
      label: 'Behind',
      number: true,
      by: file => file.bytesBehind,
      cell: file => inWords(formatBytes(file.bytesBehind)),
    },
    {
      key: 'time',
      label: 'For',
      number: true,
      by: file => file.behindMs,
      cell: file => durationWords(file.behindMs),
    },
    {
      key: 'size',
      label: 'Size',
      number: true,
      wide: true,
      by: file => file.sizeBytes,
      cell: file => inWords(formatBytes(file.sizeBytes)),
    },
    {
      key: 'last',
      label: 'Last line',
      number: true,
      wide: true,
      by: file => file.lastLineAt,
      cell: file => (file.lastLineAt === null ? '–' : `${formatAge(nowMs - file.lastLineAt)} ago`),
    },
    {
      key: 'state',
      label: 'State',
      weight: 1.6,
      by: file => (file.error ? 0 : file.gone ? 1 : 2),
      cell: file =>
        file.error ? (
          <>
            △ <HostileText text={file.error} limit={100} />
          </>
        ) : file.gone ? (
          'deleted'
        ) : file.bytesBehind > 0 ? (
          'reading'
        ) : (
          'at the end'
        ),
    },
  ]
}

function formatWords({ format, topic }: AgentFile): React.ReactNode {
  if (!format) return <span className="muted">no line yet</span>
  return <HostileText text={topic ? `${format} → ${topic}` : format} limit={80} />
}

export interface AgentFilesProps {
  readonly row: AgentRow
  readonly isAdmin: boolean
  readonly onRemoved: () => void
  readonly onClose: () => void
}

export function AgentFiles({ row, isAdmin, onRemoved, onClose }: AgentFilesProps) {
  const { data, error } = useApi<AgentAnswer>(
    row.status ? apiPath(`/agents/${encodeURIComponent(row.id)}`) : null,
    everyMs,
  )
  const clockMs = useLive(state => state.clockMs)
  const zone = useLive(state => state.settings.zone)
  const [sort, setSort] = useParameter('files', '-behind')
  const [removing, setRemoving] = useState(false)
  // One that never joined has no user: once it is silent, it can be no longer expected.
  const removable = row.enrolled?.user ?? (row.standing === 'silent' ? row.id : null)
  const files = data?.fileStatuses ?? []
  const state = data ? 'live' : error ? 'refused' : row.status ? 'loading' : 'empty'
  return (
    <Panel
      id="agent-files"
      className="agents-panel"
      title="Files"
      unit={data ? `${files.length} of ${data.files}` : ''}
      state={state}
      tools={
        <div className="cluster-tools">
          <Link href={`/tail?q=${encodeURIComponent(row.status?.host ?? row.name)}`}>Live tail</Link>
          {isAdmin && removable !== null && (
            <button type="button" className="button danger" onClick={() => setRemoving(true)}>
              Remove
            </button>
          )}
          <button type="button" className="tool" title="Close" onClick={onClose}>
            <Icon name="close" />
            <span className="sr-only">Close</span>
          </button>
        </div>
      }
    >
      <p className="agent-name">
        <b>
          <HostileText text={row.name} limit={100} />
        </b>
        <span className="muted mono"> {row.id}</span>
      </p>
      {row.status?.errors.map(text => (
        <p key={text} className="act-refused">
          <HostileText text={text} limit={300} />
        </p>
      ))}
      {error && <p className="act-refused">{error.message}</p>}
      {!row.status && (
        <Empty title="It has joined, and has not said hello yet">Start it there: tailrace agent</Empty>
      )}
      {data && files.length === 0 && (
        <Empty title="It tells of no file">
          <p>It reads none, or its version does not tell. On the host:</p>
          <code>tailrace agent status</code>
        </Empty>
      )}
      {files.length > 0 && (
        <DataTable
          label="Files"
          columns={columnsOf(clockMs)}
          rows={files}
          keyOf={file => file.path}
          sort={sort}
          onSort={setSort}
          tone={file => (file.error ? 'warn' : undefined)}
        />
      )}
      {data && (
        <div className="agent-skipped">
          <p>
            <b>{data.linesLeftOut === null ? '–' : formatCount(data.linesLeftOut)}</b> lines left out by
            filters and sampling since it was started.
          </p>
          {data.losses.length === 0 && <p className="muted">Nothing of it is in the loss ledger.</p>}
          <ol>
            {data.losses.map(({ at, reason, lines, detail }) => (
              <li key={`${at} ${reason} ${detail}`}>
                <time className="muted">{formatDateTime(at, zone)}</time> <b>{reason}</b>{' '}
                {lines === null ? 'unknown number of lines' : counted(lines, 'line')}{' '}
                <span className="muted">
                  <HostileText text={detail} limit={300} />
                </span>
              </li>
            ))}
          </ol>
        </div>
      )}
      {removing && removable !== null && (
        <ActDialog
          title="Remove agent"
          command={removeAgentCommand(removable)}
          deed={{ method: 'DELETE', path: `/agents/enrolled/${encodeURIComponent(removable)}` }}
          verb="Remove agent"
          confirm={row.name}
          onClose={() => setRemoving(false)}
          onDone={onRemoved}
        >
          <p>
            {row.enrolled
              ? 'Its password is taken away and its connections end. What it has sent stays.'
              : 'It never joined, so it has no password to lose: it is not expected until it is heard of again.'}
          </p>
        </ActDialog>
      )}
    </Panel>
  )
}
