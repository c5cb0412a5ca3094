// `tailrace consume`: records of a topic on standard output, byte for byte, from where one says until one has enough.
// At the pace of whoever reads. What could not be read is told on standard error, and the exit code says so.
import { type Command, InvalidArgumentError } from 'commander'
import type { Cluster } from '../broker/client/cluster.ts'
import { offsetAt } from '../broker/client/fetcher.ts'
import type { SubscribeOptions } from '../broker/client/subscription.ts'
import { listOffsetsTimestamps } from '../broker/protocol/messages/02-list-offsets.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import type { CommandSurroundings } from './cluster-commands.ts'
import { openTopic } from './record-client.ts'
import { formatHelp, jsonLine, parseFormat, type RecordWriter, valueLine } from './record-format.ts'
import { visible } from './visible.ts'

interface ConsumeFlags {
  readonly offset: string
  readonly partition?: number[]
  readonly count?: number
  readonly untilEnd?: boolean
  readonly format?: string
  readonly json?: boolean
}

export function addConsumeCommand(command: Command, { withShared, settingsOf }: CommandSurroundings): void {
  withShared(command)
    .argument('<topic>')
    .description('records of a topic, on standard output')
    .option('--bootstrap <host:port>', 'a broker to ask, or several with commas between')
    .option(
      '-o, --offset <place>',
      'where to begin: earliest, latest, an offset, -N for the last N, 15m ago, 2026-11-24T08:00:00Z',
      'earliest',
    )
    .option('-p, --partition <number>', 'only this one; repeat for more', collectNumber)
    .option('-n, --count <count>', 'end after so many', wholeNumber)
    .option('-e, --until-end', 'end after what is there now')
    .option('-f, --format <format>', `how a record is written; ${formatHelp}`)
    .option('--json', 'one JSON object a line')
    .action((topic: string, flags: ConsumeFlags) => consume(topic, flags, settingsOf(flags)))
}

async function consume(
  topic: string,
  flags: ConsumeFlags,
  settings: Parameters<typeof openTopic>[0],
): Promise<void> {
  const write = writerOf(flags)
  const place = placeOf(flags.offset, Date.now())
  using opened = await openTopic(settings, topic)
  const { client, cluster } = opened
  const partitions = chosen(opened.partitions, flags.partition, topic)
  let lost = 0
  const subscription = client.subscribe(topic, {
    partitions,
    from: await startOf(place, cluster, topic, partitions),
    ...(flags.untilEnd && { untilEnd: true }),
    onLost({ partition, fromOffset, toOffset, reason }) {
      if (place.kind === 'offset') return
      lost++
      process.stderr.write(`tailrace: ${topic}-${partition}, ${fromOffset} to ${toOffset}: ${reason}\n`)
    },
  })
  let isInterrupted = false
  const onInterrupt = () => {
    if (isInterrupted) process.exit(exitCodes.interrupted)
    isInterrupted = true
    subscription.close()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onInterrupt)
  let left = flags.count ?? Number.POSITIVE_INFINITY
  for await (const record of subscription) {
    if (!process.stdout.write(write(record)))
      await new Promise(resolve => process.stdout.once('drain', resolve))
    left--
    if (left === 0) break
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onInterrupt)
  if (isInterrupted) process.exitCode = exitCodes.interrupted
  else if (lost > 0) process.exitCode = exitCodes.failed
}

function writerOf({ format, json }: ConsumeFlags): RecordWriter {
  if (format !== undefined && json) throw new ExitError(exitCodes.usage, 'Choose one of --format and --json')
  if (json) return jsonLine
  if (format !== undefined) return parseFormat(format)
  if (!process.stdout.isTTY) return valueLine
  // Lines come from anywhere: what would steer a terminal is shown, not sent.
  return ({ value }) => Buffer.from(`${visible(value?.toString() ?? '')}\n`)
}

export type StartPlace =
  | { readonly kind: 'earliest' | 'latest' }
  | { readonly kind: 'offset' | 'last'; readonly count: number }
  | { readonly kind: 'time'; readonly at: Date }

const unitsMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Throws ExitError 64 with what can be written. */
export function placeOf(text: string, nowMs: number): StartPlace {
  if (text === 'earliest' || text === 'beginning') return { kind: 'earliest' }
  if (text === 'latest' || text === 'end') return { kind: 'latest' }
  if (/^\d{1,15}$/.test(text)) return { kind: 'offset', count: Number(text) }
  if (/^-\d{1,15}$/.test(text)) return { kind: 'last', count: Number(text.slice(1)) }
  const ago = /^(\d{1,6})([smhd])$/.exec(text)
  if (ago) return { kind: 'time', at: new Date(nowMs - Number(ago[1]) * unitsMs[ago[2]!]!) }
  const at = new Date(text)
  if (/^\d{4}-/.test(text) && !Number.isNaN(at.getTime())) return { kind: 'time', at }
  throw new ExitError(
    exitCodes.usage,
    `--offset "${text}": write earliest, latest, an offset, -10, 15m or 2026-11-24T08:00:00Z`,
  )
}

async function startOf(
  place: StartPlace,
  cluster: Cluster,
  topic: string,
  partitions: readonly number[],
): Promise<NonNullable<SubscribeOptions['from']>> {
  if (place.kind === 'time') return place.at
  if (!('count' in place)) return place.kind
  const { kind, count } = place
  const { earliest, latest } = listOffsetsTimestamps
  const entries = partitions.map(async partition => {
    const at = (timestamp: number) => offsetAt(cluster, topic, partition, timestamp)
    const [from, to] = [await at(earliest), await at(latest)]
    const wanted = kind === 'last' ? to - count : count
    return [`${topic}-${partition}`, Math.min(to, Math.max(from, wanted))] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

function chosen(
  all: readonly number[],
  wanted: readonly number[] | undefined,
  topic: string,
): readonly number[] {
  const missing = wanted?.find(number => !all.includes(number))
  if (missing === undefined) return wanted ?? all
  throw new ExitError(exitCodes.usage, `"${topic}" has the partitions 0 to ${all.length - 1}, not ${missing}`)
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('write a whole number from 1 on')
}

function collectNumber(text: string, previous: readonly number[] = []): number[] {
  if (/^\d{1,9}$/.test(text)) return [...previous, Number(text)]
  throw new InvalidArgumentError('write the number of a partition')
}
