// How a tail follows: at the end until the reader scrolls away or selects text, then holding still. Shared by the panel
// and the page.
import { useEffect, useLayoutEffect, useRef } from 'react'
import { usePage } from '../page-context.ts'

/** Closer to the end than this counts as the end. */
const endSlack = 4

/** Keeps the end in sight while nothing holds the tail; a scroll upwards holds it, a scroll to the end lets go. */
export function useFollowing(
  scroll: React.RefObject<HTMLElement | null>,
  held: boolean,
  version: number,
  wrap: boolean,
): void {
  const page = usePage()
  const lastTop = useRef(0)

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new version or another wrapping moves the end.
  useLayoutEffect(() => {
    const element = scroll.current
    if (!element || held) return
    element.scrollTop = element.scrollHeight
    lastTop.current = element.scrollTop
  }, [held, version, wrap])

  useEffect(() => {
    const element = scroll.current
    if (!element) return
    const onScroll = () => {
      const fromEnd = element.scrollHeight - element.clientHeight - element.scrollTop
      if (fromEnd <= endSlack) page.holdTail('scroll', false)
      else if (element.scrollTop < lastTop.current - 1) page.holdTail('scroll', true)
      lastTop.current = element.scrollTop
    }
    // Wrapped rows are measured after they are painted, and then the end is elsewhere.
    const sizes = new ResizeObserver(() => {
      if (page.model.tail.held) return
      element.scrollTop = element.scrollHeight
      lastTop.current = element.scrollTop
    })
    element.addEventListener('scroll', onScroll, { passive: true })
    sizes.observe(element)
    if (element.firstElementChild) sizes.observe(element.firstElementChild)
    return () => {
      element.removeEventListener('scroll', onScroll)
      sizes.disconnect()
      page.holdTail('scroll', false)
    }
  }, [page, scroll])
}

/** Text being selected must not scroll away from under the pointer. */
export function useHoldWhileSelecting(scroll: React.RefObject<HTMLElement | null>): void {
  const page = usePage()
  useEffect(() => {
    const onSelection = () => {
      const selection = document.getSelection()
      const node = selection?.anchorNode ?? null
      const inside = selection !== null && !selection.isCollapsed && node !== null
      page.holdTail('selection', inside && (scroll.current?.contains(node) ?? false))
    }
    document.addEventListener('selectionchange', onSelection)
    return () => {
      document.removeEventListener('selectionchange', onSelection)
      page.holdTail('selection', false)
    }
  }, [page, scroll])
}
