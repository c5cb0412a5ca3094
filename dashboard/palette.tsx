// The palette (⌘K, Ctrl-K): one field from which every page, topic, statistic and action is a few letters away. Loaded
// when it is first opened.
import { useEffect, useId, useMemo, useRef, useState } from 'react'
import { navigate } from 'wouter/use-browser-location'
import type { ClusterAnswer } from '../analytics/http/contract.ts'
import type { CatalogueAnswer } from '../analytics/http/contract-catalogue.ts'
import { apiPath, useApi } from './api.ts'
import type { Page } from './page.ts'
import { useLive, usePage } from './page-context.ts'
import './palette.css'
import { type Command, foundCommands } from './palette-commands.ts'
import { HostileText } from './panels/hostile-text.tsx'
import { places } from './places.ts'
import { searchOf } from './settings.ts'

export interface PaletteProps {
  readonly onClose: () => void
  readonly onHelp: () => void
}

export function Palette({ onClose, onHelp }: PaletteProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [typed, setTyped] = useState('')
  const [at, setAt] = useState(0)
  const id = useId()
  const commands = useCommands(onHelp)
  const found = useMemo(() => foundCommands(commands, typed), [commands, typed])
  const chosen = Math.min(at, found.length - 1)
  useEffect(() => dialog.current?.showModal(), [])
  useEffect(() => {
    document.getElementById(`${id}-${chosen}`)?.scrollIntoView({ block: 'nearest' })
  }, [id, chosen])
  const run = (command: Command | undefined) => {
    if (!command) return
    // Closed first: a page that is gone to takes the focus.
    dialog.current?.close()
    command.run()
  }
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.key === 'Enter') run(found[chosen])
    else if (event.key === 'ArrowDown') setAt((chosen + 1) % Math.max(1, found.length))
    else if (event.key === 'ArrowUp') setAt((chosen + found.length - 1) % Math.max(1, found.length))
    else return
    event.preventDefault()
  }
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click beside the dialog closes it, as Escape does
    <dialog
      ref={dialog}
      className="palette"
      aria-label="Go to or do"
      onClose={onClose}
      onClick={event => event.target === dialog.current && dialog.current.close()}
    >
      <input
        type="text"
        role="combobox"
        aria-label="Page, topic, statistic or action"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={found.length > 0 ? `${id}-${chosen}` : undefined}
        aria-autocomplete="list"
        autoComplete="off"
        spellCheck={false}
        placeholder="Go to a page, topic or statistic, or do something"
        value={typed}
        onChange={event => {
          setTyped(event.target.value)
          setAt(0)
        }}
        onKeyDown={onKeyDown}
      />
      <div role="listbox" id={`${id}-list`} aria-label="Found" className="palette-list">
        {found.map((command, place) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the focus and takes Enter
          // biome-ignore lint/a11y/useFocusableInteractive: the field has the focus, as a combobox has
          <div
            key={command.id}
            id={`${id}-${place}`}
            role="option"
            aria-selected={place === chosen}
            className="palette-option"
            onClick={() => run(command)}
            onPointerMove={() => setAt(place)}
          >
            <span className="palette-label">
              <HostileText text={command.label} limit={200} />
            </span>
            <span className="palette-kind">{command.kind}</span>
            {command.key && <kbd>{command.key}</kbd>}
          </div>
        ))}
      </div>
      <p className={found.length > 0 ? 'sr-only' : 'palette-none'} role="status">
        {found.length > 0 ? `${found.length} found` : 'Nothing is called that. Try fewer letters.'}
      </p>
    </dialog>
  )
}

function useCommands(onHelp: () => void): readonly Command[] {
  const page = usePage()
  const settings = useLive(state => state.settings)
  const isPaused = useLive(state => state.pausedAt !== null)
  const { data: catalogue } = useApi<CatalogueAnswer>(apiPath('/catalogue'))
  const { data: cluster } = useApi<ClusterAnswer>(apiPath('/cluster'))
  return useMemo(() => {
    const search = searchOf(settings)
    return [
      ...places.map(
        (place): Command => ({
          id: place.path,
          kind: 'Page',
          label: place.label,
          words: place.words,
          key: `g ${place.letter}`,
          run: () => navigate(`${place.path}${search}`),
        }),
      ),
      ...actions(page, isPaused, settings.zone === 'utc', onHelp),
      ...(cluster?.topics ?? []).map(
        ({ name }): Command => ({
          id: `topic ${name}`,
          kind: 'Topic',
          label: name,
          words: 'topic partitions',
          run: () => navigate(`/cluster/topics/${encodeURIComponent(name)}`),
        }),
      ),
      ...(catalogue?.metrics ?? []).map(
        ({ name, definition }): Command => ({
          id: `statistic ${name}`,
          kind: 'Statistic',
          label: name.replaceAll('_', ' '),
          words: `${name} ${definition}`,
          run: () => navigate(`/explore?m=${encodeURIComponent(name)}`),
        }),
      ),
    ]
  }, [page, settings, isPaused, catalogue, cluster, onHelp])
}

function actions(page: Page, isPaused: boolean, isUtc: boolean, onHelp: () => void): readonly Command[] {
  return [
    {
      id: 'pause',
      kind: 'Action',
      label: isPaused ? 'Back to live' : 'Pause',
      words: 'stop hold resume live',
      key: 'Space',
      run: () => page.togglePause(),
    },
    {
      id: 'theme',
      kind: 'Action',
      label: 'Change theme',
      words: 'dark light system colours',
      key: 't',
      run: () => page.changeTheme(),
    },
    {
      id: 'zone',
      kind: 'Action',
      label: isUtc ? 'Show local time' : 'Show UTC',
      words: 'time zone clock',
      key: 'z',
      run: () => page.change({ zone: isUtc ? 'local' : 'utc' }),
    },
    { id: 'help', kind: 'Action', label: 'Keys and words', words: 'help glossary', key: '?', run: onHelp },
  ]
}
