// Which flag sets which setting: one table for the command line, for `config show --origin` and for the page of all
// settings. Pure.

/** By the setting's name; where a flag sets a part of it, or writes it shortly, the note says so. */
export const settingFlags: Readonly<Record<string, { readonly flag: string; readonly note?: string }>> = {
  data: { flag: '--data' },
  kafkaPort: { flag: '--kafka-port' },
  httpPort: { flag: '--http-port' },
  brokers: { flag: '--brokers' },
  brokerId: { flag: '--broker-id' },
  metadata: { flag: '--metadata' },
  public: { flag: '--public' },
  publicKafkaPort: { flag: '--public-kafka-port' },
  publicHttpPort: { flag: '--public-http-port' },
  bootstrap: { flag: '--bootstrap', note: '`--kafka` of `tailrace up`' },
  inputs: { flag: '--tail', note: 'a glob, format found by itself' },
  statsd: { flag: '--statsd', note: 'the port' },
  agentStatusPort: { flag: '--status-port' },
}
