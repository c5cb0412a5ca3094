// The keys, and what the words on this page mean.
import { useEffect, useRef } from 'react'
import { Icon } from './icons.tsx'
import { places } from './places.ts'

const everywhere: readonly (readonly [string, string])[] = [
  ['Ctrl K', 'go to a page, topic or statistic; on a Mac ⌘ K'],
  ['Space', 'pause, or back to live'],
  ['t', 'theme: system, dark, light'],
  ['z', 'local time or UTC'],
  ['?', 'this help'],
  ['Esc', 'close; end zoom; clear filter'],
  ['← →', 'walk through a chart'],
  ['[ ]', 'a range earlier, later'],
  ['1 2 3', '5 minutes, 1 hour, 6 hours'],
]

const inTheTail: readonly (readonly [string, string])[] = [
  ['/', 'filter'],
  ['h', 'highlight'],
  ['j k', 'next row, row before'],
  ['Enter', 'open the row'],
  ['e', 'open all in sight'],
  ['f', 'follow again'],
  ['w', 'wrap long lines'],
]

const going = places.map(({ letter, label }): readonly [string, string] => [`g ${letter}`, label])

const words: readonly (readonly [string, string])[] = [
  [
    'Line to count',
    'from the moment an agent read a line until the commit that counts it, over the last minute',
  ],
  ['Active users', 'distinct visitors in the last 5 minutes'],
  ['Errors', 'requests answered with a status of 500 or above'],
  ['Skipped', 'lines the tail did not show; they are counted all the same'],
  ['Lost', 'lines that could not be read, decoded or kept, each with its place in the ledger'],
]

export function Help({ open, onClose }: { readonly open: boolean; readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const element = dialog.current
    if (!element) return
    if (open && !element.open) element.showModal()
    if (!open && element.open) element.close()
  }, [open])
  return (
    <dialog ref={dialog} className="help" aria-labelledby="help-title" onClose={onClose}>
      <header>
        <h2 id="help-title">Keys and words</h2>
        <button type="button" className="tool" title="Close (Esc)" onClick={onClose}>
          <Icon name="close" />
          <span className="sr-only">Close</span>
        </button>
      </header>
      <Keys title="Everywhere" keys={everywhere} />
      <Keys title="In the tail" keys={inTheTail} />
      <Keys title="Go to" keys={going} />
      <dl className="glossary">
        {words.map(([word, meaning]) => (
          <div key={word}>
            <dt>{word}</dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </dialog>
  )
}

interface KeysProps {
  readonly title: string
  readonly keys: readonly (readonly [string, string])[]
}

function Keys({ title, keys }: KeysProps) {
  return (
    <section>
      <h3>{title}</h3>
      <dl className="keys">
        {keys.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              {key.split(' ').map(one => (
                <kbd key={one}>{one}</kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
