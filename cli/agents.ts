// The commands of `tailrace agents`: who may join, who has, who may no longer. They ask the running server, which makes
// and removes the users; what is printed to be pasted goes to standard output, what is said about it to standard error.
import type { Command } from 'commander'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import type { CommandSurroundings } from './cluster-commands.ts'
import { callServer } from './login-link.ts'
import { visible } from './visible.ts'

interface AgentsFlags {
  readonly name?: string
  readonly expires?: string
  readonly topic?: string[]
  readonly json?: boolean
}

interface Invitation {
  readonly line: string
  readonly code: string
  readonly expiresAt: number
  readonly fingerprint: string
  readonly checksum: string
}

interface RemovedAnswer {
  readonly name: string
  readonly agentId: string
  /** Null of one that never joined. */
  readonly user: string | null
}

interface EnrolledAgent {
  readonly user: string
  readonly name: string
  readonly host: string
  readonly agentId: string
  readonly enrolledAt: number
}

type Call = (path: string, method: string, body?: unknown) => Promise<unknown>

export function addAgentsCommands(
  agents: Command,
  surroundings: CommandSurroundings,
  serverOf: (flags: object) => { readonly origin: string; readonly tokenPath: string },
): void {
  const add = (
    usage: string,
    description: string,
    run: (call: Call, flags: AgentsFlags, word: string) => Promise<void>,
  ) => {
    const command = surroundings.withShared(agents.command(usage)).description(description)
    return command
      .option('--json', 'one JSON object on standard output')
      .action(async (...given: unknown[]) => {
        const flags = command.opts<AgentsFlags>()
        const { origin, tokenPath } = serverOf(flags)
        const call: Call = (path, method, body) => callServer(origin, tokenPath, path, method, body)
        await run(call, flags, given.length > 2 ? String(given[0]) : '')
      })
  }
  add('add', 'print a line that makes a host an agent of this appliance, once', async (call, flags) => {
    const { name, expires = '15m', topic } = flags
    const body = {
      name,
      expiresInMs: durationMs(expires),
      ...(topic && topic.length > 0 && { topics: topic }),
    }
    const made = (await call('/api/v1/agents/invitations', 'POST', body)) as Invitation
    if (flags.json) return print(made)
    process.stdout.write(`${made.line}\n`)
    process.stderr.write(
      `\nPaste it on the host. Good once, until ${new Date(made.expiresAt).toISOString()}.\n` +
        `Authority SHA-256 ${made.fingerprint}\n` +
        'Where Tailrace is installed already: tailrace agent join, with the same line in quotes.\n',
    )
  })
    .option('--name <name>', "what it is called here (default: the host's own name)")
    .option('--expires <time>', 'how long the line is good: 90s, 15m, 2h, 1d', '15m')
    .option(
      '--topic <name>',
      'a topic it may send to, or a prefix and a star; repeat for more (default: behavior, metrics, logs)',
      (value: string, previous: string[] = []) => [...previous, value],
    )
  add('list', 'agents that have joined', async (call, flags) => {
    const answer = (await call('/api/v1/agents/enrolled', 'GET')) as { readonly agents: EnrolledAgent[] }
    if (flags.json) return print(answer)
    const rows = answer.agents.map(({ name, host, agentId, user, enrolledAt }) =>
      [name.padEnd(20), host.padEnd(20), agentId, user, new Date(enrolledAt).toISOString()].join('  '),
    )
    process.stdout.write(
      rows.length > 0 ? `${visible(rows.join('\n'))}\n` : 'No agent has joined: tailrace agents add\n',
    )
  })
  add(
    'remove <agent>',
    'refuse an agent from now on: by name, agent id or user',
    async (call, flags, word) => {
      const path = `/api/v1/agents/enrolled/${encodeURIComponent(word)}`
      const removed = (await call(path, 'DELETE')) as RemovedAnswer
      if (flags.json) return print(removed)
      const { name, user, agentId } = removed
      const what =
        user === null ? `${agentId}; it is not expected any more` : `user ${user}; its connections end`
      process.stdout.write(`removed   ${visible(`${name}, ${what}`)}\n`)
    },
  )
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

const unitsMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

export function durationMs(text: string): number {
  const match = /^(\d{1,6})([smhd])$/.exec(text)
  if (!match) throw new ExitError(exitCodes.usage, `"${text}" is no time: write 90s, 15m, 2h or 1d`)
  return Number(match[1]) * unitsMs[match[2]!]!
}
