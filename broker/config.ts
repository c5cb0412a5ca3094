// What a broker process is told. Plain data, validated by whoever writes it (the `tailrace` command).
import type { MetadataKeys } from './metadata/open-store.ts'

export interface BrokerConfig {
  readonly brokerId: number
  /** Loopback only, until credentials and TLS are set. */
  readonly host: string
  /** 0 = any free port, reported in the ready line. */
  readonly port: number
  readonly advertisedHost?: string
  readonly advertisedPort?: number
  /** This broker's own directory: partitions, checkpoints, lock. */
  readonly dataDirectory: string
  /** Where the MetadataStore is: an SQLite file, shared by all brokers of this machine, or zookeeper://… */
  readonly metadataPath: string
  /** Files with what ZooKeeper asks for: every user of the machine can read this configuration, not those. */
  readonly metadataKeys?: MetadataKeys
  readonly segmentBytes: number
  readonly retentionMs: number
  readonly retentionBytes: number
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
}
