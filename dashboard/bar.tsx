// The bar along the top and the rail along the side (along the bottom of a phone): where one is, what is shown, and
// whether it is live.
import { useEffect, useRef, useState } from 'react'
import { formatTime, zoneName } from './format.ts'
import { Icon, type IconName, Mark } from './icons.tsx'
import { LivePill } from './live-pill.tsx'
import { useLive, usePage } from './page-context.ts'
import { rangeNames, ranges, type Theme } from './settings.ts'

const places: readonly { readonly id: string; readonly label: string; readonly icon: IconName }[] = [
  { id: 'overview', label: 'Overview', icon: 'overview' },
  { id: 'charts', label: 'Charts', icon: 'charts' },
  { id: 'tail', label: 'Live tail', icon: 'tail' },
  { id: 'cluster', label: 'Cluster', icon: 'cluster' },
  { id: 'paths', label: 'Paths', icon: 'paths' },
  { id: 'losses', label: 'Losses', icon: 'shield' },
]

const themes: Readonly<Record<Theme, { readonly icon: IconName; readonly words: string }>> = {
  system: { icon: 'auto', words: 'Theme: as the system' },
  dark: { icon: 'moon', words: 'Theme: dark' },
  light: { icon: 'sun', words: 'Theme: light' },
}

/** A jump to a section has come to rest by then. */
const settleMs = 800

export function Rail() {
  const [here, goTo] = usePlaceInView()
  return (
    <nav className="rail" aria-label="Sections">
      <div className="rail-links">
        <a className="rail-home" href="#overview" aria-label="Tailrace">
          <Mark />
        </a>
        {places.map(({ id, label, icon }) => (
          <a
            key={id}
            className="rail-link"
            href={`#${id}`}
            title={label}
            aria-current={id === here ? 'true' : undefined}
            onClick={() => goTo(id)}
          >
            <Icon name={icon} />
            <span className="rail-word">{label}</span>
          </a>
        ))}
      </div>
    </nav>
  )
}

export function Bar({ onHelp }: { readonly onHelp: () => void }) {
  const page = usePage()
  const theme = useLive(state => state.settings.theme)
  const { icon, words } = themes[theme]
  return (
    <header className="top">
      <div className="bar">
        <h1>
          <span className="bar-mark">
            <Mark />
          </span>
          Tailrace
        </h1>
        <div className="bar-end">
          <LivePill />
          <button type="button" className="tool" title={`${words} (t)`} onClick={() => page.changeTheme()}>
            <Icon name={icon} />
            <span className="sr-only">{words}. Change theme</span>
          </button>
          <button type="button" className="tool" title="Keys and help (?)" onClick={onHelp}>
            <Icon name="help" />
            <span className="sr-only">Keys and help</span>
          </button>
        </div>
      </div>
      <Scope />
    </header>
  )
}

/** Which stretch of time the charts show, and in whose clock. */
function Scope() {
  const page = usePage()
  const { range, zone } = useLive(state => state.settings)
  const zoom = useLive(state => state.zoom)
  const clockMs = useLive(state => state.clockMs)
  return (
    <div className="scope">
      <fieldset className="segments">
        <legend className="sr-only">Time shown</legend>
        {rangeNames.map(name => (
          <label key={name} className="segment">
            <input
              type="radio"
              name="range"
              value={name}
              checked={name === range}
              onChange={() => page.change({ range: name })}
            />
            <span>{ranges[name].label}</span>
          </label>
        ))}
      </fieldset>
      <button
        type="button"
        className="zone"
        title="Switch between local time and UTC (z)"
        onClick={() => page.change({ zone: zone === 'utc' ? 'local' : 'utc' })}
      >
        {zone === 'utc'
          ? 'UTC'
          : zoneName('local', clockMs) === 'UTC'
            ? 'Local (UTC)'
            : zoneName('local', clockMs)}
      </button>
      {zoom && (
        <button type="button" className="zoomed" onClick={() => page.zoom(null)}>
          {formatTime(zoom.fromMs, zone)}–{formatTime(zoom.toMs, zone)}
          <Icon name="close" />
          <span className="sr-only">Back to live</span>
        </button>
      )}
    </div>
  )
}

/** The topmost section in sight, or for a moment the one just asked for: the last ones may never reach the top. */
function usePlaceInView(): readonly [string, (id: string) => void] {
  const [here, setHere] = useState('overview')
  const chosenAt = useRef(Number.NEGATIVE_INFINITY)
  useEffect(() => {
    const visible = new Map<string, number>()
    const observer = new IntersectionObserver(
      entries => {
        for (const entry of entries)
          visible.set(entry.target.id, entry.isIntersecting ? entry.intersectionRatio : 0)
        const best = places.find(({ id }) => (visible.get(id) ?? 0) >= 0.5)
        if (best && performance.now() - chosenAt.current > settleMs) setHere(best.id)
      },
      { threshold: [0, 0.5, 1], rootMargin: '-56px 0px 0px 0px' },
    )
    for (const { id } of places) {
      const element = document.getElementById(id)
      if (element) observer.observe(element)
    }
    return () => observer.disconnect()
  }, [])
  const goTo = (id: string) => {
    chosenAt.current = performance.now()
    setHere(id)
  }
  return [here, goTo]
}
