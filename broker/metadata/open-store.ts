// Which metadata store a place names: zookeeper://… or zookeeper+tls://… servers, else the path of an SQLite file; and
// what a person is told when it cannot be opened. Loads only the implementation that is asked for. Reads the files
// that hold what opens the servers' doors, so that no secret is on a command line.
import { readFileSync } from 'node:fs'
import { ExitError, exitCodes } from '../../runtime/lifecycle.ts'
import type { MetadataStore } from './store.ts'
import { isZookeeperAddress, parseZookeeperAddress } from './zookeeper/address.ts'
import type { ZookeeperOptions } from './zookeeper/zookeeper-store.ts'

/** Files, for ZooKeeper only. */
export interface MetadataKeys {
  /** One line, user:password, for digest authentication. */
  readonly credentials?: string | undefined
  /** PEM, for zookeeper+tls://: whom to believe, and who we are. */
  readonly ca?: string | undefined
  readonly certificate?: string | undefined
  readonly key?: string | undefined
}

/** Long enough for a busy machine's pauses, short enough for a quick failover; over a network, pauses are longer. */
const sessionTtlMs = { sqlite: 2_000, zookeeper: 6_000 }

export function isServed(place: string): boolean {
  return isZookeeperAddress(place)
}

export function sessionTtlMsOf(place: string): number {
  return isServed(place) ? sessionTtlMs.zookeeper : sessionTtlMs.sqlite
}

/** What takes time and needs nothing but the place, ahead of `openMetadataStore`. Touches no file. */
export async function prepareMetadataStore(place: string): Promise<void> {
  if (isServed(place)) return
  const { startSqliteThread } = await import('./sqlite-store.ts')
  startSqliteThread()
}

/** Throws ExitError, with what to do. */
export async function openMetadataStore(
  place: string,
  keys: MetadataKeys = {},
  options: ZookeeperOptions = {},
): Promise<MetadataStore> {
  try {
    if (!isServed(place)) {
      const { openSqliteStore } = await import('./sqlite-store.ts')
      return await openSqliteStore(place)
    }
    const { openZookeeperStore } = await import('./zookeeper/zookeeper-store.ts')
    return await openZookeeperStore(withCredentials(place, keys), { ...withFiles(keys), ...options })
  } catch (error) {
    throw error instanceof ExitError ? error : refusal(place, error as Error)
  }
}

/** Without what is before the @: for logs, and for what is written down. */
export function withoutCredentials(place: string): string {
  return isServed(place) ? place.replace(/\/\/[^@/]*@/, '//') : place
}

function withCredentials(place: string, { credentials }: MetadataKeys): string {
  if (credentials === undefined) return place
  const text = read(credentials).toString().trim()
  const colon = text.indexOf(':')
  const parts = [text.slice(0, colon), text.slice(colon + 1)].map(encodeURIComponent)
  return withoutCredentials(place).replace('//', `//${parts.join(':')}@`)
}

function withFiles({ ca, certificate, key }: MetadataKeys): ZookeeperOptions {
  const files = { ca, cert: certificate, key }
  const given = Object.entries(files).filter(([, path]) => path !== undefined)
  return given.length === 0
    ? {}
    : { tls: Object.fromEntries(given.map(([name, path]) => [name, read(path!)])) }
}

function read(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new ExitError(exitCodes.config, `Cannot read "${path}": ${(error as Error).message}`)
  }
}

function refusal(place: string, cause: Error): ExitError {
  const { message } = cause
  if (!isServed(place)) {
    const text = `Cannot open the metadata store "${place}": ${message.replace(/^Cannot [^:]*: /, '')}`
    return new ExitError(exitCodes.config, text, { cause })
  }
  if (/^Cannot read the ZooKeeper address/.test(message)) {
    return new ExitError(exitCodes.config, message, { cause })
  }
  const { endpoints, chroot } = parseZookeeperAddress(place)
  const servers = endpoints.map(({ host, port }) => `${host}:${port}`).join(', ')
  if (/noAuth|authentication refused|another format/.test(message)) {
    const text =
      `ZooKeeper at ${servers} keeps ${chroot} closed to us: ${message}. ` +
      'Name the file with its user:password (zookeeper: credentials: FILE), or choose another path in the address'
    return new ExitError(exitCodes.config, text, { cause })
  }
  const text =
    `Cannot reach ZooKeeper at ${servers}: ${message.replace(/^.*does not answer: /, '')}. A majority of its servers ` +
    'must run and be reachable from here: start them, or correct the address (--metadata zookeeper://host:2181,…)'
  return new ExitError(exitCodes.unavailable, text, { cause })
}
