// `tailrace accounts`: who signs in to page and API by name and password. Over HTTP with the admin's token. A password
// comes from a prompt that does not show it or from standard input, never from the command line.
import { type Command, Option } from 'commander'
import type { Account, AccountsAnswer } from '../analytics/http/contract-accounts.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import type { ServerPlace } from './alert-commands.ts'
import { writeAnswer } from './answer.ts'
import { requestServer } from './login-link.ts'

interface AccountFlags {
  readonly json?: boolean
  readonly role?: 'admin' | 'viewer'
}

interface Told {
  readonly answer: object
  readonly text: string
}

const path = '/api/v1/accounts'
/** Passwords are hashed slowly, and others may wait before us. */
const waitMs = 20_000
const passwordBytesMax = 4_096

export function addAccountCommands(
  accounts: Command,
  withShared: (command: Command) => Command,
  serverOf: (flags: object) => ServerPlace,
): void {
  const add = (
    usage: string,
    description: string,
    run: (place: ServerPlace, name: string, flags: AccountFlags, second: string) => Promise<Told>,
  ) => {
    const command = withShared(accounts.command(usage)).description(description)
    return command
      .option('--json', 'one JSON object on standard output')
      .action(async (...given: unknown[]) => {
        const flags = command.opts<AccountFlags>()
        const [name = '', second = ''] = given.slice(0, -2).map(String)
        const { answer, text } = await run(serverOf(flags), name, flags, second)
        writeAnswer(flags, answer, text)
      })
  }
  add('list', 'who can sign in by name and password', async place => {
    const answer = (await (await ask(place, 'GET', path)).json()) as AccountsAnswer
    return { answer, text: listText(answer.accounts) }
  })
  add(
    'add <name>',
    'somebody more; the password is asked for, or read from standard input',
    async (place, name, { role = 'viewer' }) => {
      const password = await readPassword(`Password for ${name}: `, true)
      const answer = (await (await ask(place, 'POST', path, { name, role, password })).json()) as Account
      return { answer, text: `account   ${answer.name}, ${answer.role}\n` }
    },
  ).addOption(
    new Option('--role <role>', 'a viewer looks, an admin acts')
      .choices(['viewer', 'admin'])
      .default('viewer'),
  )
  add('password <name>', 'another password; the sessions of the old one end', async (place, name) => {
    const password = await readPassword(`New password for ${name}: `, true)
    await ask(place, 'POST', `${path}/${encodeURIComponent(name)}/password`, { password })
    return { answer: { name }, text: `account   ${name} has another password; its sessions have ended\n` }
  })
  add('role <name> <role>', 'an admin or a viewer; its sessions end', async (place, name, _flags, role) => {
    if (role !== 'admin' && role !== 'viewer')
      throw new ExitError(exitCodes.usage, `There is no role "${role}": write admin or viewer`)
    await ask(place, 'POST', `${path}/${encodeURIComponent(name)}/role`, { role })
    return { answer: { name, role }, text: `account   ${name}, ${role}; signs in anew\n` }
  })
  add('remove <name>', 'an account and its sessions', async (place, name) => {
    await ask(place, 'DELETE', `${path}/${encodeURIComponent(name)}`)
    return { answer: { name }, text: `removed   ${name}\n` }
  })
}

export function listText(accounts: readonly Account[]): string {
  if (accounts.length === 0) return 'There are no accounts: tailrace accounts add NAME --role admin\n'
  const width = Math.max(...accounts.map(({ name }) => name.length), 4)
  return accounts
    .map(({ name, role, createdAt, lastSeenAt }) => {
      const seen = lastSeenAt === null ? 'not signed in' : `last seen ${day(lastSeenAt)}`
      return `${name.padEnd(width)}  ${role.padEnd(6)}  since ${day(createdAt)}  ${seen}\n`
    })
    .join('')
}

function ask({ origin, tokenPath }: ServerPlace, method: string, where: string, body?: object) {
  return requestServer(origin, tokenPath, where, method, body, waitMs)
}

function day(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')
}

/** What a terminal is, for the prompt. */
export interface Typing extends AsyncIterable<Buffer | string> {
  readonly isTTY?: boolean
  setRawMode?(raw: boolean): unknown
}

/** From a terminal without showing it, `twice` to be sure; else all of standard input but its last line break. */
export async function readPassword(
  prompt: string,
  twice: boolean,
  input: Typing = process.stdin,
  say: (text: string) => void = text => process.stderr.write(text),
): Promise<string> {
  if (!input.isTTY) return fromPipe(input)
  input.setRawMode?.(true)
  try {
    const keys = keysOf(input)
    const first = await typedLine(keys, prompt, say)
    if (twice && first !== (await typedLine(keys, 'Once more: ', say)))
      throw new ExitError(exitCodes.usage, 'These are two different passwords')
    return nonEmpty(first)
  } finally {
    input.setRawMode?.(false)
  }
}

async function fromPipe(input: Typing): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of input) {
    chunks.push(Buffer.from(chunk))
    bytes += chunk.length
    if (bytes > passwordBytesMax)
      throw new ExitError(exitCodes.usage, 'What standard input holds is no password')
  }
  return nonEmpty(
    Buffer.concat(chunks)
      .toString('utf8')
      .replace(/\r?\n$/, ''),
  )
}

function nonEmpty(password: string): string {
  if (password !== '') return password
  throw new ExitError(exitCodes.usage, 'A password is needed: type it, or give it on standard input')
}

async function* keysOf(input: Typing): AsyncGenerator<string, void> {
  const decoder = new TextDecoder()
  for await (const chunk of input) {
    const text = typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
    yield* text
  }
}

async function typedLine(keys: AsyncGenerator<string, void>, prompt: string, say: (text: string) => void) {
  say(prompt)
  const typed: string[] = []
  for (;;) {
    const { value: key, done } = await keys.next()
    if (done || key === '\r' || key === '\n' || key === '\u0004') break
    if (key === '\u0003') {
      say('\n')
      throw new ExitError(exitCodes.interrupted, 'Interrupted')
    }
    if (key === '\u007f' || key === '\b') typed.pop()
    else if (key === '\u0015') typed.length = 0
    else if (key! >= ' ') typed.push(key!)
  }
  say('\n')
  return typed.join('')
}
