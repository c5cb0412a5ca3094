// The same application for hosts elsewhere: HTTPS with the certificate of the brokers' public port. A renewed one is
// taken up without a restart; one that cannot be read leaves the old one in force.
import { readFileSync, statSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import type { Log } from '../runtime/log.ts'
import type { AnalyticsConfig } from './config.ts'

type OpenConfig = NonNullable<AnalyticsConfig['open']>

export interface OpenDoorServer {
  readonly server: Server
  readonly port: number
  close(): Promise<void>
}

/** Files are small; a renewal has weeks. */
const lookMs = 5_000

export async function openDoor(
  open: OpenConfig,
  listener: RequestListener,
  log: Log,
): Promise<OpenDoorServer> {
  let version = versionOf(open)
  const limits = { requestTimeout: 30_000, headersTimeout: 10_000, handshakeTimeout: 10_000 }
  const server = createServer({ ...limits, minVersion: 'TLSv1.2', ...identityOf(open) }, listener)
  server.maxConnections = 1_000
  const port = await listen(server, open)
  const timer = setInterval(() => {
    try {
      const now = versionOf(open)
      if (now === version) return
      version = now
      server.setSecureContext({ minVersion: 'TLSv1.2', ...identityOf(open) })
      log.info('the certificate was renewed')
    } catch (error) {
      log.warn('a certificate cannot be used, the old one stays', { error: error as Error })
    }
  }, lookMs)
  timer.unref()
  const close = () => {
    clearInterval(timer)
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    setTimeout(() => server.closeAllConnections(), 300).unref()
    server.closeIdleConnections()
    return closed
  }
  return { server, port, close }
}

function identityOf({ certificate, key }: OpenConfig) {
  return { cert: readFileSync(certificate), key: readFileSync(key) }
}

function versionOf({ certificate, key }: OpenConfig): string {
  return [certificate, key]
    .map(path => statSync(path))
    .map(({ ino, mtimeMs, size }) => `${ino} ${mtimeMs} ${size}`)
    .join(' ')
}

function listen(server: Server, { bind, port }: OpenConfig): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') return reject(error)
      const advice = 'Stop what uses it, or choose another with --public-http-port'
      const message = `Cannot listen on ${bind}:${port}: the port is taken. ${advice}`
      reject(new ExitError(exitCodes.config, message))
    })
    server.listen(port, bind, () => resolve((server.address() as AddressInfo).port))
  })
}
