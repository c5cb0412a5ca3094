// Where a port may be opened, and what is said when it cannot be. What only this machine reaches needs no guard; for
// all other addresses there are TLS and authentication, or nothing.
import type { Server } from 'node:net'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

/** Plain listeners are for this machine alone. */
export function refuseOpenAddress(host: string): void {
  if (isLoopback(host)) return
  throw new ExitError(
    exitCodes.config,
    `Cannot listen on ${host}: without TLS and authentication only loopback addresses are served. ` +
      'Open a port for others with: tailrace up --public HOST, and make users with: tailrace users add NAME',
  )
}

/** Resolves with the port; a taken one is an ExitError that names the flag to change. */
export function bindTo(server: Server, host: string, port: number, flag: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, port, flag)))
    server.listen({ host, port, backlog: 511 }, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number, flag: string): Error {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'the port is taken by another process',
    EACCES: 'the port is not allowed for this user',
    EADDRNOTAVAIL: 'this machine has no such address',
  }
  const why = reasons[error.code ?? '']
  if (why === undefined) return error
  const sentence = `Cannot listen on ${host}:${port}: ${why}. Choose another with ${flag}`
  return new ExitError(exitCodes.config, sentence, { cause: error })
}
