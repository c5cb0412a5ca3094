// What the cluster's own processes authenticate with: 256 random bits in the metadata store, written there by whichever
// broker is first, and in a file (0600) beside the data for the processes of this machine. Random bits need no slow
// hash, so the iterations are the fewest that SCRAM allows; they are calculated once in a process.
import { randomBytes } from 'node:crypto'
import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ScramLogin } from '../client/login.ts'
import type { MetadataStore } from '../metadata/store.ts'
import { iterationsMin, keysOf, type ScramKeys, saltPassword } from '../protocol/scram.ts'
import { clusterUser } from './access.ts'
import { securityKeys } from './security-image.ts'

const secretFileName = 'cluster-secret'
const mechanism = 'SCRAM-SHA-256'
const hash = 'sha256'
const writeTimeoutMs = 5_000

export class ClusterSecret {
  readonly secret: string
  readonly salt: Buffer
  readonly #salted: Promise<Buffer>
  #keys: ScramKeys | null = null

  constructor(secret: string, salt: Buffer) {
    this.secret = secret
    this.salt = salt
    this.#salted = saltPassword(hash, secret, salt, iterationsMin)
  }

  /** The store's, made now if it has none. */
  static async of(store: MetadataStore): Promise<ClusterSecret> {
    for (;;) {
      const entry = await store.get(securityKeys.clusterSecret)
      if (entry) {
        const { secret, salt } = JSON.parse(Buffer.from(entry.value).toString()) as Record<string, string>
        return new ClusterSecret(secret!, Buffer.from(salt!, 'base64url'))
      }
      const [secret, salt] = [randomBytes(32), randomBytes(16)].map(bytes => bytes.toString('base64url'))
      const value = Buffer.from(JSON.stringify({ secret, salt }))
      await store.transact([], [{ create: securityKeys.clusterSecret, value }], writeTimeoutMs)
    }
  }

  /** For checking others. */
  async ready(): Promise<ScramKeys> {
    this.#keys ??= keysOf(hash, await this.#salted, this.salt, iterationsMin)
    return this.#keys
  }

  /** For being checked: the salted secret is at hand, unless another salt is asked for. */
  get login(): ScramLogin {
    return {
      mechanism,
      user: clusterUser,
      saltedPassword: (salt, iterations) =>
        salt.equals(this.salt) && iterations === iterationsMin
          ? this.#salted
          : saltPassword(hash, this.secret, salt, iterations),
    }
  }

  /** For analytics and the command line on this machine. */
  writeTo(directory: string): void {
    const path = join(directory, secretFileName)
    if (readSecret(path) === this.secret) return
    const next = `${path}.${process.pid}`
    writeFileSync(next, `${this.secret}\n`, { mode: 0o600 })
    chmodSync(next, 0o600)
    renameSync(next, path)
  }
}

/** Beside the metadata where that is a file, else in the broker's own directory. */
export function secretDirectory(metadataPath: string, dataDirectory: string): string {
  return metadataPath.includes('://') ? dataDirectory : dirname(metadataPath)
}

/** Null when there is none, or it is not ours to read. */
function readSecret(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return null
  }
}
