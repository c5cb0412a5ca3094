// A table of any length that stays quick: only rows in view are in the document, each of one height, and readers are
// told how many there are. Sorted by its heads; arrow keys walk through rows, Enter opens one.
import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, type ReactNode, useMemo, useRef } from 'react'
import { sorted } from './table-order.ts'
import './data-table.css'

export interface Column<Row> {
  readonly key: string
  readonly label: string
  readonly number?: boolean
  /** Left out on phones. */
  readonly wide?: boolean
  /** Share of the width. */
  readonly weight?: number
  /** What it is sorted by; null goes last. */
  readonly by?: (row: Row) => number | string | null
  readonly cell: (row: Row) => ReactNode
}

export interface DataTableProps<Row> {
  readonly label: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
  /** `lag` ascending, `-lag` descending. */
  readonly sort: string
  readonly onSort: (sort: string) => void
  readonly onOpen?: (row: Row) => void
  readonly openKey?: string | null
  readonly tone?: (row: Row) => 'warn' | 'critical' | undefined
}

const rowHeight = 32

export function DataTable<Row>(props: DataTableProps<Row>) {
  const { label, columns, keyOf, onOpen, openKey, tone } = props
  const box = useRef<HTMLElement>(null)
  const rows = useMemo(() => sorted(props.rows, columns, props.sort), [props.rows, columns, props.sort])
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => rowHeight,
    overscan: 8,
  })
  const items = virtualizer.getVirtualItems()
  const before = items[0]?.start ?? 0
  const after = virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0)
  const total = columns.reduce((sum, { weight = 1 }) => sum + weight, 0)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard.
    <section className="table-scroll data-scroll" ref={box} tabIndex={0} aria-label={label}>
      <table className="data-table" aria-rowcount={rows.length + 1} data-rows={rows.length}>
        <colgroup>
          {columns.map(({ key, weight = 1, wide }) => (
            <col key={key} className={wide ? 'wide' : ''} style={{ width: `${(100 * weight) / total}%` }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map(column => (
              <Head key={column.key} column={column} sort={props.sort} onSort={props.onSort} />
            ))}
          </tr>
        </thead>
        <tbody onKeyDown={walk}>
          {before > 0 && <Gap height={before} />}
          {items.map(({ index }) => {
            const row = rows[index]!
            const key = keyOf(row)
            const isOpen = key === openKey
            return (
              <tr
                key={key}
                aria-rowindex={index + 2}
                data-key={key}
                data-tone={tone?.(row)}
                aria-current={isOpen ? 'true' : undefined}
              >
                {columns.map((column, at) => (
                  <Cell key={column.key} column={column} isHead={at === 0}>
                    {at === 0 && onOpen ? (
                      <button type="button" className="row-open" onClick={() => onOpen(row)}>
                        {column.cell(row)}
                      </button>
                    ) : (
                      column.cell(row)
                    )}
                  </Cell>
                ))}
              </tr>
            )
          })}
          {after > 0 && <Gap height={after} />}
        </tbody>
      </table>
    </section>
  )
}

function Cell<Row>({
  column,
  isHead,
  children,
}: {
  readonly column: Column<Row>
  readonly isHead: boolean
  readonly children: ReactNode
}) {
  const className = `${column.number ? 'number' : ''}${column.wide ? ' wide' : ''}`
  if (!isHead) return <td className={className}>{children}</td>
  return (
    <th scope="row" className={className}>
      {children}
    </th>
  )
}

/** Room for the rows that are not in the document. */
function Gap({ height }: { readonly height: number }) {
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing in it takes the focus.
    <tr aria-hidden="true" className="row-gap">
      <td style={{ height: `${height}px` }} />
    </tr>
  )
}

function Head<Row>({
  column,
  sort,
  onSort,
}: {
  readonly column: Column<Row>
  readonly sort: string
  readonly onSort: (sort: string) => void
}) {
  const { key, label, number, wide, by } = column
  const order = sort === key ? 'ascending' : sort === `-${key}` ? 'descending' : undefined
  const className = `${number ? 'number' : ''}${wide ? ' wide' : ''}`
  if (!by)
    return (
      <th scope="col" className={className}>
        {label}
      </th>
    )
  // Numbers are looked at from the largest down.
  const next = order === undefined ? (number ? `-${key}` : key) : order === 'ascending' ? `-${key}` : key
  return (
    <th scope="col" className={className} aria-sort={order}>
      <button type="button" className="sort" onClick={() => onSort(next)}>
        {label}
        <span aria-hidden="true">{order === undefined ? '' : order === 'ascending' ? ' ↑' : ' ↓'}</span>
      </button>
    </th>
  )
}

function walk(event: KeyboardEvent<HTMLTableSectionElement>): void {
  const step = event.key === 'ArrowDown' ? 'nextElementSibling' : 'previousElementSibling'
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
  const next = (event.target as HTMLElement).closest('tr')?.[step]?.querySelector<HTMLElement>('.row-open')
  if (!next) return
  next.focus()
  event.preventDefault()
}
