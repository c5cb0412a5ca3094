// The one place that says whether what you see is the present. Pressing it pauses, resumes, or tries again at once.
import { Shape } from './icons.tsx'
import { useLive, usePage } from './page-context.ts'
import { pillWords } from './words.ts'

const labels = {
  pause: 'Pause (Space)',
  resume: 'Resume (Space)',
  present: 'Back to now (Esc)',
  retry: 'Retry now',
  none: '',
} as const

export function LivePill() {
  const page = usePage()
  const state = useLive(whole => whole)
  const words = pillWords(state)
  const press = () => {
    if (words.action === 'retry') page.retry()
    else if (words.action === 'present') page.zoom(null)
    else if (words.action !== 'none') page.togglePause()
  }
  const label = labels[words.action]
  return (
    <button
      type="button"
      className="pill"
      data-state={words.state}
      data-tone={words.tone}
      data-seq={state.seqs['overview']}
      aria-disabled={words.action === 'none'}
      title={label === '' ? undefined : label}
      onClick={press}
    >
      <Shape name={words.shape} />
      <span className="pill-word">{words.word}</span>{' '}
      {words.detail !== '' && <span className="pill-detail">{words.detail}</span>}
    </button>
  )
}

/** Tells a screen reader which page is shown, and when it stops or starts being live: the word, not its seconds. */
export function LiveAnnouncer({ place }: { readonly place: string }) {
  const word = useLive(state => {
    const words = pillWords(state)
    return words.state === 'reconnecting' ? 'Reconnecting' : words.word
  })
  return (
    <div className="sr-only" aria-live="polite">
      <p>{place}</p>
      <p>{word}</p>
    </div>
  )
}
