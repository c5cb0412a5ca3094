// Explore: its panels come with the statistics they show.
import { Empty, Panel } from '../../panels/panel.tsx'

export function PageView() {
  return (
    <Panel id="explore" title="Explore" state="empty">
      <Empty title="Nothing to show yet" />
    </Panel>
  )
}
