// The page: rail, bar and the place one is at, or the sign-in. Keys act on the page wherever the focus is, except where
// they are typed into something.
import { QueryClientProvider } from '@tanstack/react-query'
import { lazy, Suspense, useCallback, useEffect, useRef, useState } from 'react'
import { Route, Switch, useLocation } from 'wouter'
import { navigate } from 'wouter/use-browser-location'
import { queryClient } from './api.ts'
import { Banner } from './banner.tsx'
import { Bar, headingId, Rail } from './bar.tsx'
import { Failure } from './failure.tsx'
import { Help } from './help.tsx'
import { LiveAnnouncer } from './live-pill.tsx'
import type { Page } from './page.ts'
import { useLive, usePage } from './page-context.ts'
import { filterInputId } from './panels/tail-tools.tsx'
import { placeAt, places } from './places.ts'
import { rangeNames, searchOf } from './settings.ts'
import { SignIn } from './sign-in.tsx'
import { ageOf } from './words.ts'

const views = places.map(place => ({
  place,
  View: lazy(() => place.load().then(({ PageView }) => ({ default: PageView }))),
}))

const Palette = lazy(() => import('./palette.tsx').then(module => ({ default: module.Palette })))
const mainId = 'main'

export function App() {
  const signedOut = useLive(state => state.connection.kind === 'signedOut')
  const theme = useLive(state => state.settings.theme)
  useEffect(() => {
    const { dataset } = document.documentElement
    if (theme === 'system') delete dataset['theme']
    else dataset['theme'] = theme
  }, [theme])
  const density = useLive(state => state.settings.density)
  useEffect(() => {
    document.documentElement.dataset['density'] = density
  }, [density])
  return signedOut ? (
    <SignIn />
  ) : (
    <QueryClientProvider client={queryClient}>
      <Shell />
    </QueryClientProvider>
  )
}

type Overlay = 'help' | 'palette' | null

function Shell() {
  const page = usePage()
  const [overlay, setOverlay] = useState<Overlay>(null)
  const here = placeAt(useLocation()[0])
  useFocusOnArrival(here.path)
  useNewsAfterAbsence()
  useEffect(() => {
    let isGoing = false
    const onKeyDown = (event: KeyboardEvent) => {
      isGoing = onKey(event, page, isGoing, setOverlay)
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [page])
  const close = useCallback(() => setOverlay(null), [])
  const showHelp = useCallback(() => setOverlay('help'), [])
  return (
    <div className="shell">
      <a
        className="skip"
        href={`#${mainId}`}
        onClick={event => {
          event.preventDefault()
          document.getElementById(mainId)?.focus()
        }}
      >
        Skip to the page
      </a>
      <Rail />
      <Bar onPalette={() => setOverlay('palette')} onHelp={showHelp} />
      <main id={mainId} className="grid" tabIndex={-1}>
        <Banner />
        <Switch>
          {views.slice(1).map(({ place, View }) => (
            <Route key={place.path} path={`${place.path}/*?`}>
              <PlaceView title={place.label} View={View} />
            </Route>
          ))}
          <Route>
            <PlaceView title="" View={views[0]!.View} />
          </Route>
        </Switch>
      </main>
      <Help open={overlay === 'help'} onClose={close} />
      {overlay === 'palette' && (
        <Failure>
          <Suspense>
            <Palette onClose={close} onHelp={showHelp} />
          </Suspense>
        </Failure>
      )}
      <LiveAnnouncer place={here.label} />
    </div>
  )
}

/** Whoever goes to another page starts at its heading, at its top. */
function useFocusOnArrival(path: string): void {
  const before = useRef(path)
  useEffect(() => {
    if (before.current === path) return
    before.current = path
    window.scrollTo(0, 0)
    document.getElementById(headingId)?.focus({ preventScroll: true })
  }, [path])
}

/** What was asked before the page was cut off is asked again once it is back, not at its next turn. */
function useNewsAfterAbsence(): void {
  const isAway = useLive(state => ageOf(state) !== null)
  const wasAway = useRef(false)
  useEffect(() => {
    if (wasAway.current && !isAway) void queryClient.invalidateQueries()
    wasAway.current = isAway
  }, [isAway])
}

function PlaceView({ title, View }: { readonly title: string; readonly View: React.ComponentType }) {
  useEffect(() => {
    document.title = title === '' ? 'Tailrace' : `${title} · Tailrace`
  }, [title])
  return (
    <Failure key={title}>
      <Suspense fallback={<p className="sr-only">Loading</p>}>
        <View />
      </Suspense>
    </Failure>
  )
}

/** Returns whether the next key says where to go. */
function onKey(
  event: KeyboardEvent,
  page: Page,
  isGoing: boolean,
  show: (overlay: Overlay) => void,
): boolean {
  if (document.querySelector('[role="dialog"], dialog[open]')) return false
  if ((event.metaKey || event.ctrlKey) && event.key === 'k') {
    show('palette')
    event.preventDefault()
    return false
  }
  if (event.metaKey || event.ctrlKey || event.altKey) return false
  const target = event.target instanceof HTMLElement ? event.target : null
  if (target?.matches('input:not([type="radio"], [type="checkbox"]), textarea, select, [contenteditable]'))
    return false
  const { settings, zoom } = page.store.get()
  const range = rangeNames[Number(event.key) - 1]
  const goal = isGoing ? places.find(place => place.letter === event.key) : undefined
  if (goal) navigate(`${goal.path}${searchOf(settings)}`)
  else if (event.key === 'g') return true
  else if (event.key === ' ') {
    // A focused button or radio has its own use for Space.
    if (target?.matches('button, input, a, summary')) return false
    page.togglePause()
  } else if (event.key === '/') document.getElementById(filterInputId)?.focus()
  else if (event.key === '?') show('help')
  else if (event.key === 't') page.changeTheme()
  else if (event.key === 'z') page.change({ zone: settings.zone === 'utc' ? 'local' : 'utc' })
  else if (event.key === 'w') page.change({ wrap: !settings.wrap })
  else if (event.key === 'Escape' && zoom) page.zoom(null)
  else if (range) page.change({ range })
  else return false
  event.preventDefault()
  return false
}
