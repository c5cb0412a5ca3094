// The loss ledger by itself.
import { useFeeds } from '../../page-context.ts'
import { Losses } from '../../panels/losses.tsx'

export function PageView() {
  useFeeds('losses')
  return <Losses />
}
