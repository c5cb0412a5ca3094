// What a broker process is told. Plain data, validated by whoever writes it (the `tailrace` command).
import type { MetadataKeys } from './metadata/open-store.ts'
import type { ServerLimits } from './server.ts'

/** A port for clients, and brokers, from elsewhere. They say who they are, by certificate or by SASL. */
export interface TlsListenerConfig {
  readonly name: string
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
  /** Where clients are told to find it. */
  readonly advertisedHost: string
  /** Default: the port it has. */
  readonly advertisedPort?: number
  /** PEM files, read anew when they change. One file may hold both. */
  readonly certificate: string
  readonly key: string
  /** Whose certificates are believed of clients; without it none are asked for. */
  readonly clientAuthority?: string
  /** SASL alone does not do. */
  readonly requiresCertificate?: boolean
}

/** Brokers of other machines are reached through their listener of this name, by our certificate. */
export interface PeersConfig {
  readonly listener: string
  readonly certificate: string
  readonly key: string
  readonly authority: string
}

export interface BrokerConfig {
  readonly brokerId: number
  /** Of the plain listener: loopback only. */
  readonly host: string
  /** 0 = any free port, reported in the ready line. */
  readonly port: number
  readonly advertisedHost?: string
  readonly advertisedPort?: number
  /** Beside the plain one. */
  readonly listeners?: readonly TlsListenerConfig[]
  /** Without it the other brokers are on this machine too. */
  readonly peers?: PeersConfig
  /** This broker's own directory: partitions, checkpoints, lock. */
  readonly dataDirectory: string
  /** Where the MetadataStore is: an SQLite file, shared by all brokers of this machine, or zookeeper://… */
  readonly metadataPath: string
  /** Files with what ZooKeeper asks for: every user of the machine can read this configuration, not those. */
  readonly metadataKeys?: MetadataKeys
  readonly segmentBytes: number
  readonly retentionMs: number
  readonly retentionBytes: number
  /** What the logs of this broker may take in all; without it what the disk has, less a twentieth. */
  readonly dataDirectoryBytes?: number
  /** For topics created without a count. */
  readonly defaultPartitions: number
  /** Created at the first start when missing. */
  readonly initialTopics: readonly { readonly name: string; readonly partitions: number }[]
  /** How many brokers the cluster is made of; the initial topics wait until all are there. Default 1. */
  readonly clusterSize?: number
  /** Kafka's connections.max.reauth.ms: after this long a client has to log in again; 0, the default, for never. */
  readonly connectionsMaxReauthMs?: number
  /** How fast replicas that are not in sync catch up, all of this broker's together. Default 50 MiB/s. */
  readonly replicationThrottleBytesPerSecond?: number
  /** Of connections and requests, where others than the built-in ones are wanted. */
  readonly limits?: Partial<ServerLimits>
}
