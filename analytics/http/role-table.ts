// Who may do what: every route of the server and every live topic, with the role it takes. What is not in here is for
// admins alone, and `role-table.test.ts` fails on it. Reading is for viewers, acting for admins.
import type { LiveTopic } from './contract.ts'
import type { Role } from './contract-accounts.ts'

export interface RouteRule {
  /** `anyone`: also whoever is not known. */
  readonly who: Role | 'anyone'
  /** What acts is told to the audit log. */
  readonly acts?: boolean
  /** No browser's cookie counts here, so that it may come from any origin. */
  readonly anywhere?: boolean
}

const open: RouteRule = { who: 'anyone' }
const read: RouteRule = { who: 'viewer' }
const own: RouteRule = { who: 'viewer', acts: true }
const readAll: RouteRule = { who: 'admin' }
const act: RouteRule = { who: 'admin', acts: true }

/** Method and path as express has it; ALL for every method. */
export const routeRules: Readonly<Record<string, RouteRule>> = {
  // The page, its health, its description: nothing of anybody's in them.
  'GET /': open,
  'GET /{*view}': open,
  'GET /healthz': open,
  'GET /readyz': open,
  // On this machine; from elsewhere the route itself wants somebody signed in.
  'GET /metrics': open,
  'GET /api/v1/openapi.json': open,
  'GET /api/v1/docs': open,
  'GET /api/v1/docs.css': open,

  // Signing in and out.
  'POST /api/v1/login': { who: 'anyone', anywhere: true },
  'POST /api/v1/logout': open,
  'GET /api/v1/me': read,
  'DELETE /api/v1/sessions': own,
  // A link makes an admin.
  'POST /api/v1/login-links': act,

  // Accounts, tokens, what was done.
  'GET /api/v1/accounts': readAll,
  'POST /api/v1/accounts': act,
  'DELETE /api/v1/accounts/:name': act,
  // One's own, or anybody's for admins: the route itself says which.
  'POST /api/v1/accounts/:name/password': own,
  'POST /api/v1/accounts/:name/role': act,
  'GET /api/v1/tokens': readAll,
  'POST /api/v1/tokens': act,
  'DELETE /api/v1/tokens/:id': act,
  'GET /api/v1/audit': readAll,

  // Statistics.
  'GET /api/v1/stats/:metric': read,
  'GET /api/v1/series/:metric': read,
  'GET /api/v1/top/:dimension': read,
  'POST /api/v1/query': read,
  'GET /api/v1/catalogue': read,
  'GET /api/v1/losses': read,
  'GET /api/v1/cluster': read,
  'GET /api/v1/agents': read,
  'GET /api/v1/groups': read,
  'GET /api/v1/panels/access': read,
  'GET /api/v1/red': read,
  'GET /api/v1/slo': read,
  'GET /api/v1/use': read,
  'GET /api/v1/visits': read,
  'GET /api/v1/active-users': read,
  'GET /api/v1/lifecycle': read,
  'GET /api/v1/retention': read,
  'GET /api/v1/active-hours': read,
  'GET /api/v1/paths': read,
  'GET /api/v1/goals': read,
  'GET /api/v1/funnels/:name': read,
  'POST /api/v1/funnels': read,

  // Topics and groups: looked at by everybody, changed by admins.
  'GET /api/v1/topics/:name/configs': read,
  'GET /api/v1/groups/:name': read,
  'POST /api/v1/topics': act,
  'POST /api/v1/topics/:name/configs': act,
  'POST /api/v1/topics/:name/partitions': act,
  'POST /api/v1/topics/:name/delete-records': act,
  'DELETE /api/v1/topics/:name': act,
  'POST /api/v1/groups/:name/reset': act,
  'DELETE /api/v1/groups/:name': act,
  'POST /api/v1/cluster/elect': act,

  // Lines of the log.
  'GET /api/v1/search': read,
  'GET /api/v1/topics/:topic/records': read,

  // Alerts. A preview changes nothing.
  'GET /api/v1/alerts': read,
  'GET /api/v1/alerts/rules': read,
  'GET /api/v1/alerts/rules/:id': read,
  'POST /api/v1/alerts/preview': read,
  'POST /api/v1/alerts/rules': act,
  'PUT /api/v1/alerts/rules/:id': act,
  'DELETE /api/v1/alerts/rules/:id': act,
  'POST /api/v1/alerts/test': act,
  'POST /api/v1/alerts/secret': act,

  // Hosts that join. One that enrols shows a token of its own; script and packages hold no secret.
  'GET /api/v1/agents/enrolled': readAll,
  'GET /api/v1/agents/:name': read,
  'POST /api/v1/agents/invitations': act,
  'DELETE /api/v1/agents/enrolled/:agent': act,
  'POST /api/v1/agents/enroll': { who: 'anyone', anywhere: true, acts: true },
  'GET /install.sh': open,
  'GET /packages/:file': open,

  // As Prometheus has it.
  'GET /prometheus/api/v1/query': read,
  'POST /prometheus/api/v1/query': read,
  'GET /prometheus/api/v1/query_range': read,
  'POST /prometheus/api/v1/query_range': read,
  'GET /prometheus/api/v1/series': read,
  'POST /prometheus/api/v1/series': read,
  'GET /prometheus/api/v1/labels': read,
  'POST /prometheus/api/v1/labels': read,
  'GET /prometheus/api/v1/metadata': read,
  'GET /prometheus/api/v1/label/:name/values': read,
  'ALL /prometheus/api/v1/status/buildinfo': read,
  'ALL /prometheus/api/v1/rules': read,
  'ALL /prometheus/api/v1/alerts': read,
  'ALL /prometheus/api/v1/query_exemplars': read,
}

export const liveRules: Readonly<Record<LiveTopic, Role>> = {
  overview: 'viewer',
  series: 'viewer',
  stats: 'viewer',
  top: 'viewer',
  tail: 'viewer',
  losses: 'viewer',
  cluster: 'viewer',
  groups: 'viewer',
  agents: 'viewer',
  alerts: 'viewer',
}

export interface MatchedRule extends RouteRule {
  /** The key in the table; the method and nothing else where there is none. */
  readonly route: string
}

const compiled = Object.entries(routeRules).map(([route, rule]) => {
  const [method = '', path = ''] = route.split(' ')
  const source = path
    .split('/')
    .map(part => (part.startsWith(':') ? '[^/]+' : part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')))
    .join('/')
  // As express compares: whatever the case, with or without a slash at the end.
  return {
    method,
    path: new RegExp(`^${source}/?$`, 'i'),
    literal: !path.includes(':'),
    rule: { ...rule, route },
  }
})
// What is spelled out goes before what has a name in it, as routes are registered in that order where it matters.
const ordered = [...compiled.filter(({ literal }) => literal), ...compiled.filter(({ literal }) => !literal)]

/** HEAD is answered by GET's route. */
export function ruleFor(method: string, path: string): MatchedRule {
  const asked = method === 'HEAD' ? 'GET' : method
  for (const row of ordered) {
    if ((row.method === asked || row.method === 'ALL') && row.path.test(path)) return row.rule
  }
  const isInterface = /^\/(api|prometheus)(\/|$)/i.test(path)
  // Any other path is a view of the page, or nothing.
  if (asked === 'GET' && !isInterface) return { ...open, route: 'GET /{*view}' }
  return { who: 'admin', acts: asked !== 'GET', route: asked }
}

export function mayDo(role: Role | null, who: RouteRule['who']): boolean {
  return who === 'anyone' || role === 'admin' || (role === 'viewer' && who === 'viewer')
}
