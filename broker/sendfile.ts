// sendfile(2), which Node does not offer: page cache to socket without a copy through this process. Measured, it
// serves a gigabyte for about a third of the CPU of read and write. Linux only, plaintext only; null elsewhere.
import { createRequire } from 'node:module'
import { constants } from 'node:os'

/** Returns the bytes sent, 0 when the socket takes no more for now, -1 when it is broken. */
export type Sendfile = (socketFd: number, fileFd: number, position: number, length: number) => number

let loaded: Sendfile | null | undefined

/** Loaded when first asked for, which is after the start. */
export function findSendfile(): Sendfile | null {
  if (loaded === undefined) loaded = load()
  return loaded
}

function load(): Sendfile | null {
  if (process.platform !== 'linux' || process.env['TAILRACE_SENDFILE'] === '0') return null
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
    const call = koffi
      .load(null)
      .func('int64_t sendfile(int out_fd, int in_fd, _Inout_ int64_t *offset, size_t count)')
    const offset = new BigInt64Array(1)
    return (socketFd, fileFd, position, length) => {
      offset[0] = BigInt(position)
      const sent = Number(call(socketFd, fileFd, offset, length))
      if (sent >= 0) return sent
      return koffi.errno() === constants.errno.EAGAIN ? 0 : -1
    }
  } catch {
    // No koffi for this machine: the bytes go the other way, and the metrics show it.
    return null
  }
}
