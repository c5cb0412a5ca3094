// What somebody types first, by command: help begins with it, and where one command leads to another it says so. Every
// example is a command line that is understood; a test types them all.
import type { Command } from 'commander'

interface Guidance {
  readonly examples: readonly string[]
  readonly next?: readonly string[]
}

const guidance: Readonly<Record<string, Guidance>> = {
  '': {
    examples: [
      'tailrace demo',
      "tailrace up --tail '/var/log/nginx/*.log'",
      'tailrace tail logs --grep timeout',
    ],
  },
  up: {
    examples: [
      'tailrace up',
      "tailrace up --tail '/var/log/nginx/*.log'",
      'tailrace up --public logs.example.com',
    ],
    next: ['tailrace top', 'tailrace status', 'tailrace agents add'],
  },
  demo: { examples: ['tailrace demo', 'tailrace demo --brokers 1'], next: ["tailrace up --tail 'FILES'"] },
  status: {
    examples: ['tailrace status', 'tailrace status --json'],
    next: ['tailrace cluster health'],
  },
  tail: {
    examples: ['tailrace tail logs', 'tailrace tail logs --level error --since 15m -n 20'],
    next: ['tailrace search logs'],
  },
  search: {
    examples: ['tailrace search logs timeout --from 2h', 'tailrace search logs --field status:500 --json'],
  },
  query: {
    examples: [
      'tailrace query requests --by path --window 1h',
      "tailrace query 'rate(tailrace_requests_total[5m])'",
    ],
  },
  report: { examples: ['tailrace report', 'tailrace report --period week --format json'] },
  produce: { examples: ['tailrace produce clicks -f lines.txt', 'tailrace produce clicks -K : --json'] },
  consume: {
    examples: [
      'tailrace consume logs -o -10 --until-end',
      "tailrace consume logs -f '%o %s\\n'",
      'tailrace consume logs -o 15m --json',
    ],
    next: ['tailrace groups list'],
  },
  topics: { examples: ['tailrace topics list', 'tailrace topics create clicks --partitions 3'] },
  'topics create': {
    examples: ['tailrace topics create clicks --partitions 3 --set retention.ms=86400000'],
    next: ['tailrace produce clicks'],
  },
  groups: { examples: ['tailrace groups list', 'tailrace groups describe reports'] },
  accounts: {
    examples: ['tailrace accounts add ann --role viewer', 'tailrace accounts role ann admin'],
  },
  tokens: { examples: ['tailrace tokens create grafana --expires 90d', 'tailrace tokens list'] },
  users: { examples: ['tailrace users add web-1 --role produce', 'tailrace users list --json'] },
  agents: { examples: ['tailrace agents add', 'tailrace agents list'] },
  'agents add': {
    examples: ['tailrace agents add --name web-1 --expires 15m'],
    next: ['tailrace agents list'],
  },
  agent: {
    examples: ["tailrace agent --tail '/var/log/*.log' --bootstrap 127.0.0.1:9092", 'tailrace agent status'],
  },
  alerts: { examples: ['tailrace alerts list'] },
  cluster: { examples: ['tailrace cluster health', 'tailrace cluster status --json'] },
  'cluster health': {
    examples: [
      'tailrace cluster health --exit-when-healthy --timeout 60',
      'tailrace cluster health --watch --json',
    ],
    next: ['tailrace cluster status'],
  },
  config: { examples: ['tailrace config show --origin', 'tailrace config validate --deny-warnings'] },
  'config init': { examples: ['tailrace config init'], next: ['tailrace config validate', 'tailrace up'] },
  backup: { examples: ['tailrace backup create', 'tailrace backup create /backup/today --with-log'] },
  'backup create': {
    examples: ['tailrace backup create /backup/today --with-log'],
    next: ['tailrace backup verify /backup/today'],
  },
  'backup restore': {
    examples: ['tailrace backup restore /backup/today --data fresh'],
    next: ['tailrace up --data fresh'],
  },
  'login-link': { examples: ['tailrace login-link'] },
  top: { examples: ['tailrace top', 'tailrace top --once'] },
  doctor: { examples: ['tailrace doctor', 'tailrace doctor --json'], next: ['tailrace debug bundle'] },
  debug: { examples: ['tailrace debug bundle'] },
  completion: { examples: ['tailrace completion bash'] },
}

export const examples: readonly string[] = Object.values(guidance).flatMap(({ examples: own }) => own)

/** Puts examples above the help of each command that has some. */
export function addGuidance(command: Command, path: readonly string[] = []): void {
  const found = guidance[path.join(' ')]
  if (found) {
    command.addHelpText('before', listed('Examples', found.examples))
    if (found.next) command.addHelpText('after', `\n${listed('Next', found.next).trimEnd()}`)
  }
  for (const sub of command.commands) addGuidance(sub, [...path, sub.name()])
}

function listed(heading: string, lines: readonly string[]): string {
  return `${heading}:\n${lines.map(line => `  ${line}\n`).join('')}`
}
