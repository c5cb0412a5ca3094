// What `--public HOST` adds: certificates in the data directory, of a private authority or the user's own, and what
// each broker is told of the port that others reach. Looks after renewal for as long as this process lives; brokers
// read renewed files by themselves. The library that makes certificates is loaded only here, when it is asked for.
import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { AnalyticsConfig } from '../analytics/config.ts'
import type { BrokerConfig } from '../broker/config.ts'
import { isLoopback } from '../broker/listen-address.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import type { Log } from '../runtime/log.ts'
import { packagesDirectory } from './processes.ts'
import type { Settings } from './settings.ts'

export interface PublicPort {
  readonly host: string
  /** Of the first broker. */
  readonly port: number
  readonly certificate: string
  readonly key: string
  /** The certificate that clients need. */
  readonly authority: string
  readonly fingerprint: string
}

export const publicListener = 'TLS'
const renewalCheckMs = 12 * 3_600_000

/** Null where only this machine is served. */
export async function openPublicPort(settings: Settings, log: Log): Promise<PublicPort | null> {
  const { public: host, publicKafkaPort: port, tls } = settings
  if (host === undefined) return null
  if (tls) {
    const [certificate, key, authority] = [tls.certificate, tls.key, tls.ca].map(path => resolve(path))
    return { host, port, certificate: certificate!, key: key!, ...authorityAt(authority!) }
  }
  const { ensureCertificates } = await import('./certificates.ts')
  const directory = join(settings.data, 'tls')
  const make = () => ensureCertificates(directory, [host], Date.now())
  const { server, ca } = await make()
  const renew = () => make().catch(error => log.error('certificates could not be renewed', { error }))
  setInterval(renew, renewalCheckMs).unref()
  return { host, port, certificate: server, key: server, ...authorityAt(ca) }
}

/** What analytics is told: the same name and certificates, for HTTPS. `kafka` are the ports that were opened. */
export function openHttp(
  open: PublicPort | null,
  { publicHttpPort: port, packages }: Settings,
  kafka: readonly string[],
  keySeedPath: string,
): NonNullable<AnalyticsConfig['open']> | undefined {
  if (!open) return undefined
  const { host, certificate, key, authority } = open
  const directory = packages === undefined ? packagesDirectory : resolve(packages)
  return {
    host,
    port,
    bind: boundTo(host),
    certificate,
    key,
    authority,
    kafka,
    keySeedPath,
    packagesDirectory: directory,
  }
}

/** What a broker is told. On several machines brokers reach each other by this port too. */
export function publicConfig(
  open: PublicPort | null,
  brokerId: number,
  isOnSeveralMachines: boolean,
): Pick<BrokerConfig, 'listeners' | 'peers'> {
  if (!open) return {}
  const { host: advertisedHost, certificate, key, authority } = open
  const port = open.port === 0 ? 0 : open.port + brokerId - 1
  const where = { name: publicListener, host: boundTo(advertisedHost), port, advertisedHost }
  const listeners = [{ ...where, certificate, key, clientAuthority: authority }]
  return isOnSeveralMachines
    ? { listeners, peers: { listener: publicListener, certificate, key, authority } }
    : { listeners }
}

/** `tls` of what `tailrace status` says; null where no authority was made. */
export function authorityOf({
  data,
  tls,
}: Settings): { readonly authority: string; fingerprint: string } | null {
  const path = tls ? resolve(tls.ca) : join(data, 'tls', 'ca.pem')
  return existsSync(path) ? authorityAt(path) : null
}

function authorityAt(authority: string) {
  try {
    return { authority, fingerprint: new X509Certificate(readFileSync(authority)).fingerprint256 }
  } catch (error) {
    const message = `Cannot read the authority's certificate "${authority}": ${(error as Error).message}`
    throw new ExitError(exitCodes.config, message, { cause: error })
  }
}

/** Every address of the machine: the name may be one that a router translates. */
function boundTo(host: string): string {
  if (isLoopback(host)) return host === 'localhost' ? '127.0.0.1' : host
  return host.includes(':') ? '::' : '0.0.0.0'
}
