// `tailrace install` and `uninstall`: from an unpacked archive to a running service, and back. Each is a list of steps
// that are said before they are done, so that --dry-run is the same list unsaid. Touches only its own places.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import { firstSettings, type ServerPlaces, serverPlaces, serverUser, unitText } from './server-unit.ts'

interface Flags {
  readonly prefix?: string
  readonly dryRun?: boolean
  readonly public?: string
  readonly purge?: string
}

interface Step {
  readonly words: string
  run(): void
}

/** The unpacked archive, or the package, that this command is part of. */
const here = resolve(import.meta.dirname, '..')

export function addInstallCommands(program: Command): void {
  const shared = (command: Command) =>
    command
      .option('--prefix <directory>', 'below this directory instead of /; without a user and a service')
      .option('--dry-run', 'say what would be done, and do nothing')
  shared(program.command('install'))
    .description('set this archive up as a service: user, directories, systemd unit')
    .option('--public <host>', 'let others in by this name or address of the machine')
    .action((flags: Flags) => install(flags))
  shared(program.command('uninstall'))
    .description('take the service away; data and configuration stay')
    .option('--purge <directory>', 'take the data away too: name its directory, to be sure')
    .action((flags: Flags) => uninstall(flags))
}

async function install(flags: Flags): Promise<void> {
  const prefix = flags.prefix === undefined ? '' : resolve(flags.prefix)
  const places = serverPlaces(prefix)
  needRoot(flags)
  if (!existsSync(join(here, 'bin/tailrace')) || !existsSync(join(here, 'node'))) {
    const advice = 'Unpack tailrace-…-linux-….tar.gz and run its bin/tailrace install'
    throw new ExitError(
      exitCodes.config,
      `Cannot install from ${here}: it holds no Node of its own. ${advice}`,
    )
  }
  const isService = prefix === ''
  carryOut(
    [
      ...(isService ? userSteps(places) : []),
      ...copySteps(places),
      ...settingsSteps(places, flags.public, isService),
      ...(isService ? [] : [made(places.data)]),
      ...(isService ? serviceSteps(places) : []),
    ],
    flags,
  )
  if (flags.dryRun) return
  if (isService) await stayUp()
  say(`installed in ${places.home}; configuration ${places.settings}; data ${places.data}`)
  say(
    isService
      ? `it runs. A link to sign in: sudo -u ${serverUser} ${places.home}/bin/tailrace login-link --data ${places.data}`
      : `start it with: ${places.home}/bin/tailrace up --config ${places.settings} --data ${places.data}`,
  )
}

function uninstall(flags: Flags): void {
  const prefix = flags.prefix === undefined ? '' : resolve(flags.prefix)
  const places = serverPlaces(prefix)
  needRoot(flags)
  if (flags.purge !== undefined && resolve(flags.purge) !== places.data) {
    throw new ExitError(
      exitCodes.usage,
      `Nothing was removed: the data lies in ${places.data}, not in ${resolve(flags.purge)}`,
    )
  }
  const isService = prefix === ''
  const isPurged = flags.purge !== undefined
  carryOut(
    [
      ...(isService
        ? [
            command('systemctl', 'disable', '--now', '--quiet', 'tailrace'),
            removed(places.unit),
            command('systemctl', 'daemon-reload'),
          ]
        : []),
      removed(places.home),
      ...(isPurged ? [removed(places.data), removed(places.settings)] : []),
      ...(isPurged && isService ? [command('userdel', serverUser)] : []),
    ],
    flags,
  )
  if (!isPurged) {
    say(`kept: ${places.settings}, ${places.data}${isService ? `, the user ${serverUser}` : ''}`)
    say(`take the data away too with: tailrace uninstall --purge ${places.data}`)
  }
}

function needRoot(flags: Flags): void {
  if (flags.prefix !== undefined || flags.dryRun) return
  if (process.getuid?.() !== 0) {
    throw new ExitError(
      exitCodes.usage,
      'This needs root: run it with sudo, or below a directory with --prefix DIR',
    )
  }
  if (!existsSync('/run/systemd/system')) {
    const advice = 'Without one: --prefix DIR, and start it yourself'
    throw new ExitError(
      exitCodes.unavailable,
      `This host has no systemd to start the service with. ${advice}`,
    )
  }
}

function carryOut(steps: readonly Step[], { dryRun }: Flags): void {
  for (const step of steps) {
    if (dryRun) process.stdout.write(`+ ${step.words}\n`)
    else step.run()
  }
}

function userSteps({ data }: ServerPlaces): Step[] {
  const isKnown = spawnSync('id', [serverUser], { stdio: 'ignore' }).status === 0
  const hasLogGroup = spawnSync('getent', ['group', 'adm'], { stdio: 'ignore' }).status === 0
  const shell = ['--home-dir', data, '--no-create-home', '--shell', '/usr/sbin/nologin']
  return [
    ...(isKnown ? [] : [command('useradd', '--system', '--user-group', ...shell, serverUser)]),
    ...(hasLogGroup ? [command('usermod', '-a', '-G', 'adm', serverUser)] : []),
  ]
}

/** In one step from the old one to the new: what runs goes on until it is started anew. */
function copySteps({ home }: ServerPlaces): Step[] {
  if (here === home) return []
  return [
    {
      words: `copy ${here} to ${home}`,
      run() {
        const fresh = `${home}.new`
        const old = `${home}.old`
        for (const path of [fresh, old]) rmSync(path, { recursive: true, force: true })
        mkdirSync(dirname(home), { recursive: true })
        // Not what the archive's own directory may hold besides: data of a trial, for one.
        cpSync(here, fresh, { recursive: true, filter: from => !/^data(\/|$)/.test(relative(here, from)) })
        if (existsSync(home)) renameSync(home, old)
        renameSync(fresh, home)
        rmSync(old, { recursive: true, force: true })
      },
    },
  ]
}

function settingsSteps(
  { settings }: ServerPlaces,
  publicHost: string | undefined,
  isService: boolean,
): Step[] {
  if (existsSync(settings)) return []
  return [
    {
      words: `write ${settings}`,
      run() {
        mkdirSync(dirname(settings), { recursive: true })
        writeFileSync(settings, firstSettings(publicHost))
        chmodSync(settings, 0o640)
      },
    },
    ...(isService ? [command('chown', `root:${serverUser}`, settings)] : []),
  ]
}

function serviceSteps(places: ServerPlaces): Step[] {
  return [
    {
      words: `write ${places.unit}:\n${unitText(places)}`,
      run: () => writeFileSync(places.unit, unitText(places)),
    },
    command('systemctl', 'daemon-reload'),
    command('systemctl', 'enable', '--quiet', 'tailrace'),
    command('systemctl', 'restart', 'tailrace'),
  ]
}

/** A service that falls over at once is not installed. */
async function stayUp(): Promise<void> {
  for (let second = 0; second < 5; second++) {
    await pause(1000)
    if (spawnSync('systemctl', ['is-active', '--quiet', 'tailrace']).status === 0) continue
    const said = spawnSync('systemctl', ['--no-pager', '--lines=20', 'status', 'tailrace'], {
      encoding: 'utf8',
    })
    throw new ExitError(
      exitCodes.failed,
      `The service does not run. See journalctl -u tailrace\n${said.stdout}`,
    )
  }
}

function command(name: string, ...args: readonly string[]): Step {
  return {
    words: [name, ...args].join(' '),
    run() {
      const result = spawnSync(name, args, { encoding: 'utf8' })
      if (result.status === 0) return
      const reason = result.error?.message ?? result.stderr.trim()
      throw new ExitError(exitCodes.failed, `\`${[name, ...args].join(' ')}\` failed: ${reason}`)
    },
  }
}

function made(path: string): Step {
  return { words: `make ${path}`, run: () => void mkdirSync(path, { recursive: true, mode: 0o750 }) }
}

function removed(path: string): Step {
  return { words: `remove ${path}`, run: () => rmSync(path, { recursive: true, force: true }) }
}

function say(text: string): void {
  process.stderr.write(`tailrace: ${text}\n`)
}
