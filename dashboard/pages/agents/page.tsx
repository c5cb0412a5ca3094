// Agents: its panels come with the statistics they show.
import { Empty, Panel } from '../../panels/panel.tsx'

export function PageView() {
  return (
    <Panel id="agents" title="Agents" state="empty">
      <Empty title="Nothing to show yet" />
    </Panel>
  )
}
