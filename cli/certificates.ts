// A private authority and what it vouches for: made at the first `--public`, renewed long before anything expires.
// Everything lies in one directory; private keys are their owner's alone. Each file is replaced in one step, and the
// certificate of the brokers shares one with its key, so that whoever reads them anew never sees two that do not fit.
import 'reflect-metadata'
import { X509Certificate as NodeCertificate, randomBytes, webcrypto } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { brokersUnit } from '../broker/security/certified.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'

cryptoProvider.set(webcrypto as unknown as Crypto)

export interface CertificateFiles {
  /** The authority's certificate: what clients need. */
  readonly ca: string
  /** Certificate, authority and key of this machine's brokers. */
  readonly server: string
  /** SHA-256 of the authority's certificate. */
  readonly fingerprint: string
  readonly serverValidTo: Date
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const dayMs = 86_400_000
const authorityMs = 3_650 * dayMs
const serverMs = 90 * dayMs
/** With this much left it is renewed. */
const renewalMs = 30 * dayMs
/** Clocks differ. */
const backdatedMs = 3_600_000

/** Makes what is missing, renews what is about to expire or names other hosts. `hosts` are names or addresses. */
export async function ensureCertificates(
  directory: string,
  hosts: readonly string[],
  nowMs: number,
): Promise<CertificateFiles> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const authority = await authorityIn(directory, nowMs)
  const ca = join(directory, 'ca.pem')
  const server = join(directory, 'server.pem')
  const names = [...new Set([...hosts, 'localhost', '127.0.0.1'])]
  if (!isGood(server, authority.certificate, names, nowMs)) {
    const subject = [{ CN: [hosts[0] ?? 'localhost'] }, { OU: [brokersUnit] }]
    const issued = await issue(authority, { subject, names, isServer: true, lifeMs: serverMs }, nowMs)
    const chain = `${issued.certificate}${authority.certificate.toString('pem')}\n`
    replace(server, `${chain}${issued.key}`)
  }
  const { fingerprint256 } = new NodeCertificate(readFileSync(ca))
  const { validToDate } = new NodeCertificate(readFileSync(server))
  return { ca, server, fingerprint: fingerprint256, serverValidTo: validToDate }
}

/** For a client that shows a certificate instead of a password: the principal is `User:CN=<name>`. */
export async function issueClientCertificate(directory: string, name: string, nowMs: number) {
  const authority = await authorityIn(directory, nowMs)
  return issue(authority, { subject: [{ CN: [name] }], names: [], isServer: false, lifeMs: serverMs }, nowMs)
}

interface Authority {
  readonly certificate: X509Certificate
  readonly key: CryptoKey
}

interface Wish {
  /** Most general part last. */
  readonly subject: readonly Readonly<Record<string, string[]>>[]
  readonly names: readonly string[]
  readonly isServer: boolean
  readonly lifeMs: number
}

async function authorityIn(directory: string, nowMs: number): Promise<Authority> {
  const [certificatePath, keyPath] = [join(directory, 'ca.pem'), join(directory, 'ca.key')]
  if (existsSync(certificatePath)) {
    const certificate = new X509Certificate(readFileSync(certificatePath, 'utf8'))
    if (certificate.notAfter.getTime() < nowMs) {
      throw new ExitError(
        exitCodes.config,
        `The authority ${certificatePath} has expired: move ${directory} away, and give clients the new ca.pem`,
      )
    }
    if (!existsSync(keyPath)) {
      throw new ExitError(
        exitCodes.config,
        `${keyPath} is missing, which signs certificates: copy it from where ${certificatePath} was made`,
      )
    }
    return { certificate, key: await importKey(readFileSync(keyPath, 'utf8')) }
  }
  const keys = await generateKeys()
  const serial = randomBytes(16)
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialText(serial),
    // A name of its own: two authorities of one name would be taken for each other.
    name: [{ CN: [`Tailrace ${serial.toString('hex', 0, 4)}`] }],
    notBefore: new Date(nowMs - backdatedMs),
    notAfter: new Date(nowMs + authorityMs),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  // The key first: a certificate without one could not be used, nor be made again without notice.
  replace(keyPath, await exportKey(keys.privateKey))
  replace(certificatePath, `${certificate.toString('pem')}\n`, 0o644)
  return { certificate, key: keys.privateKey }
}

async function issue({ certificate: issuer, key }: Authority, wish: Wish, nowMs: number) {
  const keys = await generateKeys()
  const { clientAuth, serverAuth } = ExtendedKeyUsage
  const alternatives = wish.names.map(name => ({ type: isIP(name) ? 'ip' : 'dns', value: name }) as const)
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialText(randomBytes(16)),
    subject: [...wish.subject].reverse().map(part => ({ ...part })),
    issuer: issuer.subjectName.toJSON(),
    notBefore: new Date(nowMs - backdatedMs),
    notAfter: new Date(Math.min(nowMs + wish.lifeMs, issuer.notAfter.getTime())),
    publicKey: keys.publicKey,
    signingKey: key,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension(wish.isServer ? [serverAuth, clientAuth] : [clientAuth]),
      ...(alternatives.length > 0 ? [new SubjectAlternativeNameExtension(alternatives)] : []),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate: `${certificate.toString('pem')}\n`, key: await exportKey(keys.privateKey) }
}

function isGood(path: string, authority: X509Certificate, names: readonly string[], nowMs: number): boolean {
  if (!existsSync(path)) return false
  try {
    const found = new NodeCertificate(readFileSync(path))
    const isOurs = found.verify(new NodeCertificate(authority.toString('pem')).publicKey)
    const covers = names.every(name => (isIP(name) ? found.checkIP(name) : found.checkHost(name)))
    return isOurs && covers && found.validToDate.getTime() - nowMs > renewalMs
  } catch {
    return false
  }
}

function generateKeys(): Promise<CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<CryptoKeyPair>
}

async function exportKey(key: CryptoKey): Promise<string> {
  return `${PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`
}

function importKey(pem: string): Promise<CryptoKey> {
  return webcrypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(pem), algorithm, true, [
    'sign',
  ]) as Promise<CryptoKey>
}

/** Positive, and of 16 bytes. */
function serialText(bytes: Buffer): string {
  const positive = Buffer.from(bytes)
  positive[0] = (positive[0]! & 0x7f) | 0x40
  return positive.toString('hex')
}

function replace(path: string, text: string, mode = 0o600): void {
  const next = `${path}.${process.pid}`
  writeFileSync(next, text, { mode })
  chmodSync(next, mode)
  renameSync(next, path)
}
