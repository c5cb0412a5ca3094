// What a simulated disk holds: files and directories, each as it is seen and as it lies on the medium, and what a
// crash leaves of the difference. Pure values; the randomness is handed in.

/**
 * What a crash keeps of the unsynced operations: none, all in order up to a random one, or any subset;
 * the last kept write may be torn. `process` is a kill -9: the page cache lives on, nothing is lost.
 */
export type CrashMode = 'none' | 'prefix' | 'subset' | 'process'

const sectorBytes = 512

export type Change =
  | { readonly type: 'write'; readonly position: number; readonly bytes: Buffer }
  | { readonly type: 'truncate'; readonly length: number }

export interface File {
  readonly type: 'file'
  /** What reads see: the page cache. */
  view: Buffer
  /** What the medium holds. */
  durable: Buffer
  /** Dirty: in the view, not yet on the medium. */
  changes: Change[]
  modifiedMs: number
}

export interface Directory {
  readonly type: 'directory'
  readonly entries: Map<string, File | Directory>
  durable: Map<string, File | Directory>
  /** Each an atomic step: a rename within the directory is one, of two edits. */
  changes: (readonly Edit[])[]
}

interface Edit {
  readonly name: string
  readonly node: File | Directory | null
}

export function directory(): Directory {
  return { type: 'directory', entries: new Map(), durable: new Map(), changes: [] }
}

export function editEntries(parent: Directory, edits: readonly Edit[]): void {
  apply(parent.entries, edits)
  parent.changes.push(edits)
}

function apply(entries: Map<string, File | Directory>, edits: readonly Edit[]): void {
  for (const { name, node } of edits) {
    if (node) entries.set(name, node)
    else entries.delete(name)
  }
}

export function applied(bytes: Buffer, change: Change): Buffer {
  if (change.type === 'truncate') {
    return change.length <= bytes.length
      ? Buffer.from(bytes.subarray(0, change.length))
      : Buffer.concat([bytes, Buffer.alloc(change.length - bytes.length)])
  }
  const end = change.position + change.bytes.length
  const result =
    end <= bytes.length ? Buffer.from(bytes) : Buffer.concat([bytes, Buffer.alloc(end - bytes.length)])
  change.bytes.copy(result, change.position)
  return result
}

export function settle(file: File, count: number): void {
  for (const change of file.changes.splice(0, count)) file.durable = applied(file.durable, change)
}

export function settleDirectory(node: Directory, count: number): void {
  for (const edits of node.changes.splice(0, count)) apply(node.durable, edits)
}

export function crashDirectory(node: Directory, mode: CrashMode, random: () => number): void {
  const kept = survivors(node.changes, mode, random)
  node.changes = kept
  settleDirectory(node, kept.length)
  node.entries.clear()
  for (const [name, entry] of node.durable) {
    node.entries.set(name, entry)
    if (entry.type === 'directory') crashDirectory(entry, mode, random)
    else crashFile(entry, mode, random)
  }
}

function crashFile(file: File, mode: CrashMode, random: () => number): void {
  const kept = survivors(file.changes, mode, random)
  const last = kept.at(-1)
  if (last?.type === 'write' && last.bytes.length > sectorBytes && random() < 0.5) {
    const sectors = Math.floor(random() * Math.ceil(last.bytes.length / sectorBytes))
    kept[kept.length - 1] = { ...last, bytes: last.bytes.subarray(0, sectors * sectorBytes) }
  }
  file.changes = kept
  settle(file, kept.length)
  file.view = Buffer.from(file.durable)
}

function survivors<T>(changes: readonly T[], mode: CrashMode, random: () => number): T[] {
  if (mode === 'prefix') return changes.slice(0, Math.floor(random() * (changes.length + 1)))
  if (mode === 'subset') return changes.filter(() => random() < 0.5)
  return []
}

/** Bytes of all files below. */
export function usedBytes(node: Directory): number {
  let bytes = 0
  for (const entry of node.entries.values()) {
    bytes += entry.type === 'directory' ? usedBytes(entry) : entry.view.length
  }
  return bytes
}
