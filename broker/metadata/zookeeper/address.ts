// Where a ZooKeeper store is: zookeeper://[user:password@]h1:2181,h2:2181,h3:2181/chroot, or zookeeper+tls://… .
// Text in, data out; refuses what it does not understand, with words that say which part.
import type { Endpoint } from './session-state.ts'

export interface ZookeeperAddress {
  readonly endpoints: readonly Endpoint[]
  /** Absolute, without a slash at its end; all keys lie below it. */
  readonly chroot: string
  readonly isEncrypted: boolean
  /** For digest authentication. */
  readonly credentials: { readonly user: string; readonly password: string } | null
}

const defaultPort = 2181
/** Never the servers' root, which has nodes of its own. */
const defaultChroot = '/tailrace'
const schemes: Readonly<Record<string, boolean>> = { 'zookeeper:': false, 'zookeeper+tls:': true }

export function isZookeeperAddress(text: string): boolean {
  return /^zookeeper(\+tls)?:\/\//.test(text)
}

export function parseZookeeperAddress(text: string): ZookeeperAddress {
  const refuse = (reason: string): never => {
    throw new Error(`Cannot read the ZooKeeper address "${text.replace(/\/\/[^@/]*@/, '//…@')}": ${reason}`)
  }
  const [, scheme = '', credentials, hosts = '', path = ''] =
    /^([a-z+]+:)\/\/(?:([^@/]*)@)?([^/]*)(\/.*)?$/.exec(text) ?? []
  const isEncrypted = schemes[scheme] ?? refuse('it must start with zookeeper:// or zookeeper+tls://')
  const endpoints = hosts.split(',').map(host => parseEndpoint(host) ?? refuse(`"${host}" is no host:port`))
  const chroot = path.replace(/\/+$/, '') || defaultChroot
  const segments = chroot.slice(1).split('/')
  if (segments.some(segment => !/^[\w.@:+-]+$/.test(segment) || /^\.\.?$/.test(segment))) {
    refuse(`"${path}" is no path of letters, digits and . _ @ : + -`)
  }
  if (segments[0] === 'zookeeper') refuse("/zookeeper is the servers' own")
  return { endpoints, chroot, isEncrypted, credentials: parseCredentials(credentials, refuse) }
}

function parseEndpoint(text: string): Endpoint | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(text)
  if (!match) return null
  const port = Number(match[3] ?? defaultPort)
  return port > 0 && port <= 65_535 ? { host: (match[1] ?? match[2])!, port } : null
}

function parseCredentials(
  text: string | undefined,
  refuse: (reason: string) => never,
): ZookeeperAddress['credentials'] {
  if (text === undefined) return null
  const colon = text.indexOf(':')
  if (colon < 1) return refuse('before the @ belong user:password')
  try {
    return {
      user: decodeURIComponent(text.slice(0, colon)),
      password: decodeURIComponent(text.slice(colon + 1)),
    }
  } catch {
    return refuse('what is before the @ is not percent-encoded')
  }
}
