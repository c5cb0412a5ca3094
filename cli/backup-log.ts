// A copy of a broker's log while the broker goes on: what a power cut at that moment might have left, and so what
// recovery knows how to open. Small files that say how far the log is come first, so that they never say more than
// the segments hold; nothing is copied of which a segment went or changed meanwhile. Reads the broker's directory,
// writes the copy.
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { directoryFiles, partitionFiles } from '../broker/log/checkpoints.ts'

const segmentPattern = /^\d{20}\.log$/
const attemptsMax = 8
/** Indexes and snapshots of producers are made anew by recovery, which reads every segment. */
const firstFiles = [
  partitionFiles.metadata,
  partitionFiles.durablePoint,
  partitionFiles.leaderEpochs,
] as const
const brokerFiles = [
  directoryFiles.metaProperties,
  directoryFiles.highWatermarks,
  directoryFiles.logStarts,
  directoryFiles.cleanOffsets,
  'registered-lives',
] as const

/** Copies into the new directory `to`; partitions that are being deleted are left out. */
export function copyBrokerLog(from: string, to: string): void {
  mkdirSync(to, { recursive: true, mode: 0o700 })
  for (const name of brokerFiles) copyIfThere(join(from, name), join(to, name))
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (entry.isDirectory() && /-\d+$/.test(entry.name))
      copyPartition(join(from, entry.name), join(to, entry.name))
  }
}

function copyPartition(from: string, to: string): void {
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    rmSync(to, { recursive: true, force: true })
    if (!existsSync(join(from, partitionFiles.metadata))) return
    mkdirSync(to, { mode: 0o700 })
    for (const name of firstFiles) copyIfThere(join(from, name), join(to, name))
    const before = segmentsIn(from)
    const isWhole = [...before.keys()].every(name => copyIfThere(join(from, name), join(to, name)))
    const after = segmentsIn(from)
    if (isWhole && [...before].every(([name, inode]) => after.get(name) === inode)) return
  }
  rmSync(to, { recursive: true, force: true })
  throw new Error(`Cannot copy "${from}": its segments change faster than they can be read. Try again later`)
}

/** The file behind each name: compaction puts another one there. */
function segmentsIn(directory: string): Map<string, number> {
  if (!existsSync(directory)) return new Map()
  const names = readdirSync(directory).filter(name => segmentPattern.test(name))
  return new Map(
    names.flatMap(name => {
      const status = statSync(join(directory, name), { throwIfNoEntry: false })
      return status ? [[name, status.ino] as const] : []
    }),
  )
}

export function copyIfThere(from: string, to: string): boolean {
  try {
    copyFileSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
