// Reads an accepted socket into one buffer that all sockets share. net.Server always makes sockets that allocate
// 64 KiB per read; the documented `onread` option is for sockets one makes oneself, so the accepted handle is given
// to a socket of our own. Where the handle cannot be had, the accepted socket serves as it is.
import { Socket, type SocketConstructorOpts } from 'node:net'

/** `bytes` are only there until the function returns. */
export type OnBytes = (bytes: Buffer) => void

interface WithHandle {
  _handle: object | null
}

export function adoptSocket(accepted: Socket, buffer: Buffer, onBytes: OnBytes): Socket {
  const withHandle = accepted as unknown as WithHandle
  const handle = withHandle._handle
  if (!handle || process.env['TAILRACE_SHARED_READ'] === '0') {
    accepted.on('data', onBytes)
    return accepted
  }
  const callback = (count: number, bytes: Uint8Array): boolean => {
    onBytes(bytes.length === count ? (bytes as Buffer) : (bytes.subarray(0, count) as Buffer))
    return true
  }
  // The first owner lets go, or it would close the handle when it is collected or ended.
  withHandle._handle = null
  return new Socket({ handle, onread: { buffer, callback } } as SocketConstructorOpts)
}
