// The order of a table's rows by one of its columns. Pure.

export interface Orderable<Row> {
  readonly key: string
  /** Null goes last, whichever way. */
  readonly by?: (row: Row) => number | string | null
}

/** `lag` ascending, `-lag` descending; a column that is not there leaves rows as they are. */
export function sorted<Row>(
  rows: readonly Row[],
  columns: readonly Orderable<Row>[],
  sort: string,
): readonly Row[] {
  const isDown = sort.startsWith('-')
  const by = columns.find(({ key }) => key === (isDown ? sort.slice(1) : sort))?.by
  if (!by) return rows
  return rows
    .map(row => ({ row, value: by(row) }))
    .sort((one, other) => compare(one.value, other.value, isDown))
    .map(({ row }) => row)
}

function compare(one: number | string | null, other: number | string | null, isDown: boolean): number {
  if (one === other) return 0
  if (one === null) return 1
  if (other === null) return -1
  return (one < other ? -1 : 1) * (isDown ? -1 : 1)
}
