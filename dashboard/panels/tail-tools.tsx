// The tail's controls: which topic, which text, wrapped or cut. What is chosen here is part of the page's URL.
import { useEffect, useRef, useState } from 'react'
import { Icon } from '../icons.tsx'
import { useLive, usePage } from '../page-context.ts'
import { tailTopics } from '../settings.ts'

/** A filter is sent when the typing pauses. */
const typingPauseMs = 250
export const filterInputId = 'tail-filter'

export function TailTools() {
  const page = usePage()
  const { topic, wrap } = useLive(state => state.settings)
  const topics = tailTopics.some(name => name === topic) ? tailTopics : [...tailTopics, topic]
  return (
    <>
      <fieldset className="segments">
        <legend className="sr-only">Topic</legend>
        {topics.map(name => (
          <label key={name} className="segment">
            <input
              type="radio"
              name="tail-topic"
              value={name}
              checked={name === topic}
              onChange={() => page.change({ topic: name })}
            />
            <span>{name}</span>
          </label>
        ))}
      </fieldset>
      <TailFilter placeholder="Filter lines" />
      <button
        type="button"
        className="tool"
        aria-pressed={wrap}
        title="Wrap long lines"
        onClick={() => page.change({ wrap: !wrap })}
      >
        <Icon name="wrap" />
        <span className="sr-only">Wrap long lines</span>
      </button>
    </>
  )
}

export function TailFilter({ placeholder }: { readonly placeholder: string }) {
  const page = usePage()
  const filter = useLive(state => state.settings.filter)
  const [text, setText] = useState(filter)
  const timer = useRef<number | undefined>(undefined)
  useEffect(() => () => window.clearTimeout(timer.current), [])
  // Clicks change it too.
  useEffect(() => setText(filter), [filter])
  const apply = (value: string, waitMs: number) => {
    setText(value)
    window.clearTimeout(timer.current)
    timer.current = window.setTimeout(() => page.change({ filter: value }), waitMs)
  }
  return (
    <search className="filter">
      <Icon name="search" />
      <label className="sr-only" htmlFor={filterInputId}>
        Show only lines with a text, a /pattern/ or a field:value
      </label>
      <input
        id={filterInputId}
        type="text"
        placeholder={placeholder}
        autoComplete="off"
        spellCheck={false}
        maxLength={200}
        value={text}
        onChange={event => apply(event.target.value, typingPauseMs)}
        onKeyDown={event => {
          if (event.key !== 'Escape') return
          apply('', 0)
          event.currentTarget.blur()
        }}
      />
      {text === '' ? (
        <kbd className="filter-key">/</kbd>
      ) : (
        <button type="button" className="filter-clear" title="Clear the filter" onClick={() => apply('', 0)}>
          <Icon name="close" />
          <span className="sr-only">Clear the filter</span>
        </button>
      )}
    </search>
  )
}
