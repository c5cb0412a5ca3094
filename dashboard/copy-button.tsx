// A button that copies a text and says so for a moment.
import { useEffect, useState } from 'react'
import { Icon } from './icons.tsx'
import { visibleText } from './visible-text.ts'

const saidForMs = 2_000

export function CopyButton({ text, words }: { readonly text: string; readonly words: string }) {
  const [said, setSaid] = useState<'copied' | 'failed' | null>(null)
  useEffect(() => {
    if (said === null) return
    const timer = window.setTimeout(() => setSaid(null), saidForMs)
    return () => window.clearTimeout(timer)
  }, [said])
  const copy = () => {
    // Only pages that are served securely, or by this machine, may write to the clipboard.
    void (navigator.clipboard?.writeText(text) ?? Promise.reject(new Error('no clipboard'))).then(
      () => setSaid('copied'),
      () => setSaid('failed'),
    )
  }
  return (
    <button type="button" className="text-tool" title={visibleText(text)} onClick={copy}>
      <Icon name={said === 'copied' ? 'check' : 'copy'} />
      <span aria-live="polite">
        {said === null ? words : said === 'copied' ? 'Copied' : 'Cannot copy here'}
      </span>
    </button>
  )
}
