// `tailrace tokens`: what programs name themselves with to the API. Over HTTP with the admin's token. A new one is told
// once, on standard output, and of it only a hash is kept.
import { type Command, Option } from 'commander'
import { durationMs } from '../analytics/alerts/rule.ts'
import type { ApiToken, ApiTokensAnswer, NewApiToken } from '../analytics/http/contract-accounts.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import type { ServerPlace } from './alert-commands.ts'
import { writeAnswer } from './answer.ts'
import { requestServer } from './login-link.ts'
import { visible } from './visible.ts'

interface TokenFlags {
  readonly json?: boolean
  readonly role?: 'admin' | 'viewer'
  readonly expires?: string
}

interface Told {
  readonly answer: object
  readonly text: string
}

const path = '/api/v1/tokens'

export function addTokenCommands(
  tokens: Command,
  withShared: (command: Command) => Command,
  serverOf: (flags: object) => ServerPlace,
): void {
  const add = (
    usage: string,
    description: string,
    run: (place: ServerPlace, flags: TokenFlags, given: string) => Promise<Told>,
  ) => {
    const command = withShared(tokens.command(usage)).description(description)
    return command
      .option('--json', 'one JSON object on standard output')
      .action(async (...given: unknown[]) => {
        const flags = command.opts<TokenFlags>()
        const { answer, text } = await run(serverOf(flags), flags, given.length > 2 ? String(given[0]) : '')
        writeAnswer(flags, answer, text)
      })
  }
  add('list', 'which there are, and when each was used last', async place => {
    const answer = (await (await ask(place, 'GET', path)).json()) as ApiTokensAnswer
    return { answer, text: listText(answer.tokens) }
  })
  add('create <name>', 'one more; it is shown this once', async (place, { role, expires }, name) => {
    const expiresAt = expires === undefined ? null : Date.now() + lifetimeMs(expires)
    const answer = (await (await ask(place, 'POST', path, { name, role, expiresAt })).json()) as NewApiToken
    const text = `${answer.token}\n`
    if (process.stdout.isTTY) process.stderr.write(`token ${answer.id}, ${answer.role}; shown this once:\n`)
    return { answer, text }
  })
    .addOption(
      new Option('--role <role>', 'a viewer looks, an admin acts')
        .choices(['viewer', 'admin'])
        .default('viewer'),
    )
    .option('--expires <duration>', 'how long it is good, such as 90d (default: until it is revoked)')
  add('revoke <id>', 'ends one at once, by what `tokens list` shows first', async (place, _, id) => {
    await ask(place, 'DELETE', `${path}/${encodeURIComponent(id)}`)
    return { answer: { id }, text: `revoked   ${id}\n` }
  })
}

export function listText(tokens: readonly ApiToken[]): string {
  if (tokens.length === 0) return 'There are no tokens: tailrace tokens create NAME\n'
  const width = Math.max(...tokens.map(({ name }) => visible(name).length))
  return tokens
    .map(({ id, name, role, lastUsedAt, expiresAt }) => {
      const used = lastUsedAt === null ? 'never used' : `used ${day(lastUsedAt)}`
      const until = expiresAt === null ? 'no end' : `until ${day(expiresAt)}`
      return `${id}  ${visible(name).padEnd(width)}  ${role.padEnd(6)}  ${until}  ${used}\n`
    })
    .join('')
}

function lifetimeMs(text: string): number {
  const ms = durationMs(text)
  if (ms !== null && ms > 0) return ms
  throw new ExitError(exitCodes.usage, `--expires ${text}: write a duration such as 12h or 90d, 400d at most`)
}

function ask({ origin, tokenPath }: ServerPlace, method: string, where: string, body?: object) {
  return requestServer(origin, tokenPath, where, method, body)
}

function day(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')
}
