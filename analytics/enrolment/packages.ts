// The agents that this appliance hands out: `tailrace-agent-<system>-<processor>.tar.gz` in one directory, made by a
// release. Checksums are calculated once for each version of a file.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

export interface AgentPackage {
  /** As in `linux-x64`. */
  readonly platform: string
  readonly file: string
  readonly path: string
  readonly sha256: string
}

const pattern = /^tailrace-agent-([a-z0-9]+-[a-z0-9]+)\.tar\.gz$/
const known = new Map<string, string>()

/** None where there is no such directory. */
export function agentPackages(directory: string): AgentPackage[] {
  let files: string[]
  try {
    files = readdirSync(directory).sort()
  } catch {
    return []
  }
  return files.flatMap(file => {
    const platform = pattern.exec(file)?.[1]
    if (platform === undefined) return []
    const path = join(directory, file)
    return [{ platform, file, path, sha256: sha256Of(path) }]
  })
}

function sha256Of(path: string): string {
  const { mtimeMs, size, ino } = statSync(path)
  const version = `${path} ${ino} ${size} ${mtimeMs}`
  let sum = known.get(version)
  if (sum === undefined) {
    sum = createHash('sha256').update(readFileSync(path)).digest('hex')
    known.set(version, sum)
  }
  return sum
}
