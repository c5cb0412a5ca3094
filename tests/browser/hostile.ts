// What somebody who writes into logs, and names files, hosts and groups, may try on whoever reads them: markup, text
// that runs backwards, escapes of a terminal, formulas of a spreadsheet, words without end. Puts it wherever it can be
// put in an appliance. Nothing of it may run: that would set `window.ran`.
import { appendFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import type { Settings } from '../../cli/settings.ts'
import type { Appliance } from '../system/appliance.ts'

const markup = '<img/src=x/onerror=ran=1>'
const backwards = '\u202egpj\u2066.\u200bexe'
const terminal = '\u001b[2J\u001b]0;owned\u0007\u009b31m'

/** Short enough for every field of the appliance, with one of each that a browser could fall for. */
export const hostileName = `"><svg/onload=ran=1>${markup}${backwards}`
/** Where control characters are taken too. */
export const hostileText = `${hostileName}${terminal}`
const hostileWords = [
  `${hostileText}<script>ran=1</script>`,
  'javascript:ran=1',
  `=cmd|'/C-ran=1'!A0`,
  '+1+ran=1',
  '-1+ran=1',
  '@SUM(ran=1)',
  '\t=ran=1',
  '\r=ran=1',
  `ran=1${'W'.repeat(3_000)}`,
]
/** A file's name ends here. */
const hostileFile = `=cmd${hostileText.replaceAll('/', ' ')}.log`
export const hostileGroup = `=${hostileText}`

export function hostileSettings(directory: string): Partial<Settings> {
  const inputs: Settings['inputs'] = [
    { paths: [join(directory, 'site.log')], format: 'combined', topic: 'logs' },
    { paths: [join(directory, 'events.jsonl')], format: 'json', topic: 'behavior', keyField: 'anonymousId' },
    { paths: [join(directory, 'metrics.jsonl')], format: 'metrics', topic: 'metrics' },
    { paths: [join(directory, 'odd/*')], format: 'combined', topic: 'logs' },
  ]
  const steps = [{ page: '/' }, { event: hostileWords[0]! }]
  return {
    inputs,
    goals: [{ name: hostileName, page: '/' }],
    funnels: [{ name: hostileName, order: 'any', window: '1h', steps }],
  } as unknown as Partial<Settings>
}

/** Files: lines, names, hosts, user agents, referrers, events, campaigns. */
export async function writeHostileFiles(directory: string): Promise<void> {
  await mkdir(join(directory, 'odd'), { recursive: true })
  const quoted = hostileWords.map(word => word.replaceAll(/["\s]/g, "'"))
  await appendFile(
    join(directory, 'site.log'),
    quoted.map(word => accessLine(`/${word}`, `https://${word}/`, word)).join(''),
  )
  await appendFile(join(directory, 'events.jsonl'), hostileWords.map(eventLine).join(''))
  await appendFile(join(directory, 'metrics.jsonl'), hostileWords.map(metricLine).join(''))
  // A line that is none: a loss, with the file's name.
  const bad = Buffer.concat([Buffer.from(`${hostileText} `), Buffer.from([0xff, 0xfe]), Buffer.from('\n')])
  await appendFile(join(directory, 'odd', hostileFile), accessLine('/odd', '-', '-'))
  await appendFile(join(directory, 'odd', hostileFile), bad)
}

function accessLine(path: string, referrer: string, agent: string): string {
  const [, day, month, year, time] = new Date().toUTCString().split(/[ ,]+/)
  const at = `${day}/${month}/${year}:${time} +0000`
  return `203.0.113.7 - - [${at}] "GET ${path} HTTP/1.1" 500 9 "${referrer}" "${agent}" 0.010\n`
}

function eventLine(word: string, at: number): string {
  const search = new URLSearchParams({ utm_campaign: word, utm_source: word })
  const shared = { timestamp: new Date().toISOString(), anonymousId: word, referrer: `https://${word}/` }
  const page = { ...shared, type: 'page', messageId: `p${at}`, path: `/${word}?${search}` }
  const track = {
    ...shared,
    type: 'track',
    messageId: `t${at}`,
    event: word,
    path: '/',
    properties: { word },
  }
  return `${JSON.stringify(page)}\n${JSON.stringify(track)}\n`
}

function metricLine(word: string): string {
  return `${JSON.stringify({ timestamp: new Date().toISOString(), host: word, name: word, value: 1 })}\n`
}

/**
 * What comes by Kafka's protocol and the API: agents, losses, a group, records, a rule, tokens, a sign-in that is
 * refused.
 */
export async function tellHostileThings(appliance: Appliance, token: string): Promise<void> {
  const retry = { retries: 3, initialRetryTime: 50 }
  const kafka = new Kafka({
    ...{ brokers: [appliance.kafkaAddress], clientId: hostileName, logLevel: logLevel.NOTHING, retry },
  })
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  await producer.sendBatch({
    topicMessages: [
      { topic: '__tailrace_agents', messages: [agentRecord()] },
      { topic: '__tailrace_losses', messages: hostileWords.map(lossRecord) },
      { topic: 'logs', messages: [hostileRecord] },
    ],
  })
  await producer.disconnect()
  const post = (path: string, body: object) =>
    fetch(`${appliance.origin}/api/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const rule = {
    ...{ name: hostileText, kind: 'threshold', metric: 'events', by: ['event'], op: '>', threshold: 0 },
    ...{ window: '5m', settle: '0s', summary: hostileWords[0], labels: { team: hostileText } },
  }
  const ofGroup = `/groups/${encodeURIComponent(hostileGroup)}/reset`
  const answers = [
    await post(ofGroup, { topic: 'logs', to: 'earliest' }),
    await post('/alerts/rules', rule),
    await post('/tokens', { name: hostileName }),
    await post('/tokens', { name: `=${'W'.repeat(63)}` }),
  ]
  for (const answer of answers) if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
  await post('/login', { name: hostileText, password: 'a-wrong-one' })
}

const hostileRecord = {
  ...{ partition: 0, key: hostileText, value: hostileText },
  headers: { [hostileName]: hostileText },
}

function lossRecord(word: string, at: number): { readonly key: string; readonly value: string } {
  const loss = { at: Date.now(), reason: at === 0 ? word : 'unparsed', source: word, from: '0', to: word }
  return { key: `loss-${at}`, value: JSON.stringify({ ...loss, lines: 1, detail: word }) }
}

function agentRecord(): { readonly key: string; readonly value: string } {
  const files = hostileWords.map((word, at) => ({
    ...{ path: `/var/log/${word}`, topic: hostileText, format: hostileText, sizeBytes: 9, bytesPerSecond: 1 },
    ...{ bytesBehind: at + 1, behindMs: 95_000, lastLineAt: Date.now(), gone: false },
    error: at === 0 ? hostileText : null,
  }))
  const status = {
    ...{ agentId: 'agent666', host: hostileWords[0], version: hostileText, files: files.length },
    ...{ linesPerSecond: 5, bytesBehind: 50, bytesPerSecond: 9, behindMs: 95_000, linesLeftOut: 1 },
    ...{ errors: [hostileText, hostileWords.at(-1)], fileStatuses: files },
  }
  return { key: status.agentId, value: JSON.stringify(status) }
}
