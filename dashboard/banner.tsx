// What is wrong, in a sentence, under the bar. Absent while all is well.
import { Shape } from './icons.tsx'
import { useLive, usePage } from './page-context.ts'
import { bannerWords } from './words.ts'

const shapes = { ok: 'dot', calm: 'dot', warn: 'triangle', critical: 'cross' } as const

export function Banner() {
  const page = usePage()
  const words = bannerWords(useLive(state => state))
  return (
    <div role="status" className="banner-slot">
      {words && (
        <div className="banner" data-kind={words.kind} data-tone={words.tone}>
          <Shape name={shapes[words.tone]} />
          <p>
            <strong>{words.title}.</strong> {words.text}
          </p>
          {words.action === 'retry' && (
            <button type="button" className="button" onClick={() => page.retry()}>
              Retry now
            </button>
          )}
          {words.action === 'reload' && (
            <button type="button" className="button" onClick={() => window.location.reload()}>
              Reload
            </button>
          )}
        </div>
      )}
    </div>
  )
}
