// The page: a bar, a rail, and a list of panels; or the sign-in. Keys act on the page wherever the focus is, except
// where they are typed into something.
import { useEffect, useState } from 'react'
import { Banner } from './banner.tsx'
import { Bar, Rail } from './bar.tsx'
import { Help } from './help.tsx'
import { LiveAnnouncer } from './live-pill.tsx'
import type { Page } from './page.ts'
import { useLive, usePage } from './page-context.ts'
import { Chart } from './panels/chart.tsx'
import { behaviourChart, latencyChart, trafficChart } from './panels/charts.ts'
import { Cluster } from './panels/cluster.tsx'
import { Losses } from './panels/losses.tsx'
import { Tail } from './panels/tail.tsx'
import { filterInputId } from './panels/tail-tools.tsx'
import { Tiles } from './panels/tiles.tsx'
import { TopPaths } from './panels/top-paths.tsx'
import { rangeNames } from './settings.ts'
import { SignIn } from './sign-in.tsx'

export function App() {
  const signedOut = useLive(state => state.connection.kind === 'signedOut')
  const theme = useLive(state => state.settings.theme)
  useEffect(() => {
    const { dataset } = document.documentElement
    if (theme === 'system') delete dataset['theme']
    else dataset['theme'] = theme
  }, [theme])
  return signedOut ? <SignIn /> : <Overview />
}

function Overview() {
  const page = usePage()
  const [help, setHelp] = useState(false)
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => onKey(event, page, () => setHelp(true))
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [page])
  return (
    <div className="shell">
      <Rail />
      <Bar onHelp={() => setHelp(true)} />
      <main className="grid">
        <Banner />
        <Tiles />
        <div id="charts" className="charts">
          <Chart spec={trafficChart} />
          <Chart spec={latencyChart} />
          <Chart spec={behaviourChart} />
        </div>
        <Tail />
        <Cluster />
        <TopPaths />
        <Losses />
      </main>
      <Help open={help} onClose={() => setHelp(false)} />
      <LiveAnnouncer />
    </div>
  )
}

function onKey(event: KeyboardEvent, page: Page, showHelp: () => void): void {
  if (event.metaKey || event.ctrlKey || event.altKey || document.querySelector('dialog[open]')) return
  const target = event.target instanceof HTMLElement ? event.target : null
  if (target?.matches('input[type="text"], textarea, select, [contenteditable]')) return
  const { settings, zoom } = page.store.get()
  const range = rangeNames[Number(event.key) - 1]
  if (event.key === ' ') {
    // A focused button or radio has its own use for Space.
    if (target?.matches('button, input, a, summary')) return
    page.togglePause()
  } else if (event.key === '/') document.getElementById(filterInputId)?.focus()
  else if (event.key === '?') showHelp()
  else if (event.key === 't') page.changeTheme()
  else if (event.key === 'z') page.change({ zone: settings.zone === 'utc' ? 'local' : 'utc' })
  else if (event.key === 'w') page.change({ wrap: !settings.wrap })
  else if (event.key === 'Escape' && zoom) page.zoom(null)
  else if (range) page.change({ range })
  else return
  event.preventDefault()
}
