// The bar along the top and the rail along the side (along the bottom of a phone): where one is, what is shown, and
// whether it is live.
import { useEffect, useRef, useState } from 'react'
import { Link, useLocation } from 'wouter'
import { formatTime, zoneName } from './format.ts'
import { Icon, type IconName, Mark } from './icons.tsx'
import { LivePill } from './live-pill.tsx'
import { useLive, usePage } from './page-context.ts'
import { type Place, placeAt, places } from './places.ts'
import { rangeNames, ranges, searchOf, type Theme } from './settings.ts'

const themes: Readonly<Record<Theme, { readonly icon: IconName; readonly words: string }>> = {
  system: { icon: 'auto', words: 'Theme: as the system' },
  dark: { icon: 'moon', words: 'Theme: dark' },
  light: { icon: 'sun', words: 'Theme: light' },
}

/** The element that takes the focus when a page is gone to. */
export const headingId = 'page-title'

export function Rail() {
  const here = placeAt(useLocation()[0])
  const search = searchOf(useLive(state => state.settings))
  const [isOpen, setOpen] = useState(false)
  return (
    <nav className="rail" aria-label="Pages">
      <div className="rail-links">
        <Link className="rail-home" href={`/${search}`} aria-label="Tailrace">
          <Mark />
        </Link>
        {places.map(place => (
          <RailLink key={place.path} place={place} here={here} search={search} />
        ))}
        <button
          type="button"
          className="rail-link rail-more"
          aria-haspopup="dialog"
          aria-expanded={isOpen}
          data-here={here.isFirst ? undefined : 'yes'}
          onClick={() => setOpen(true)}
        >
          <Icon name="more" />
          <span className="rail-word">More</span>
        </button>
      </div>
      {isOpen && <MorePlaces here={here} search={search} onClose={() => setOpen(false)} />}
    </nav>
  )
}

interface RailLinkProps {
  readonly place: Place
  readonly here: Place
  readonly search: string
}

function RailLink({ place, here, search }: RailLinkProps) {
  return (
    <Link
      className="rail-link"
      data-first={place.isFirst ? 'yes' : undefined}
      href={`${place.path}${search}`}
      title={`${place.label} (g ${place.letter})`}
      aria-current={place === here ? 'page' : undefined}
    >
      <Icon name={place.icon} />
      <span className="rail-word">{place.label}</span>
    </Link>
  )
}

/** On a phone: the pages that have no place in its bar, in a sheet from below. */
function MorePlaces({
  here,
  search,
  onClose,
}: Omit<RailLinkProps, 'place'> & { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click beside the sheet or on a link closes it, as Escape does
    <dialog
      ref={dialog}
      className="sheet"
      aria-label="More pages"
      onClose={onClose}
      onClick={() => dialog.current?.close()}
    >
      {places
        .filter(place => !place.isFirst)
        .map(place => (
          <Link
            key={place.path}
            className="sheet-link"
            href={`${place.path}${search}`}
            aria-current={place === here ? 'page' : undefined}
          >
            <Icon name={place.icon} />
            {place.label}
          </Link>
        ))}
    </dialog>
  )
}

export interface BarProps {
  readonly onPalette: () => void
  readonly onHelp: () => void
}

export function Bar({ onPalette, onHelp }: BarProps) {
  const page = usePage()
  const theme = useLive(state => state.settings.theme)
  const { icon, words } = themes[theme]
  const { label, hasLiveRange } = placeAt(useLocation()[0])
  return (
    <header className="top">
      <div className="bar">
        <h1 id={headingId} tabIndex={-1}>
          <span className="bar-mark">
            <Mark />
          </span>
          {label}
        </h1>
        <div className="bar-end">
          <LivePill />
          <button
            type="button"
            className="tool"
            title="Go to or do (Ctrl-K, ⌘K)"
            aria-haspopup="dialog"
            onClick={onPalette}
          >
            <Icon name="search" />
            <span className="sr-only">Go to or do</span>
          </button>
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
      <Scope hasRange={hasLiveRange} />
    </header>
  )
}

/** Which stretch of time the charts show, and in whose clock. */
function Scope({ hasRange }: { readonly hasRange: boolean }) {
  const page = usePage()
  const { range, zone } = useLive(state => state.settings)
  const zoom = useLive(state => state.zoom)
  const clockMs = useLive(state => state.clockMs)
  return (
    <div className="scope">
      {hasRange && (
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
      )}
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
