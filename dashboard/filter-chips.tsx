// Filters on screen: chips that can be taken away. They live in the URL as `f=`.
import { type Filter, filtersIn, filterText, withoutFilter } from './filters.ts'
import { Icon } from './icons.tsx'
import { HostileText } from './panels/hostile-text.tsx'
import './filter-chips.css'
import { changeParameters, useParameters } from './url-state.ts'
import { visibleText } from './visible-text.ts'

export function useFilters(): readonly Filter[] {
  return filtersIn(useParameters('f'))
}

function removeFilter(filters: readonly Filter[], removed: Filter): void {
  changeParameters({ f: withoutFilter(filters, removed) })
}

export function FilterChips() {
  const filters = useFilters()
  if (filters.length === 0) return null
  return (
    <ul className="chips" aria-label="Filters">
      {filters.map(filter => (
        <li key={filterText(filter)} className="chip">
          <span className="chip-dimension">{filter.dimension}</span>
          <HostileText text={filter.value === '' ? '(none)' : filter.value} limit={80} />
          <button type="button" title="Remove this filter" onClick={() => removeFilter(filters, filter)}>
            <Icon name="close" />
            <span className="sr-only">
              Remove the filter {filter.dimension} {visibleText(filter.value, 80)}
            </span>
          </button>
        </li>
      ))}
      {filters.length > 1 && (
        <li>
          <button type="button" className="chip-clear" onClick={() => changeParameters({ f: [] })}>
            Clear all
          </button>
        </li>
      )}
    </ul>
  )
}
