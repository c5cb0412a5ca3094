// How a component reaches the page: the object with its actions, and a selection of its state that re-renders the
// component only when that selection changes. The only bridge between React and the store.
import { createContext, useContext, useEffect, useSyncExternalStore } from 'react'
import type { LiveData, LiveTopic } from '../analytics/http/contract.ts'
import type { FeedName, Page } from './page.ts'
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

/** Asks for feeds while the component is on screen: what nobody looks at is not sent. */
export function useFeeds(...names: readonly FeedName[]): void {
  const page = usePage()
  const joined = names.join(' ')
  useEffect(() => {
    const wanted = joined.split(' ') as FeedName[]
    for (const name of wanted) page.openFeed(name)
    return () => {
      for (const name of wanted) page.closeFeed(name)
    }
  }, [page, joined])
}

export interface Subscribed {
  /** Null until the first answer. Absolute: each is a whole state, not a change. */
  readonly data: LiveData | null
  readonly refusal: string | undefined
  readonly seq: number | undefined
}

/** A live topic of the component's own, for as long as it is on screen. Only for topics whose data are whole states. */
export function useSubscription(topic: LiveTopic, args: Readonly<Record<string, string>>): Subscribed {
  const page = usePage()
  const key = `${topic}?${new URLSearchParams(args).toString()}`
  useEffect(() => {
    const question = key.indexOf('?')
    const wanted = Object.fromEntries(new URLSearchParams(key.slice(question + 1)))
    page.openSubscription(key, key.slice(0, question) as LiveTopic, wanted)
    return () => page.closeSubscription(key)
  }, [page, key])
  const data = useLive(state => state.others[key] ?? null)
  const refusal = useLive(state => state.refusals[key])
  const seq = useLive(state => state.seqs[key])
  return { data, refusal, seq }
}
