// What an analytics process is told. Plain data, validated by whoever writes it (the `tailrace` command).

import type { LoginFiles, TlsFiles } from '../broker/client/reach.ts'
import type { RuleInput } from './alerts/rule.ts'
import type { CountingSettings } from './fold/counting-settings.ts'
import type { KeepRules } from './store/retention.ts'
import type { VisitSettings } from './visits/conditions.ts'

export interface AnalyticsConfig {
  /** Holds windows.db (statistics, offsets, ledger) and app.db (sessions, alerts). */
  readonly dataDirectory: string
  readonly bootstrap: readonly string[]
  /** Where brokers want TLS and a login; for every connection of this room. */
  readonly tls?: TlsFiles
  readonly login?: LoginFiles
  /** Loopback only, until credentials and TLS are set. */
  readonly host: string
  /** 0 = any free port, reported in the ready line. */
  readonly port: number
  /** Topics whose lines are counted. */
  readonly topics: readonly string[]
  /** The built page; without it the API alone is served. */
  readonly pageDirectory?: string
  /** A 0600 file with the admin token; made with a random one when missing. */
  readonly tokenPath: string
  /** Where the single-use sign-in link is written at each start (0600). */
  readonly loginLinkPath?: string
  /** Origins beside http://localhost and loopback addresses from which the page may be used. */
  readonly publicOrigins?: readonly string[]
  /** One more process that counts into the same store, and answers nothing. */
  readonly ingestOnly?: boolean
  /** IANA name; decides where a day begins. */
  readonly timeZone: string
  /** How long each step is kept, and what all rows may take; what each step says of itself, without. */
  readonly keep?: KeepRules
  /** What hosts elsewhere reach, by TLS: the page and the API, and through them agents that want to join. */
  readonly open?: {
    /** Name or address of this machine, as others know it. */
    readonly host: string
    /** 0 = any free port, reported in the ready line. */
    readonly port: number
    /** Address that is listened on. */
    readonly bind: string
    /** PEM files; read anew when they change. */
    readonly certificate: string
    readonly key: string
    readonly authority: string
    /** `host:port` of the brokers that agents send to. */
    readonly kafka: readonly string[]
    readonly keySeedPath: string
    /** Agents that are handed out, as `tailrace-agent-linux-x64.tar.gz`. */
    readonly packagesDirectory: string
  }
  /** Rules of the configuration file, and where webhooks may lead beside the public internet. */
  readonly alerts?: { readonly rules: readonly RuleInput[]; readonly webhookAllow: readonly string[] }
  /** Goals that are counted, and funnels. */
  readonly visits?: VisitSettings
  /** How single lines are counted. */
  readonly counting?: CountingSettings
  /** Where brokers of this machine leave Prometheus text, as `broker-N/metrics.prom`: served under /metrics too. */
  readonly brokerMetricsDirectory?: string
}

/** How often folded records are committed. */
export const flushIntervalMs = 200
/** … while no page is open and nobody asks: what a commit costs hardly depends on how few lines it holds. */
export const unwatchedIntervalMs = 500
/** A flush comes earlier after this many records, so that a replay's transaction stays short. */
export const flushRecordsMax = 50_000
