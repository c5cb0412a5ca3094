// A port for clients that come from elsewhere: TLS 1.2 or newer, and whoever comes says who it is by certificate or by
// SASL. Certificates are read from files, and read again when those change: open connections keep the old ones.
import { constants, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import type { Log } from '../runtime/log.ts'
import type { TlsListenerConfig } from './config.ts'
import { bindTo } from './listen-address.ts'
import { type Certified, certifiedBy } from './security/certified.ts'
import type { Door } from './security/security.ts'

export interface TlsDoorOptions {
  readonly log: Log
  /** From the first byte to the end of the handshake. */
  readonly handshakeMs: number
  /** False: there is no room for one more, and it has been destroyed. */
  mayEnter(socket: Socket): boolean
  /** One that was let in is through its handshake, or has gone. */
  left(address: string): void
  /** After the handshake. */
  onSocket(socket: TLSSocket, door: Door, certified: Certified | null): void
  refused(client: string, reason: string): void
}

interface Material {
  readonly cert: string
  readonly key: string
  readonly ca?: string
}

const minVersion = 'TLSv1.2'
// Without tickets every connection shows its certificate anew: none comes in by one that has expired meanwhile.
const secureOptions = constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION

export class TlsDoor {
  readonly #config: TlsListenerConfig
  readonly #options: TlsDoorOptions
  readonly #door: Door
  readonly #net: NetServer
  readonly #tls: TlsServer
  /** With where they come from: a socket that has ended does not know any more. */
  readonly #handshaking = new Map<Socket, string>()
  /** As the files were when they were looked at last, good or bad. */
  #seen: string

  /** Throws ExitError where the files cannot be read or used. */
  constructor(config: TlsListenerConfig, options: TlsDoorOptions) {
    this.#config = config
    this.#options = options
    this.#door = { isEncrypted: true, isLoopback: false, listener: config.name }
    try {
      const material = this.#read()
      this.#seen = JSON.stringify(material)
      const asks = { requestCert: config.clientAuthority !== undefined, rejectUnauthorized: false }
      const handshakeTimeout = options.handshakeMs
      this.#tls = createTlsServer({ ...material, ...asks, minVersion, secureOptions, handshakeTimeout })
    } catch (error) {
      const { certificate, name } = config
      const why = (error as Error).message
      const message = `Cannot use the certificate of listener ${name}, ${certificate}: ${why}`
      throw new ExitError(exitCodes.config, message, { cause: error })
    }
    this.#tls.on('secureConnection', socket => this.#onSecure(socket))
    this.#tls.on('tlsClientError', (error, socket) => {
      options.refused(socket.remoteAddress ?? 'unknown', `no TLS: ${error.message}`)
      socket.destroy()
    })
    this.#net = createNetServer({ noDelay: true }, socket => this.#onRaw(socket))
  }

  listen(): Promise<number> {
    const { host, port } = this.#config
    return bindTo(this.#net, host, port, '--public-kafka-port')
  }

  /** Looks whether the files hold other certificates. Those that cannot be used are not, and that is said once. */
  reload(): void {
    const { log } = this.#options
    const { name: listener } = this.#config
    let seen = ''
    try {
      const material = this.#read()
      seen = JSON.stringify(material)
      if (seen === this.#seen) return
      this.#tls.setSecureContext({ ...material, minVersion, secureOptions })
      const { validTo, fingerprint256 } = new X509Certificate(material.cert)
      log.info('certificates read anew', { listener, validTo, fingerprint256 })
    } catch (error) {
      if (seen !== this.#seen) {
        log.error('new certificates cannot be used, the old ones stay in force', { listener, error })
      }
    }
    this.#seen = seen
  }

  close(): void {
    this.#net.close()
    for (const socket of this.#handshaking.keys()) socket.destroy()
  }

  #read(): Material {
    const { certificate, key, clientAuthority } = this.#config
    const authority = clientAuthority === undefined ? {} : { ca: readFileSync(clientAuthority, 'utf8') }
    return { cert: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8'), ...authority }
  }

  #onRaw(socket: Socket): void {
    if (!this.#options.mayEnter(socket)) return
    this.#handshaking.set(socket, socket.remoteAddress ?? '')
    socket.on('error', () => {})
    socket.once('close', () => this.#handshakeOver(socket))
    this.#tls.emit('connection', socket)
  }

  #handshakeOver(raw: Socket): void {
    const address = this.#handshaking.get(raw)
    if (address !== undefined && this.#handshaking.delete(raw)) this.#options.left(address)
  }

  #onSecure(socket: TLSSocket): void {
    const { remoteAddress, remotePort } = socket
    // Node gives no way from a socket to the one below it, but they have one address.
    for (const raw of this.#handshaking.keys()) {
      if (raw.remotePort === remotePort && raw.remoteAddress === remoteAddress) this.#handshakeOver(raw)
    }
    const peer = socket.getPeerX509Certificate()
    const client = remoteAddress ?? 'unknown'
    // Whoever shows a certificate means to be known by it, and is not taken for somebody without one.
    if (peer && !socket.authorized) {
      this.#options.refused(client, `certificate refused: ${socket.authorizationError}`)
      socket.destroy()
    } else if (!peer && this.#config.requiresCertificate) {
      this.#options.refused(client, 'no certificate was shown')
      socket.destroy()
    } else this.#options.onSocket(socket, this.#door, peer ? certifiedBy(peer.subject) : null)
  }
}
