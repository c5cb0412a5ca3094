// Filters as the URL and the API write them, `f=path:/checkout`: reading, adding, removing. Several values of one
// dimension mean any of them. Pure.

export interface Filter {
  readonly dimension: string
  readonly value: string
}

/** Null where it is no filter: a dimension, a colon, a value that may hold colons itself. */
export function filterOf(text: string): Filter | null {
  const colon = text.indexOf(':')
  return colon <= 0 ? null : { dimension: text.slice(0, colon), value: text.slice(colon + 1) }
}

export function filterText({ dimension, value }: Filter): string {
  return `${dimension}:${value}`
}

/** In the order they were added, each once, nonsense left out. */
export function filtersIn(texts: readonly string[]): readonly Filter[] {
  return [...new Set(texts)].map(filterOf).filter(filter => filter !== null)
}

export function withFilter(filters: readonly Filter[], added: Filter): readonly string[] {
  return [...new Set([...filters, added].map(filterText))]
}

export function withoutFilter(filters: readonly Filter[], removed: Filter): readonly string[] {
  return filters.map(filterText).filter(text => text !== filterText(removed))
}
