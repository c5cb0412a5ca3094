// How entries lie in ZooKeeper. An entry is two nodes: the node of its key, which holds the value, and below that a
// marker named by a nonce that no other life of the key ever has; an ephemeral entry's marker is an ephemeral node.
//
//   /chroot                             {"format":1}
//   /chroot/brokers:ids:1               "k3J9…(16)" newline value        a key's "/" is written ":"
//   /chroot/brokers:ids:1/k3J9…         empty: this life of the key goes on
//
// ZooKeeper's versions start again at 0 when a node is deleted and created, and would let a guard of the earlier
// life pass. A version of ours is nonce and node version, checked on both nodes, so it never comes back. A node
// without its marker is what a session that ended left behind: absent for readers, deleted by the next create.
import type { Entry, Version } from '../store.ts'
import type { MultiOperation, Stat } from './protocol.ts'

export const formatText = '{"format":1}'
/** 12 random bytes in base64url. */
const nonceLength = 16
const newline = 0x0a

export function pathOfKey(chroot: string, key: string): string {
  return `${chroot}/${nameOfKey(key)}`
}

/** ZooKeeper refuses some characters in names, and has meanings for "." and "..". */
export function nameOfKey(key: string): string {
  if (key === '') return '%'
  if (key === '.' || key === '..') return key.replaceAll('.', '%2E')
  let name = ''
  for (const byte of Buffer.from(key, 'utf8')) {
    const character = String.fromCharCode(byte)
    if (character === '/') name += ':'
    else if (/[\w.-]/.test(character)) name += character
    else name += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return name
}

/** Null for a name that is none of ours. */
export function keyOfName(name: string): string | null {
  if (name === '%') return ''
  try {
    const key = decodeURIComponent(name.replaceAll(':', '/'))
    return nameOfKey(key) === name ? key : null
  } catch {
    return null
  }
}

/** The key whose node or marker has this path. */
export function keyOfPath(chroot: string, path: string): string | null {
  if (!path.startsWith(`${chroot}/`)) return null
  return keyOfName(path.slice(chroot.length + 1).split('/', 1)[0]!)
}

export function encodeData(nonce: string, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${nonce}\n`), value])
}

/** Null when the node is what an ended session left, or none of ours. */
export function entryOf(key: string, data: Buffer, stat: Stat): Entry | null {
  if (stat.childCount === 0 || data.length <= nonceLength || data[nonceLength] !== newline) return null
  const nonce = data.toString('latin1', 0, nonceLength)
  return {
    key,
    // Copied: the frame it lies in may hold much more.
    value: Buffer.from(data.subarray(nonceLength + 1)),
    version: versionOf(nonce, stat.version),
    position: stat.mzxid,
  }
}

export function versionOf(nonce: string, nodeVersion: number): Version {
  return `${nonce}.${nodeVersion}` as Version
}

export interface ParsedVersion {
  readonly nonce: string
  readonly nodeVersion: number
}

/** Null for a version that this store cannot have given. */
export function parseVersion(version: Version): ParsedVersion | null {
  const match = /^([\w-]{16})\.(\d{1,10})$/.exec(version)
  return match ? { nonce: match[1]!, nodeVersion: Number(match[2]) } : null
}

/** Both nodes are as they were in that write. */
export function checkOperations(path: string, { nonce, nodeVersion }: ParsedVersion): MultiOperation[] {
  return [
    { type: 'check', path, version: nodeVersion },
    { type: 'check', path: `${path}/${nonce}`, version: 0 },
  ]
}
