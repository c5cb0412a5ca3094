// How brokers are reached, as a configuration says it: addresses, whom to trust, who one is. Secrets and certificates
// are named by their files and read when a connection is made, so that renewed ones are taken up.
import { readFileSync } from 'node:fs'
import { Cluster, type ClusterOptions } from './cluster.ts'
import { passwordLogin, type ScramLogin } from './login.ts'
import type { TlsOptions } from './open-socket.ts'

export interface TlsFiles {
  readonly caPath?: string | undefined
  readonly caFingerprint?: string | undefined
  readonly servername?: string | undefined
}

export interface LoginFiles {
  readonly user: string
  readonly passwordPath: string
  readonly mechanism?: ScramLogin['mechanism'] | undefined
}

export interface BrokerReach {
  /** `host:port` of any brokers; the others are learned. */
  readonly bootstrap: readonly string[]
  /** Without it what is said can be read on the way. */
  readonly tls?: TlsFiles | undefined
  readonly login?: LoginFiles | undefined
}

export function credentialsOf({ tls, login }: BrokerReach): NonNullable<ClusterOptions['credentials']> {
  const password = login && readFileSync(login.passwordPath, 'utf8').replace(/\r?\n$/, '')
  return {
    ...(login && { login: passwordLogin(login.user, password!, login.mechanism) }),
    ...(tls && { tls: () => tlsOptions(tls) }),
  }
}

export function clusterAt(
  reach: BrokerReach,
  clientId: string,
  options: Pick<ClusterOptions, 'requestTimeoutMs'> = {},
): Cluster {
  return new Cluster({ bootstrap: reach.bootstrap, clientId, credentials: credentialsOf(reach), ...options })
}

function tlsOptions({ caPath, caFingerprint, servername }: TlsFiles): TlsOptions {
  return {
    ...(caPath !== undefined && { ca: readFileSync(caPath, 'utf8') }),
    ...(caFingerprint !== undefined && { caFingerprint }),
    ...(servername !== undefined && { servername }),
  }
}
