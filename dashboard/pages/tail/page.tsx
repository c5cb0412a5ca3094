// The live tail by itself, as tall as the window: lines of any topic as they come, or the log's past around a time or a
// record. What is shown is in the URL.
import './tail-page.css'
import { useMemo } from 'react'
import { useLive, usePage } from '../../page-context.ts'
import { changeParameters, useParameter, useParameters } from '../../url-state.ts'
import type { RowActions } from './line-detail.tsx'
import type { ListLook } from './line-list.tsx'
import { LiveLines } from './live-lines.tsx'
import { rowKey } from './log-history.ts'
import { PastLines } from './past-lines.tsx'
import { parseFilter, withField } from './tail-query.ts'
import { highlightsMax } from './tools.tsx'

export function PageView() {
  const page = usePage()
  const { topic, filter, zone, wrap, density } = useLive(state => state.settings)
  const [at] = useParameter('at')
  const [record] = useParameter('record')
  const highlights = useParameters('hl').slice(0, highlightsMax).join('\n')
  const look = useMemo((): ListLook => {
    const terms = [parseFilter(filter).text, ...highlights.split('\n')]
    return { zone, isWrapped: wrap, isRoomy: density === 'comfortable', terms }
  }, [zone, wrap, density, filter, highlights])
  const actions = useMemo(
    (): RowActions => ({
      onlyValue: (name, value) =>
        page.change({ filter: withField(page.store.get().settings.filter, name, value) }),
      around: row => {
        page.change({ filter: '' })
        changeParameters({ record: rowKey(row), at: '' })
      },
      addressOf: row => `/tail?${new URLSearchParams({ topic: row.topic, record: rowKey(row) }).toString()}`,
    }),
    [page],
  )
  const lines = { topic, filter, look, actions }
  return at === '' && record === '' ? (
    <LiveLines key={`${topic} ${filter}`} {...lines} />
  ) : (
    <PastLines key={`${topic} ${filter} ${at} ${record}`} {...lines} at={at} record={record} />
  )
}
