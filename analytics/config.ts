// What an analytics process is told. Plain data, validated by whoever writes it (the `tailrace` command).

export interface AnalyticsConfig {
  /** Holds windows.db (statistics, offsets, ledger) and app.db (sessions). */
  readonly dataDirectory: string
  readonly bootstrap: readonly string[]
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
  /** IANA name; decides where a day begins. */
  readonly timeZone: string
  /** Where brokers of this machine leave Prometheus text, as `broker-N/metrics.prom`: served under /metrics too. */
  readonly brokerMetricsDirectory?: string
}

/** How often folded records are committed. */
export const flushIntervalMs = 200
/** A flush comes earlier after this many records, so that a replay's transaction stays short. */
export const flushRecordsMax = 50_000
