// How a component reaches the page: the object with its actions, and a selection of its state that re-renders the
// component only when that selection changes. The only bridge between React and the store.
import { createContext, useContext, useSyncExternalStore } from 'react'
import type { Page } from './page.ts'
import type { PageState } from './store.ts'

export const PageContext = createContext<Page | null>(null)

export function usePage(): Page {
  const page = useContext(PageContext)
  if (!page) throw new Error('Cannot use the page: no PageContext above this component')
  return page
}

/** The selection must return the same object while nothing it reads has changed. */
export function useLive<Selected>(select: (state: PageState) => Selected): Selected {
  const { store } = usePage()
  return useSyncExternalStore(store.subscribe, () => select(store.get()))
}
