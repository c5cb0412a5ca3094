// Rooms as plain JavaScript, line for line: Node strips no types under node_modules, and stripping them while running
// costs memory. Reads this tree, writes below the directory it is given. What releases and the npm package are made of.
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join, relative } from 'node:path'

export const root = join(import.meta.dirname, '..')

/** Everything that runs: the rooms of the server, the agent and the command. */
export const serverRooms = ['agent', 'analytics', 'broker', 'cli', 'fixtures', 'runtime'] as const
export const agentRooms = ['agent', 'analytics', 'broker', 'cli', 'runtime'] as const

/** Files that are run, and those that are read at run time. */
const wanted = /\.(ts|js|sh)$/
const unwanted = /\.test\.ts$|\.d\.ts$|^fixtures\/(samples|wire)\//

export function buildRoom(room: string, directory: string): void {
  for (const entry of readdirSync(join(root, room), { recursive: true, withFileTypes: true })) {
    const from = join(entry.parentPath, entry.name)
    const inside = relative(root, from)
    if (!entry.isFile() || !wanted.test(entry.name) || unwanted.test(inside)) continue
    const to = join(directory, inside).replace(/\.ts$/, '.js')
    mkdirSync(dirname(to), { recursive: true })
    if (from.endsWith('.sh')) cpSync(from, to)
    else writeFileSync(to, builtText(from))
  }
}

function builtText(path: string): string {
  const text = readFileSync(path, 'utf8')
  const script = path.endsWith('.ts') ? stripTypeScriptTypes(text) : text
  return script.replaceAll(/'([\w./-]+)\.ts'/g, "'$1.js'")
}
