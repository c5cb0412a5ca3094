// The way to a broker below Kafka's protocol: a TCP socket, or TLS over one. With TLS the other end proves who it is,
// by an authority that is known, or by the fingerprint of one: then the authority is asked for first, and believed
// only if it has that fingerprint.
import { X509Certificate } from 'node:crypto'
import { connect as connectSocket, isIP, type Socket } from 'node:net'
import { connect as connectTls, type DetailedPeerCertificate } from 'node:tls'
import type { FrameAllocator } from '../protocol/frame.ts'

export interface LentMemory extends FrameAllocator {
  /** What arrives is read into it. */
  readonly readBuffer: Buffer
}

/** Texts in PEM. */
export interface TlsOptions {
  /** Who may vouch for brokers; without it and without a fingerprint the authorities that Node knows. */
  readonly ca?: string
  /** SHA-256 of the authority's certificate, in hexadecimal digits, with or without colons. */
  readonly caFingerprint?: string
  /** Who we are, where brokers take certificates. */
  readonly certificate?: string
  readonly key?: string
  /** The name on the broker's certificate, where it is not the one it is reached by. */
  readonly servername?: string
}

export interface SocketOptions {
  readonly host: string
  readonly port: number
  readonly connectTimeoutMs: number
  readonly lending: LentMemory | null
  /** As a function it is asked for each connection: files may have been renewed. */
  readonly tls?: TlsOptions | (() => TlsOptions)
}

export interface OpenSocket {
  readonly socket: Socket
  /** Told once the connection is there to hear it. */
  readonly reads: { onBytes: (chunk: Buffer) => void }
}

const minVersion = 'TLSv1.2'

/** Rejects with what the system says, or after the time-out. */
export async function openSocket(options: SocketOptions): Promise<OpenSocket> {
  const { tls } = options
  if (!tls) return connected(options, null)
  const wanted = typeof tls === 'function' ? tls() : tls
  const { ca, caFingerprint } = wanted
  if (ca !== undefined || caFingerprint === undefined) return connected(options, wanted)
  return connected(options, { ...wanted, ca: await authorityOf(options, caFingerprint) })
}

/** `SHA256` fingerprints in one form. */
function plainFingerprint(text: string): string {
  return text
    .replace(/^sha-?256:/i, '')
    .replaceAll(':', '')
    .toLowerCase()
}

function connected(options: SocketOptions, tls: TlsOptions | null): Promise<OpenSocket> {
  const { host, port, lending } = options
  const reads: OpenSocket['reads'] = { onBytes: () => undefined }
  if (tls) {
    const { ca, certificate: cert, key } = tls
    const identity = {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert, key: key ?? cert }),
    }
    const socket = connectTls({ host, port, minVersion, ...servername(host, tls), ...identity })
    socket.on('data', chunk => reads.onBytes(chunk))
    return settled(socket, 'secureConnect', options.connectTimeoutMs).then(() => ({ socket, reads }))
  }
  const callback = (count: number, bytes: Uint8Array): boolean => {
    reads.onBytes(bytes.subarray(0, count) as Buffer)
    return true
  }
  const onread = lending && { buffer: lending.readBuffer, callback }
  const socket = connectSocket({ host, port, ...(onread && { onread }) })
  if (!onread) socket.on('data', chunk => reads.onBytes(chunk))
  return settled(socket, 'connect', options.connectTimeoutMs).then(() => ({ socket, reads }))
}

function servername(host: string, { servername: wanted }: TlsOptions): { servername?: string } {
  if (wanted !== undefined) return { servername: wanted }
  // An address is no name (RFC 6066); it is compared with the addresses on the certificate.
  return isIP(host) ? {} : { servername: host }
}

function settled(socket: Socket, event: 'connect' | 'secureConnect', timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      clearTimeout(timer)
      socket.destroy()
      reject(error)
    }
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    socket.once('error', fail)
    // Node tells of a connection that ends in the middle of a handshake by its end alone, at times.
    const onClose = () => fail(new Error('the connection was closed'))
    socket.once('close', onClose)
    socket.once(event, () => {
      clearTimeout(timer)
      socket.off('error', fail)
      socket.off('close', onClose)
      resolve()
    })
  })
}

/** By fingerprint, what was found once. */
const authorities = new Map<string, string>()

async function authorityOf(options: SocketOptions, fingerprint: string): Promise<string> {
  const wanted = plainFingerprint(fingerprint)
  const known = authorities.get(wanted)
  if (known !== undefined) return known
  const { host, port } = options
  // Nothing is sent on this connection, and nothing believed but what has the fingerprint.
  const socket = connectTls({ host, port, minVersion, rejectUnauthorized: false, ...servername(host, {}) })
  await settled(socket, 'secureConnect', options.connectTimeoutMs)
  const seen = new Set<DetailedPeerCertificate>()
  let found: X509Certificate | null = null
  for (let one = socket.getPeerCertificate(true); one?.raw && !seen.has(one); one = one.issuerCertificate) {
    seen.add(one)
    if (plainFingerprint(one.fingerprint256) === wanted) found = new X509Certificate(one.raw)
  }
  socket.on('error', () => undefined).destroy()
  if (!found?.ca) throw new Error(`no authority with the fingerprint ${fingerprint} vouches for it`)
  authorities.set(wanted, found.toString())
  return found.toString()
}
