// Where Node keeps what it compiled: a directory of the user's own that nobody else can write in. What lies there is
// run, so a place in /tmp that others can make first would let them run code as us. Loaded before everything else.
import { existsSync, lstatSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** The directory, made if need be; null where none can be trusted: then nothing is kept. */
export function compileCacheDirectory(environment: NodeJS.ProcessEnv = process.env): string | null {
  const given = environment['NODE_COMPILE_CACHE']
  if (given) return given
  const cache = environment['XDG_CACHE_HOME']
  const base = cache && isAbsolute(cache) ? cache : join(environment['HOME'] || homedir(), '.cache')
  const directory = join(base, 'tailrace', 'compiled')
  try {
    // One by one: a recursive mkdir never returns where a parent refuses, as in /proc.
    for (const path of [base, join(base, 'tailrace'), directory])
      if (!existsSync(path)) mkdirSync(path, { mode: 0o700 })
    return isOurs(join(base, 'tailrace')) && isOurs(directory) ? directory : null
  } catch {
    return null
  }
}

/** A directory, not a link to one; ours; and nobody else may write in it. */
function isOurs(path: string): boolean {
  const found = lstatSync(path)
  const owner = process.getuid?.()
  return found.isDirectory() && (owner === undefined || found.uid === owner) && (found.mode & 0o022) === 0
}
