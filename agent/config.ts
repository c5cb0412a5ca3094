// What an agent process is told. Plain data, validated by whoever writes it (the `tailrace` command).
import type { LineOptions } from './line-rules.ts'

export interface AgentInput extends LineOptions {
  /** Absolute globs. */
  readonly paths: readonly string[]
  readonly exclude?: readonly string[]
  /**
   * Directories that symbolic links in `paths` may lead into, beside those of `paths` themselves: where Kubernetes
   * keeps what /var/log/containers points to.
   */
  readonly followInto?: readonly string[]
  /** By default chosen by format: combined and raw → logs, json → behavior, metrics → metrics. */
  readonly topic?: string
  /** One of `inputFormats`, or `nginx:` or `apache:` and a format string. */
  readonly format: string
  /** JSON field whose hash keys the record. */
  readonly keyField?: string
}

export interface AgentConfig {
  readonly dataDirectory: string
  readonly bootstrap: readonly string[]
  /** Name of this machine in status and metrics. */
  readonly host: string
  /**
   * File with the seed of the key hash, the same for all agents of an appliance. A file, because every user of a
   * machine can read the command lines of its processes, and who knows the seed can guess addresses behind keys.
   */
  readonly keySeedPath: string
  readonly inputs: readonly AgentInput[]
  /** Send this host's own CPU, memory, disk and load to the metrics topic. */
  readonly hostMetrics?: boolean
  readonly sweepMs?: number
  readonly lingerMs?: number
  /** How batches are compressed; zstd unless told otherwise. */
  readonly codec?: 'zstd' | 'none'
  /** false: no file watcher, the sweep alone. */
  readonly watch?: boolean
  /** Listen for statsd over UDP; on loopback unless told otherwise. */
  readonly statsd?: {
    readonly host?: string | undefined
    readonly port: number
    readonly topic?: string | undefined
  }
  /** Send what comes on standard input, and end when it does. */
  readonly stdin?: Omit<AgentInput, 'paths' | 'exclude'>
  /** Loopback port of status, metrics and health; any free one by default, told in `status.json`. */
  readonly statusPort?: number
  /** A command that prints the configuration anew, asked on SIGHUP. */
  readonly reload?: readonly string[]
  /** Brokers, authority, password and seed are those of `enrolment.json` in the data directory. */
  readonly enrolled?: boolean
  /** Where brokers have TLS: who vouches for them, as a PEM file or by the fingerprint of the authority. */
  readonly tls?: {
    readonly caPath?: string | undefined
    readonly caFingerprint?: string | undefined
    readonly servername?: string | undefined
  }
  /** Where brokers want a login: SCRAM, the password in a file of its own. */
  readonly login?: {
    readonly user: string
    readonly passwordPath: string
    readonly mechanism?: 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | undefined
  }
}
