// What a CPU profile of the broker says about one kind of work: the share of samples in the checksum, in copying bytes,
// in system calls, and in code of our own. Reads the files that `node --cpu-prof` leaves; idle time is left out.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  readonly children?: readonly number[]
}

interface Profile {
  readonly nodes: readonly ProfileNode[]
  /** Microseconds of the monotonic clock. */
  readonly startTime: number
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

export const kinds = ['CRC', 'copy', 'system calls', 'collector', 'node', 'ours'] as const
export type Kind = (typeof kinds)[number]

export interface Summary {
  readonly shares: Readonly<Record<Kind, number>>
  /** Our own functions that were on top most, and Node's. */
  readonly busiest: readonly { readonly name: string; readonly share: number }[]
}

const systemCalls: ReadonlySet<string> = new Set([
  ...['(program)', 'writeBuffer', 'writeBuffers', 'writev', 'writeUtf8String', 'writeLatin1String'],
  ...[
    'read',
    'readSync',
    'writeSync',
    'fdatasync',
    'fsync',
    'ftruncate',
    'sendfile',
    'readStart',
    'readStop',
  ],
  ...['shutdown', 'open', 'close', 'fstat', 'writeString'],
])
const copies: ReadonlySet<string> = new Set([
  'copy',
  '_copyActual',
  'copyArrayBuffer',
  'set',
  'concat',
  'fill',
])

/** Of the broker's main thread, which is the largest of the profiles in the directory. */
export function readProfile(directory: string): Profile {
  const profiles = readdirSync(directory)
    .filter(name => name.endsWith('.cpuprofile'))
    .map(name => readFileSync(join(directory, name), 'utf8'))
    .filter(text => text.includes('/broker/connection.ts'))
    .sort((one, other) => other.length - one.length)
  if (profiles.length === 0) throw new Error(`No profile of a broker in ${directory}`)
  return JSON.parse(profiles[0]!) as Profile
}

/** Of the samples within these microseconds of the monotonic clock. */
export function summarise(profile: Profile, [fromUs, toUs]: readonly [number, number]): Summary {
  const byId = new Map(profile.nodes.map(node => [node.id, node]))
  const parents = new Map<number, ProfileNode>()
  for (const node of profile.nodes) for (const child of node.children ?? []) parents.set(child, node)
  const weights = new Map<Kind, number>(kinds.map(kind => [kind, 0]))
  const functions = new Map<string, number>()
  let total = 0
  let atUs = profile.startTime
  for (const [index, id] of profile.samples.entries()) {
    const tookUs = profile.timeDeltas[index]!
    atUs += tookUs
    const node = byId.get(id)!
    if (atUs < fromUs || atUs > toUs || node.callFrame.functionName === '(idle)') continue
    const kind = kindOf(node, parents.get(id))
    total += tookUs
    weights.set(kind, weights.get(kind)! + tookUs)
    const name = nameOf(node, kind)
    functions.set(name, (functions.get(name) ?? 0) + tookUs)
  }
  const shares = Object.fromEntries(kinds.map(kind => [kind, weights.get(kind)! / Math.max(1, total)]))
  const busiest = [...functions]
    .sort(([, one], [, other]) => other - one)
    .slice(0, 20)
    .map(([name, took]) => ({ name, share: took / Math.max(1, total) }))
  return { shares: shares as Record<Kind, number>, busiest }
}

/** Native functions are on top by their own name, or as the function of ours that called them. */
function kindOf({ callFrame }: ProfileNode, parent: ProfileNode | undefined): Kind {
  const { functionName, url } = callFrame
  const callerUrl = parent?.callFrame.url ?? ''
  if (functionName === '(garbage collector)') return 'collector'
  if (url.endsWith('/crc32c.ts') || functionName.startsWith('crc32') || callerUrl.endsWith('/crc32c.ts')) {
    return 'CRC'
  }
  if (url.endsWith('/broker/sendfile.ts') || callerUrl.endsWith('/broker/sendfile.ts')) return 'system calls'
  const isNative = url === '' || url.startsWith('node:')
  if (isNative && copies.has(functionName)) return 'copy'
  if (url === '' && systemCalls.has(functionName)) return 'system calls'
  return isNative ? 'node' : 'ours'
}

function nameOf({ callFrame }: ProfileNode, kind: Kind): string {
  const file = callFrame.url.split('/').slice(-2).join('/')
  const line = file === '' ? '' : ` ${file}:${callFrame.lineNumber + 1}`
  return `${kind}: ${callFrame.functionName || '(anonymous)'}${line}`
}
