// The live tail by itself, as tall as the window.
import { useFeeds } from '../../page-context.ts'
import { Tail } from '../../panels/tail.tsx'

export function PageView() {
  useFeeds('tail')
  return <Tail />
}
