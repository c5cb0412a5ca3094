// The commands of `tailrace users`: their flags, what they print. A password comes from standard input or a file, or is
// made and printed once; never from the command line, which every user of the machine can read.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { writeAnswer } from './answer.ts'
import { ClusterAdmin } from './cluster-admin.ts'
import { bootstrapOf, type CommandSurroundings } from './cluster-commands.ts'
import {
  addUser,
  changePassword,
  type Grant,
  grant,
  listUsers,
  newPassword,
  type Role,
  removeUser,
  roles,
  type User,
} from './users.ts'

interface UserFlags {
  readonly json?: boolean
  readonly role?: readonly Role[]
  readonly topic?: string
  readonly group?: string
  readonly passwordStdin?: boolean
  readonly passwordFile?: string
  readonly out?: string
}

type Run = (admin: ClusterAdmin, flags: UserFlags, name: string) => Promise<readonly [object, string]>

export function addUserCommands(users: Command, surroundings: CommandSurroundings): void {
  const add = (usage: string, description: string, run: Run) => {
    const command = surroundings.withShared(users.command(usage)).description(description)
    return command
      .option('--bootstrap <host:port>', 'a broker to ask, or several with commas between')
      .option('--json', 'one JSON object on standard output')
      .action(async (...given: unknown[]) => {
        const flags = command.opts<UserFlags>()
        using admin = new ClusterAdmin(bootstrapOf(surroundings.settingsOf(flags)))
        const [answer, text] = await run(admin, flags, given.length > 2 ? String(given[0]) : '')
        writeAnswer(flags, answer, text)
      })
  }
  withPassword(
    withRoles(
      add('add <name>', 'a user with a password, and what it may do', async (admin, flags, name) => {
        const { password, isNew } = passwordFrom(flags)
        await addUser(admin, { name, password }, grantsOf(flags))
        return [{ name, ...(isNew && { password }) }, told(name, isNew ? password : null)]
      }),
    ),
  )
  withRoles(
    add(
      'grant <name>',
      'more of what a user, or the name on a certificate, may do',
      async (admin, flags, name) => {
        const grants = grantsOf(flags)
        if (grants.length === 0) throw new ExitError(exitCodes.usage, 'Say what is granted: --role')
        await grant(admin, name, grants)
        return [{ name }, `user      ${name}\n`]
      },
    ),
  )
  withRoles(
    add(
      'certificate <name>',
      'a certificate for a client, instead of a password',
      async (admin, flags, name) => {
        const path = resolve(flags.out ?? `${name}.pem`)
        await writeCertificate(join(surroundings.settingsOf(flags).data, 'tls'), name, path)
        const principal = `CN=${name}`
        await grant(admin, principal, grantsOf(flags))
        return [
          { name: principal, path },
          `user      ${principal}\nfile      ${path}   (certificate and key)\n`,
        ]
      },
    ),
  ).option('--out <file>', 'where it is written (default: <name>.pem)')
  add('list', 'who there is, and what they may do', async admin => {
    const found = await listUsers(admin)
    return [{ users: found }, found.map(userText).join('') || 'There are no users: tailrace users add NAME\n']
  })
  add('remove <name>', 'a user and its rules; its connections end', async (admin, _, name) => {
    const removed = await removeUser(admin, name)
    return [{ name, ...removed }, `removed   ${name}, and ${removed.rules} rules\n`]
  })
  withPassword(
    add(
      'passwd <name>',
      'another password; connections made with the old one end',
      async (admin, flags, name) => {
        const { password, isNew } = passwordFrom(flags)
        await changePassword(admin, { name, password })
        return [{ name, ...(isNew && { password }) }, told(name, isNew ? password : null)]
      },
    ),
  )
}

async function writeCertificate(directory: string, name: string, path: string): Promise<void> {
  // Others would be escaped in the principal, and rules would be about somebody else.
  if (!/^[\w.@-]{1,64}$/.test(name)) {
    throw new ExitError(exitCodes.usage, `"${name}": letters, digits and . _ @ - only, 64 at most`)
  }
  if (!existsSync(join(directory, 'ca.pem'))) {
    const how = 'It is made by: tailrace up --public HOST'
    throw new ExitError(exitCodes.config, `There is no authority in "${directory}". ${how}`)
  }
  const { issueClientCertificate } = await import('./certificates.ts')
  const { certificate, key } = await issueClientCertificate(directory, name, Date.now())
  try {
    writeFileSync(path, `${certificate}${key}`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    throw new ExitError(exitCodes.config, `Cannot write the certificate: ${(error as Error).message}`)
  }
}

function withRoles(command: Command): Command {
  const role = new Option('--role <role>', 'what it may do; repeat for more').choices(roles)
  // Of several choices commander itself would keep the last.
  const choose = role.parseArg!
  return command
    .addOption(
      role.argParser<Role[]>((value, previous = []) => [
        ...previous,
        choose(value, undefined) as unknown as Role,
      ]),
    )
    .option('--topic <name>', 'of these topics only: a name, or a prefix and a star', '*')
    .option('--group <name>', 'in these groups only: a name, or a prefix and a star', '*')
}

function withPassword(command: Command): Command {
  return command
    .option('--password-stdin', 'read the password from standard input, instead of making one')
    .option('--password-file <file>', 'read the password from a file')
}

function grantsOf({ role = [], topic = '*', group = '*' }: UserFlags): Grant[] {
  return role.map(one => ({ role: one, topic, group }))
}

function passwordFrom({ passwordStdin, passwordFile }: UserFlags) {
  if (!passwordStdin && passwordFile === undefined) return { password: newPassword(), isNew: true }
  let text: string
  try {
    text = readFileSync(passwordFile ?? 0, 'utf8')
  } catch (error) {
    throw new ExitError(exitCodes.usage, `Cannot read the password: ${(error as Error).message}`)
  }
  const password = text.replace(/\r?\n$/, '')
  if (password === '') throw new ExitError(exitCodes.usage, 'The password is empty')
  return { password, isNew: false }
}

function told(name: string, password: string | null): string {
  return password === null
    ? `user      ${name}\n`
    : `user      ${name}\npassword  ${password}   (shown this once)\n`
}

function userText({ name, mechanisms, rules }: User): string {
  const how = mechanisms.length === 0 ? 'no password' : mechanisms.join(', ')
  return [`${name}  ${how}`, ...rules.map(rule => `  ${rule}`)].map(line => `${line}\n`).join('')
}
