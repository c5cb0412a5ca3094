// Makes an agent that needs nothing on its host, as `tailrace-agent-<system>-<processor>.tar.gz`: what the appliance
// hands to hosts that join. Reads this tree; writes below the directory it is given, `release` when it is run by hand.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { type Contents, makeArchive } from './archive.ts'
import { agentRooms, root } from './built-rooms.ts'

export const agentContents: Contents = {
  name: 'tailrace-agent',
  rooms: agentRooms,
  packages: [
    '@node-rs/crc32',
    'better-sqlite3',
    'chokidar',
    'commander',
    'lz4-napi',
    'snappy',
    'yaml',
    'zod',
    'zstd-napi',
  ],
}

/** Returns the path of the archive. `level` is gzip's. */
export function packAgent(directory: string, level = 9): string {
  return makeArchive(agentContents, directory, level)
}

if (import.meta.main) {
  const path = packAgent(join(root, 'release'))
  const size = execFileSync('du', ['-h', path], { encoding: 'utf8' }).split('\t')[0]
  console.log(`${path}  ${size}`)
}
