// A value of a page's own that lives in the URL: what one shares is what one sees. Empty means the default and is left
// out.
import { useCallback } from 'react'
import { useSearch } from 'wouter'
import { navigate } from 'wouter/use-browser-location'

/** The value of a parameter, and a way to change it; `replace` keeps typing out of the history. */
export function useParameter(
  name: string,
  otherwise = '',
  how: 'push' | 'replace' = 'push',
): readonly [string, (value: string) => void] {
  const value = new URLSearchParams(useSearch()).get(name) ?? otherwise
  const change = useCallback(
    (next: string) => changeParameters({ [name]: next === otherwise ? '' : next }, how),
    [name, otherwise, how],
  )
  return [value, change]
}

/** Every value of a repeated parameter. */
export function useParameters(name: string): readonly string[] {
  return new URLSearchParams(useSearch()).getAll(name)
}

/** Changes several at once; an empty value or list takes the parameter out. */
export function changeParameters(
  changes: Readonly<Record<string, string | readonly string[]>>,
  how: 'push' | 'replace' = 'push',
): void {
  const { pathname, search } = window.location
  const parameters = new URLSearchParams(search)
  for (const [name, value] of Object.entries(changes)) {
    parameters.delete(name)
    for (const one of typeof value === 'string' ? [value] : value)
      if (one !== '') parameters.append(name, one)
  }
  const text = parameters.toString()
  navigate(`${pathname}${text === '' ? '' : `?${text}`}`, { replace: how === 'replace' })
}
