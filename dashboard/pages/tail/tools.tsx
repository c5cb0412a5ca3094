// The tail page's controls: which topic, which lines, what is highlighted, and from when. All of it is in the URL.
import { useState } from 'react'
import type { ClusterAnswer } from '../../../analytics/http/contract.ts'
import { apiPath, useApi } from '../../api.ts'
import type { Zone } from '../../format.ts'
import { Icon } from '../../icons.tsx'
import { useLive, usePage } from '../../page-context.ts'
import { TailFilter } from '../../panels/tail-tools.tsx'
import { tailTopics } from '../../settings.ts'
import { changeParameters, useParameters } from '../../url-state.ts'
import { visibleText } from '../../visible-text.ts'
import { parseFilter, type TailLevel, withInversion, withLevel } from './tail-query.ts'
import { highlightInputId } from './use-rows.ts'

export const highlightsMax = 5
const levels = [
  ['', 'All levels'],
  ['warn', 'Warnings and errors'],
  ['error', 'Errors'],
] as const satisfies readonly (readonly [TailLevel | '', string])[]

export function Tools() {
  const page = usePage()
  const { filter, wrap, density } = useLive(state => state.settings)
  const { level, isInverted } = parseFilter(filter)
  return (
    <div className="tail-bar">
      <TopicChoice />
      <TailFilter placeholder="text, /regex/ or field:value" />
      <button
        type="button"
        className="tool words"
        aria-pressed={isInverted}
        title="Show the lines that do not match"
        onClick={() => page.change({ filter: withInversion(filter, !isInverted) })}
      >
        Invert
      </button>
      <select
        className="choice"
        aria-label="Level"
        value={level}
        onChange={event => page.change({ filter: withLevel(filter, event.target.value as TailLevel | '') })}
      >
        {levels.map(([value, words]) => (
          <option key={value} value={value}>
            {words}
          </option>
        ))}
      </select>
      <Highlights />
      <TimeJump />
      <button
        type="button"
        className="tool"
        aria-pressed={wrap}
        title="Wrap long lines (w)"
        onClick={() => page.change({ wrap: !wrap })}
      >
        <Icon name="wrap" />
        <span className="sr-only">Wrap long lines</span>
      </button>
      <button
        type="button"
        className="tool"
        aria-pressed={density === 'comfortable'}
        title="More room between lines"
        onClick={() => page.change({ density: density === 'comfortable' ? 'compact' : 'comfortable' })}
      >
        <Icon name="tail" />
        <span className="sr-only">More room between lines</span>
      </button>
    </div>
  )
}

function TopicChoice() {
  const page = usePage()
  const { topic } = useLive(state => state.settings)
  const { data } = useApi<ClusterAnswer>(apiPath('/cluster'), 30_000)
  const names = [...new Set([...tailTopics, ...(data?.topics ?? []).map(({ name }) => name), topic])]
  const isInternal = (name: string) => name.startsWith('__')
  const options = (wanted: boolean) =>
    names
      .filter(name => isInternal(name) === wanted)
      .map(name => (
        <option key={name} value={name}>
          {name}
        </option>
      ))
  return (
    <select
      className="choice topic-choice"
      aria-label="Topic"
      value={topic}
      onChange={event => {
        changeParameters({ at: '', record: '' })
        page.change({ topic: event.target.value })
      }}
    >
      <optgroup label="Topics">{options(false)}</optgroup>
      <optgroup label="Internal">{options(true)}</optgroup>
    </select>
  )
}

function Highlights() {
  const terms = useParameters('hl')
  const [text, setText] = useState('')
  const change = (next: readonly string[]) => changeParameters({ hl: next }, 'replace')
  const add = () => {
    const term = text.trim()
    if (term === '' || terms.includes(term) || terms.length >= highlightsMax) return
    change([...terms, term])
    setText('')
  }
  return (
    <form
      className="highlights"
      onSubmit={event => {
        event.preventDefault()
        add()
      }}
    >
      <label className="sr-only" htmlFor={highlightInputId}>
        Highlight without filtering, up to {highlightsMax} texts
      </label>
      <input
        id={highlightInputId}
        className="choice"
        type="text"
        placeholder={terms.length < highlightsMax ? 'Highlight (h)' : 'Five is the most'}
        autoComplete="off"
        spellCheck={false}
        maxLength={100}
        disabled={terms.length >= highlightsMax}
        value={text}
        onChange={event => setText(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Escape') event.currentTarget.blur()
        }}
      />
      {terms.slice(0, highlightsMax).map((term, at) => (
        <button
          key={term}
          type="button"
          className="highlight"
          title="Remove this highlight"
          onClick={() => change(terms.filter(other => other !== term))}
        >
          <mark data-term={at + 1}>{visibleText(term, 60)}</mark>
          <Icon name="close" />
        </button>
      ))}
    </form>
  )
}

function TimeJump() {
  const { zone } = useLive(state => state.settings)
  const [text, setText] = useState('')
  const at = momentOf(text, zone)
  return (
    <form
      className="time-jump"
      onSubmit={event => {
        event.preventDefault()
        if (at !== null) changeParameters({ at: new Date(at).toISOString(), record: '' })
      }}
    >
      <input
        className="choice"
        type="datetime-local"
        step="1"
        aria-label={`Show the lines of a time (${zone === 'utc' ? 'UTC' : 'local'})`}
        value={text}
        onChange={event => setText(event.target.value)}
      />
      <button type="submit" className="button" disabled={at === null}>
        Go
      </button>
    </form>
  )
}

/** What the picker says, in the zone that the page shows. */
function momentOf(text: string, zone: Zone): number | null {
  const ms = text === '' ? Number.NaN : Date.parse(zone === 'utc' ? `${text}Z` : text)
  return Number.isNaN(ms) ? null : ms
}
