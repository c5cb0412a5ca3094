// Where the page starts: the page object, React on top of it, and the counters that tests read.
import { createRoot } from 'react-dom/client'
import 'uplot/dist/uPlot.min.css'
import './theme.css'
import './layout.css'
import './sign-in.css'
import './help.css'
import './panels/panel.css'
import './panels/tiles.css'
import './panels/chart.css'
import './panels/tail.css'
import './panels/lists.css'
import './panels/cluster.css'
import './panels/stale.css'
import { App } from './app.tsx'
import { Failure } from './failure.tsx'
import { Page } from './page.ts'
import { PageContext } from './page-context.ts'
import { loadPlotLibrary } from './panels/plot.ts'
import { tokenOf } from './settings.ts'

declare global {
  interface Window {
    /** Numbers instead of sleeps for whoever tests this page; read only. */
    readonly __live: Readonly<Record<string, number | string | null>>
  }
}

const page = new Page()
Object.defineProperty(window, '__live', {
  get: () => ({
    ...page.live.counters,
    ...page.model.counters,
    phase: page.live.phase,
    epoch: page.live.epoch,
    flushes: page.flushes.count,
    flushMs: page.flushes.lastMs,
    flushMsMax: page.flushes.worstMs,
    tailRows: page.model.tail.entries.length,
    linesSeen: page.model.tail.linesSeen,
  }),
})

void loadPlotLibrary()
createRoot(document.getElementById('root')!).render(
  <PageContext value={page}>
    <Failure>
      <App />
    </Failure>
  </PageContext>,
)
page.start(window.location.pathname === '/login' ? tokenOf(window.location.hash) : null)
