// GET /api/v1/groups: consumer groups and how far behind each is, as the live topic 'groups' tells it.
import type { Application, RequestHandler } from 'express'
import type { GroupMonitor } from '../cluster/group-monitor.ts'

export interface GroupDoors {
  readonly groups: GroupMonitor
  readonly signedIn: RequestHandler
}

export function addGroups(application: Application, { groups, signedIn }: GroupDoors): void {
  application.get('/api/v1/groups', signedIn, async (_request, response) => {
    response.set('Cache-Control', 'no-store').json(await groups.current())
  })
}
