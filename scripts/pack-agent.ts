// Makes an agent that needs nothing on its host: Node, the sources and the native modules in one archive, as
// `tailrace-agent-<system>-<processor>.tar.gz`. Reads this tree; writes below the directory it is given, `release` when
// it is run by hand.
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
import { agentRooms, buildRoom, root } from './built-rooms.ts'

/** What those import at run time; what they need in turn comes along. */
const packages = [
  '@node-rs/crc32',
  'better-sqlite3',
  'chokidar',
  'commander',
  'lz4-napi',
  'snappy',
  'yaml',
  'zod',
  'zstd-napi',
]
const codeEndings = new Set(['.js', '.cjs', '.mjs', '.json', '.node'])

const launcher = `#!/bin/sh
# The tailrace command, by the Node that lies beside it.
home=$(dirname "$(dirname "$(readlink -f "$0")")")
exec "$home/node" --disable-warning=ExperimentalWarning "$home/cli/tailrace.js" "$@"
`

/** Returns the path of the archive. `level` is gzip's. */
export function packAgent(directory: string, level = 9): string {
  const work = mkdtempSync(join(tmpdir(), 'tailrace-pack-'))
  try {
    for (const room of agentRooms) buildRoom(room, work)
    for (const name of ['package.json', 'LICENSE']) copyFileSync(join(root, name), join(work, name))
    for (const name of closureOf(packages)) {
      const from = join(root, 'node_modules', name)
      cpSync(from, join(work, 'node_modules', name), {
        recursive: true,
        dereference: true,
        filter: isCode(from),
      })
    }
    copyFileSync(process.execPath, join(work, 'node'))
    chmodSync(join(work, 'node'), 0o755)
    mkdirSync(join(work, 'bin'))
    writeFileSync(join(work, 'bin/tailrace'), launcher, { mode: 0o755 })
    mkdirSync(directory, { recursive: true })
    const path = join(directory, `tailrace-agent-${process.platform}-${process.arch}.tar.gz`)
    const compress = `--use-compress-program=gzip -n -${level}`
    const steady = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0']
    execFileSync('tar', [...steady, compress, '-cf', `${path}.new`, '-C', work, '.'])
    execFileSync('mv', [`${path}.new`, path])
    return path
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Programs and native modules; not the C they were made of, nor what a build left. */
function isCode(from: string): (path: string) => boolean {
  return path => {
    const inside = path.slice(from.length)
    const prebuilt = /\/prebuilds\/(.+)\.node$/.exec(inside)?.[1]
    if (prebuilt !== undefined) return prebuilt.startsWith(`${process.platform}-${process.arch}`)
    if (/\/(deps|src|docs|test|tests|obj|obj\.target|\.github|node_modules\/\.bin)(\/|$)/.test(inside)) {
      return /^\/(dist|lib|build\/Release)?\/?.*\.(js|node)$/.test(inside) && !inside.includes('/deps/')
    }
    return extname(path) === '' || codeEndings.has(extname(path)) || !/\.[a-z]+$/i.test(path)
  }
}

/** The packages and all that they need of what is installed. */
function closureOf(names: readonly string[]): Set<string> {
  const found = new Set<string>()
  const visit = (name: string) => {
    const manifest = join(root, 'node_modules', name, 'package.json')
    if (found.has(name) || !existsSync(manifest)) return
    found.add(name)
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8')) as {
      readonly dependencies?: Record<string, string>
      readonly optionalDependencies?: Record<string, string>
    }
    for (const next of Object.keys({ ...dependencies, ...optionalDependencies })) visit(next)
  }
  for (const name of names) visit(name)
  return found
}

if (import.meta.main) {
  const path = packAgent(join(root, 'release'))
  const size = execFileSync('du', ['-h', path], { encoding: 'utf8' }).split('\t')[0]
  console.log(`${path}  ${size}`)
}
