// Archives that need nothing where they are unpacked: Node, the rooms as JavaScript, the packages they import with
// their native modules, all of this system and processor. The same tree gives the same bytes. Reads this tree; writes
// below the directory it is given.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { buildRoom, root } from './built-rooms.ts'

export interface Contents {
  /** `tailrace-agent` makes `tailrace-agent-linux-x64.tar.gz`. */
  readonly name: string
  readonly rooms: readonly string[]
  /** What those import at run time; what they need in turn comes along. */
  readonly packages: readonly string[]
  /** Files and directories besides, from where they are to where they go. */
  readonly others?: readonly (readonly [from: string, to: string])[]
}

export const platform = `${process.platform}-${process.arch}`
const codeEndings = new Set(['.js', '.cjs', '.mjs', '.json', '.node'])

const launcher = `#!/bin/sh
# The tailrace command, by the Node that lies beside it.
home=$(dirname "$(dirname "$(readlink -f "$0")")")
# Where the system has no C++ library, ours; where it has one, that is the newer of the two.
"$home/node" -v >/dev/null 2>&1 || export LD_LIBRARY_PATH="$home/lib\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec "$home/node" --disable-warning=ExperimentalWarning "$home/cli/tailrace.js" "$@"
`

/** Returns the path of the archive. `level` is gzip's. */
export function makeArchive(contents: Contents, directory: string, level = 9): string {
  const work = mkdtempSync(join(tmpdir(), 'tailrace-pack-'))
  try {
    for (const room of contents.rooms) buildRoom(room, work)
    for (const name of ['package.json', 'LICENSE']) copyFileSync(join(root, name), join(work, name))
    for (const name of closureOf(contents.packages)) copyPackage(name, work)
    for (const [from, to] of contents.others ?? []) cpSync(from, join(work, to), { recursive: true })
    // Node stands beside its own licence, as that asks.
    copyFileSync(process.execPath, join(work, 'node'))
    chmodSync(join(work, 'node'), 0o755)
    copyLibraries(join(work, 'lib'))
    writeFileSync(join(work, 'THIRD-PARTY-LICENCES.txt'), licencesOf(contents.packages))
    mkdirSync(join(work, 'bin'))
    writeFileSync(join(work, 'bin/tailrace'), launcher, { mode: 0o755 })
    mkdirSync(directory, { recursive: true })
    const path = join(directory, `${contents.name}-${platform}.tar.gz`)
    const compress = `--use-compress-program=gzip -n -${level}`
    const steady = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0']
    execFileSync('tar', [...steady, compress, '-cf', `${path}.new`, '-C', work, '.'])
    execFileSync('mv', [`${path}.new`, path])
    return path
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** What Node needs beside the C library, and a bare system has not: C++'s and the compiler's. */
function copyLibraries(directory: string): void {
  mkdirSync(directory)
  const needed = execFileSync('ldd', [process.execPath], { encoding: 'utf8' })
  for (const [, name, path] of needed.matchAll(/(libstdc\+\+\.so\.\d+|libgcc_s\.so\.\d+) => (\S+)/g)) {
    copyFileSync(path!, join(directory, name!))
  }
}

function copyPackage(name: string, work: string): void {
  const from = join(root, 'node_modules', name)
  cpSync(from, join(work, 'node_modules', name), {
    recursive: true,
    dereference: true,
    filter: isCode(from),
  })
}

/** Programs, native modules and licences; not the C they were made of, nor what a build left. */
function isCode(from: string): (path: string) => boolean {
  return path => {
    const inside = path.slice(from.length)
    const prebuilt = /\/prebuilds\/(.+)\.node$/.exec(inside)?.[1]
    if (prebuilt !== undefined) return prebuilt.startsWith(platform)
    if (/\/(deps|docs|test|tests|obj|obj\.target|\.github|node_modules\/\.bin)(\/|$)/.test(inside))
      return false
    return extname(path) === '' || codeEndings.has(extname(path)) || !/\.[a-z]+$/i.test(path)
  }
}

export interface PackageManifest {
  readonly name: string
  readonly version: string
  readonly license?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

export function manifestOf(name: string): PackageManifest {
  return JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')) as PackageManifest
}

/** The packages and all that they need of what is installed. */
export function closureOf(names: readonly string[]): Set<string> {
  const found = new Set<string>()
  const visit = (name: string) => {
    if (found.has(name) || !existsSync(join(root, 'node_modules', name, 'package.json'))) return
    found.add(name)
    const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = manifestOf(name)
    for (const next of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }))
      visit(next)
  }
  for (const name of names) visit(name)
  return found
}

const licenceNames = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'LICENCE', 'license', 'license.md', 'COPYING']

const libraryNotice =
  'lib/libstdc++.so.6 and lib/libgcc_s.so.1\nGPL-3.0-or-later WITH GCC-exception-3.1\n\n' +
  'The GNU Standard C++ Library and the GCC runtime, unchanged, under the GCC Runtime Library Exception: ' +
  'https://www.gnu.org/licenses/gcc-exception-3.1.html'

/** What every package inside asks to be handed on, and Node's. */
function licencesOf(packages: readonly string[]): string {
  const parts = [...closureOf(packages), nodePackage()].map(name => {
    const { version, license = 'see below' } = manifestOf(name)
    const file = licenceNames.map(one => join(root, 'node_modules', name, one)).find(path => existsSync(path))
    const text = file === undefined ? 'The package holds no text of it.' : readFileSync(file, 'utf8').trim()
    return `${name} ${version}\n${license}\n\n${text}\n`
  })
  parts.push(`${libraryNotice}\n`)
  return parts.join(`\n${'-'.repeat(80)}\n\n`)
}

/** The package that Node itself came in. */
export function nodePackage(): string {
  return `node-${platform}`
}
