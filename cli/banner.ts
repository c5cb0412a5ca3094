// What `tailrace up` says once everything serves. Pure: facts in, text out. The address comes last, because
// terminals make a link of it and eyes rest there.
import type { DataDirectory } from './data-directory.ts'
import type { PublicPort } from './public-port.ts'

export interface BannerFacts {
  readonly data: DataDirectory
  readonly kafkaAddress: string
  readonly origin: string
  /** What others reach; null where only this machine is served. */
  readonly open?: PublicPort | null
  /** Of the page and the API for others, when there are any. */
  readonly publicOrigin?: string | null
  readonly link: string
  /** Of the brokers, in the order of their ids; none where the brokers are somebody else's. */
  readonly brokerPids: readonly number[]
  readonly inputs: readonly string[]
  readonly demo: boolean
  readonly version: string
  /** What a person types. */
  readonly command: string
  /** The demo that takes its data with it. */
  readonly fleeting?: boolean
}

/** How this was called: a clone has no `tailrace` on its path. */
export function commandName(script: string | undefined): string {
  return script?.endsWith('cli/tailrace.js') && !script.includes('/opt/tailrace/')
    ? 'node cli/tailrace.js'
    : 'tailrace'
}

export function bannerText(given: BannerFacts): string {
  const { data } = given
  const quoted = { ...data, path: shellWord(data.path), tokenPath: shellWord(data.tokenPath) }
  const facts = { ...given, data: quoted }
  const rows = [
    ['data', `${data.path} (created ${facts.data.createdAt.slice(0, 10)})`],
    [
      'tailing',
      facts.inputs.length === 0
        ? 'nothing yet: add inputs to tailrace.yaml, or --tail GLOB'
        : facts.inputs.join('  '),
    ],
    ['kafka', facts.kafkaAddress],
    ...publicRows(facts),
    [
      'query',
      `curl -H "Authorization: Bearer $(cat ${facts.data.tokenPath})" ` +
        `"${facts.origin}/api/v1/stats/requests?window=1m"`,
    ],
    ...brokerRows(facts),
    ['link', `good once, for 15 minutes; another: ${anotherLink(facts)}`],
    ...nextCommands(facts).map((line, at) => [at === 0 ? 'next' : '', line]),
    ['stop', facts.fleeting ? 'Ctrl-C; nothing stays' : 'Ctrl-C; the data stays'],
  ]
  const lines = rows.map(([name, value]) => `  ${name!.padEnd(8)} ${value}`)
  const traffic = facts.demo ? ', with demo traffic' : ''
  const heading = `Tailrace is up${traffic}   (version ${facts.version})`
  return `\n${heading}\n${lines.join('\n')}\n\n  Open ${facts.link}\n\n`
}

/** A path as a shell reads it back: what is printed is there to be pasted. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

function publicRows({ open, publicOrigin, data, brokerPids, command }: BannerFacts): string[][] {
  if (!open) return []
  const last = brokerPids.length > 1 ? ` to ${open.port + brokerPids.length - 1}` : ''
  return [
    ['public', `${open.host}:${open.port}${last}, by TLS and login; clients trust ${open.authority}`],
    ['', `SHA-256 ${open.fingerprint}`],
    ...(publicOrigin ? [['https', `${publicOrigin}   (the page and the API, for others)`]] : []),
    ['agents', `${command} agents add --data ${data.path}`],
    ['users', `${command} users add NAME --role produce --data ${data.path}`],
  ]
}

function brokerRows({ brokerPids, data, command, fleeting }: BannerFacts): string[][] {
  const [pid] = brokerPids
  if (pid === undefined) return []
  if (brokerPids.length > 1) {
    const what = `one of ${brokerPids.length} brokers: its partitions are led again within seconds`
    return [['try', `kill -9 ${pid}   (${what}, the counts stay exact)`]]
  }
  const kill: string[] = [
    'try',
    `kill -9 ${pid}   (the broker: the page says so, it comes back, the counts stay exact)`,
  ]
  if (fleeting) return [kill]
  const grow = `--brokers 3 --data ${data.path}; then ${command} cluster grow`
  return [
    kill,
    ['grow', `one broker keeps one copy of every line; for three: stop, start again with ${grow}`],
  ]
}

function anotherLink(facts: BannerFacts): string {
  return `${facts.command} login-link ${placeOf(facts)}`
}

/** Three things worth doing first. */
function nextCommands(facts: BannerFacts): string[] {
  const [topic, place] = ['logs', placeOf(facts)]
  return ['top', `tail ${topic}`, 'status'].map(words => `${facts.command} ${words} ${place}`)
}

function placeOf({ data, origin }: BannerFacts): string {
  const port = new URL(origin).port
  return `--data ${data.path}${port === '8080' ? '' : ` --http-port ${port}`}`
}
